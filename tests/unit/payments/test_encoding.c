#include "payments/encoding.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static struct provider_text of(const char *text)
{
    return (struct provider_text){text, strlen(text)};
}

Test(encoding, base64_of_openssl_is_read_back)
{
    unsigned char bytes[256], text[400], back[256];

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37);
    }
    for (size_t size = 1; size <= sizeof bytes; size++) {
        size_t back_size = 0;
        int text_size = EVP_EncodeBlock(text, bytes, (int)size);
        struct provider_text encoded = {(const char *)text, (size_t)text_size};

        cr_assert(encoding_base64(encoded, back, size, &back_size), "%zu", size);
        cr_assert_eq(back_size, size);
        cr_assert_arr_eq(back, bytes, size);
        cr_assert(!encoding_base64(encoded, back, size - 1, &back_size), "%zu", size);
    }
}

Test(encoding, base64_has_one_text_for_one_value)
{
    static const char *const bad[] = {
        "",     "A",    "AA",       "AAA",      "AA=",       "A===",     "====",     "AAAA=",
        "AB==", "AAB=", "AA==AAAA", "AAA=AAAA", "AA=A",      "AAA\n",    " AAA",     "AAAA ",
        "AA-_", "A=A=", "AAAA\n",   "AA==\n",   "AAAAAA==A", "AAAA====", "AAAAA===",
    };
    unsigned char bytes[16];
    size_t size;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!encoding_base64(of(bad[i]), bytes, sizeof bytes, &size), "%s", bad[i]);
    }
    cr_assert(encoding_base64(of("+/+/"), bytes, sizeof bytes, &size) && size == 3);
}

Test(encoding, hex_is_small_and_whole)
{
    static const char *const bad[] = {"", "0", "00f", "00F0", "0g00", "00f00", "00f0 "};
    unsigned char bytes[2];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!encoding_hex(of(bad[i]), bytes, 2), "%s", bad[i]);
    }
    cr_assert(encoding_hex(of("0af9"), bytes, 2));
    cr_assert_eq(bytes[0], 0x0a);
    cr_assert_eq(bytes[1], 0xf9);
}
