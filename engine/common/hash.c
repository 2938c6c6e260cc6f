#include "common/hash.h"

#include <xxhash.h>

uint64_t hash64(const void *data, size_t size, uint64_t seed)
{
    return XXH64(data, size, seed);
}

void hash128_hex(const void *data, size_t size, char hex[static HASH128_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
    for (size_t i = 0; i < sizeof canonical.digest; i++) {
        hex[2 * i] = digits[canonical.digest[i] >> 4];
        hex[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    hex[HASH128_HEX_SIZE - 1] = '\0';
}
