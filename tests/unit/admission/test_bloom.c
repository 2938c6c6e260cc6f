#include "admission/bloom.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

enum { STRANGERS = 400000 };

static struct bloom *made(uint64_t keys, uint32_t error_ppm)
{
    struct bloom *bloom = bloom_create(
        &(struct bloom_options){.expected_keys = keys, .error_ppm = error_ppm, .created_us = 100});

    cr_assert_not_null(bloom);
    return bloom;
}

static size_t name_of(uint64_t n, char name[static 32])
{
    return (size_t)snprintf(name, 32, "buyer-%lu", n);
}

static void add(struct bloom *bloom, uint64_t from, uint64_t to)
{
    char name[32];

    for (uint64_t n = from; n < to; n++) {
        bloom_add(bloom, name, name_of(n, name));
    }
}

static bool may_contain(const struct bloom *bloom, uint64_t n)
{
    char name[32];

    return bloom_may_contain(bloom, name, name_of(n, name));
}

/* False positives in a million, of keys that were never added. */
static double measured_ppm(const struct bloom *bloom)
{
    uint64_t maybe = 0;

    for (uint64_t n = 0; n < STRANGERS; n++) {
        maybe += may_contain(bloom, 1000000000 + n) ? 1 : 0;
    }
    return (double)maybe * 1e6 / STRANGERS;
}

Test(bloom, no_filter_says_maybe)
{
    cr_assert(may_contain(NULL, 1));
}

Test(bloom, an_overfull_filter_says_maybe)
{
    struct bloom *bloom = made(1000, 1000);

    add(bloom, 0, 1000);
    cr_assert_not(bloom_is_overfull(bloom));
    cr_assert_not(may_contain(bloom, 1000000007));
    add(bloom, 1000, 4000);
    cr_assert(bloom_is_overfull(bloom));
    cr_assert(may_contain(bloom, 1000000007));
    bloom_release(bloom);
}

Test(bloom, an_impossible_error_is_a_bug, .signal = SIGABRT)
{
    (void)made(10, 0);
}

Test(bloom, never_denies_what_was_added)
{
    static const uint64_t sizes[] = {0, 1, 7, 64, 1000, 50000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct bloom *bloom = made(sizes[i], 1000);

        add(bloom, 0, sizes[i]);
        for (uint64_t n = 0; n < sizes[i]; n++) {
            cr_assert(may_contain(bloom, n), "%lu of %lu", n, sizes[i]);
        }
        bloom_release(bloom);
    }
}

Test(bloom, an_empty_filter_denies_everything)
{
    struct bloom *bloom = made(1000, 1000);

    cr_assert_eq(measured_ppm(bloom), 0);
    cr_assert_eq(bloom_key_count(bloom), 0);
    cr_assert_eq(bloom_measure(bloom).fill_ppm, 0);
    bloom_release(bloom);
}

/* Within twice the wanted error at full load, measured and estimated; not wastefully below it. */
Test(bloom, keeps_the_wanted_error_at_full_load, .timeout = 60)
{
    static const uint32_t wanted_ppm[] = {100, 1000, 10000, 100000};

    for (size_t i = 0; i < sizeof wanted_ppm / sizeof wanted_ppm[0]; i++) {
        struct bloom *bloom = made(20000, wanted_ppm[i]);
        struct bloom_measure measure;
        double ppm;

        add(bloom, 0, 20000);
        ppm = measured_ppm(bloom);
        measure = bloom_measure(bloom);
        cr_assert(ppm <= 2.0 * wanted_ppm[i], "wanted %u, measured %.1f", wanted_ppm[i], ppm);
        cr_assert(ppm >= 0.3 * wanted_ppm[i], "wanted %u, measured %.1f", wanted_ppm[i], ppm);
        cr_assert(measure.error_ppm <= 2 * wanted_ppm[i] && measure.error_ppm >= wanted_ppm[i] / 3,
                  "wanted %u, estimated %u", wanted_ppm[i], measure.error_ppm);
        cr_assert_not(bloom_is_overfull(bloom));
        bloom_release(bloom);
    }
}

Test(bloom, is_as_small_as_its_error_allows)
{
    struct bloom *bloom = made(100000, 1000);

    cr_assert(bloom_size_bytes(bloom) < 100000 * 17 / 8, "%zu", bloom_size_bytes(bloom));
    bloom_release(bloom);
}

Test(bloom, counts_a_key_once_and_knows_its_age)
{
    struct bloom *bloom = made(1000, 1000);

    add(bloom, 0, 10);
    add(bloom, 0, 10);
    cr_assert_eq(bloom_key_count(bloom), 10);
    cr_assert_eq(bloom_age_us(bloom, 350), 250);
    bloom_release(bloom);
}

Test(bloom, lives_until_the_last_share_is_given_back)
{
    struct bloom *bloom = made(1000, 1000);
    struct bloom *other = bloom_share(bloom);

    add(bloom, 0, 10);
    bloom_release(bloom);
    cr_assert(may_contain(other, 3));
    bloom_release(other);
    bloom_release(NULL);
}
