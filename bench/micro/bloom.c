/* bloom: what does a look-up cost, and how good is the filter? Prints bits, nanoseconds and error.
 * Why:    every loser's "no" asks the winners' filter.
 * Never:  part of the engine.
 * Thread: main. */
#include "admission/bloom.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/assert.h"
#include "common/clock.h"

enum { LOOKUPS = 2000000 };

static void run(uint64_t keys, uint32_t error_ppm)
{
    int64_t begin_us = clock_mono_us(), made_us;
    struct bloom *bloom = bloom_create(
        &(struct bloom_options){.expected_keys = keys, .error_ppm = error_ppm, .created_us = 0});
    uint64_t maybe = 0;

    ASSERT(bloom);
    made_us = clock_mono_us() - begin_us;
    for (uint64_t key = 0; key < keys; key++) {
        bloom_add(bloom, &key, sizeof key);
    }
    begin_us = clock_mono_us();
    for (uint64_t i = 0; i < LOOKUPS; i++) {
        uint64_t key = i + (UINT64_C(1) << 40);

        maybe += bloom_may_contain(bloom, &key, sizeof key) ? 1 : 0;
    }
    printf("%8" PRIu64 " keys, wanted %6" PRIu32 " ppm: %8zu bytes (%.1f bits a key), made in "
           "%" PRId64 " us, look-up %.1f ns, measured %.1f ppm, estimated %" PRIu32 " ppm\n",
           keys, error_ppm, bloom_size_bytes(bloom),
           (double)bloom_size_bytes(bloom) * 8 / (double)keys, made_us,
           (double)(clock_mono_us() - begin_us) * 1e3 / LOOKUPS, (double)maybe * 1e6 / LOOKUPS,
           bloom_measure(bloom).error_ppm);
    bloom_release(bloom);
}

int main(void)
{
    static const uint32_t errors_ppm[] = {100, 1000, 10000};

    for (size_t i = 0; i < sizeof errors_ppm / sizeof errors_ppm[0]; i++) {
        for (uint64_t keys = 1000; keys <= 1000000; keys *= 10) {
            run(keys, errors_ppm[i]);
        }
    }
    return 0;
}
