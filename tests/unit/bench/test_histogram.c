#include "bench/load/histogram.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct histogram histogram;

static void fill(uint64_t from, uint64_t to)
{
    memset(&histogram, 0, sizeof histogram);
    for (uint64_t us = from; us <= to; us++) {
        histogram_add(&histogram, us);
    }
}

Test(histogram, an_empty_one_tells_zero)
{
    memset(&histogram, 0, sizeof histogram);
    cr_assert_eq(histogram_quantile_us(&histogram, 0.99), 0);
    cr_assert_eq(histogram_mean_us(&histogram), 0.0);
}

Test(histogram, small_values_are_exact)
{
    fill(1, 100);
    cr_assert_eq(histogram_quantile_us(&histogram, 0.5), 50);
    cr_assert_eq(histogram_quantile_us(&histogram, 0.99), 99);
    cr_assert_eq(histogram_quantile_us(&histogram, 1.0), 100);
    cr_assert_eq(histogram_quantile_us(&histogram, 0.0), 1);
}

Test(histogram, a_quantile_is_never_too_low_and_at_most_one_percent_too_high)
{
    fill(1, 100000);
    for (uint64_t share = 1; share <= 1000; share++) {
        const uint64_t exact = share * 100;
        const uint64_t told = histogram_quantile_us(&histogram, (double)share / 1000.0);
        cr_assert_geq(told, exact);
        cr_assert_leq(told, exact + exact / 100 + 1, "%lu for %lu", told, exact);
    }
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Latencies as they are: most are small, few are very large. */
Test(histogram, quantiles_are_those_of_the_sorted_values)
{
    enum { COUNT = 20000 };
    static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};
    uint64_t *values = malloc(COUNT * sizeof *values), seed = 1;

    memset(&histogram, 0, sizeof histogram);
    for (uint32_t i = 0; i < COUNT; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (seed >> 33) % (UINT64_C(1) << (4 + (seed >> 60) * 2));
        histogram_add(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof *values, compare);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        const double exact_rank = shares[i] * COUNT;
        const size_t rank = (size_t)exact_rank + ((double)(size_t)exact_rank < exact_rank);
        const uint64_t exact = values[rank - 1];
        const uint64_t told = histogram_quantile_us(&histogram, shares[i]);
        cr_assert_geq(told, exact, "%g", shares[i]);
        cr_assert_leq(told, exact + exact / 100, "%g: %lu for %lu", shares[i], told, exact);
    }
    free(values);
}

Test(histogram, the_maximum_is_exact_and_huge_values_have_a_place)
{
    memset(&histogram, 0, sizeof histogram);
    histogram_add(&histogram, 123456789);
    cr_assert_eq(histogram_quantile_us(&histogram, 0.5), 123456789);
    histogram_add(&histogram, UINT64_C(1) << 50);
    cr_assert_eq(histogram_quantile_us(&histogram, 1.0), UINT64_C(1) << 50);
    cr_assert_eq(histogram.total, 2);
}

Test(histogram, every_power_of_two_and_its_neighbours_keep_their_order)
{
    uint64_t last = 0;

    for (uint32_t bit = 1; bit < 36; bit++) {
        for (int off = -1; off <= 1; off++) {
            memset(&histogram, 0, sizeof histogram);
            histogram_add(&histogram, (UINT64_C(1) << bit) + (uint64_t)off);
            histogram_add(&histogram, UINT64_C(1) << 40);
            const uint64_t told = histogram_quantile_us(&histogram, 0.5);
            cr_assert_geq(told, last);
            last = told;
        }
    }
}

Test(histogram, two_add_up)
{
    struct histogram *all = calloc(1, sizeof *all);

    fill(1, 10);
    histogram_merge(all, &histogram);
    fill(1001, 1010);
    histogram_merge(all, &histogram);
    cr_assert_eq(all->total, 20);
    cr_assert_eq(histogram_quantile_us(all, 0.5), 10);
    cr_assert_eq(histogram_quantile_us(all, 1.0), 1010);
    free(all);
}
