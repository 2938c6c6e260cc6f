/* histogram: latencies, counted in buckets of at most one percent of their value.
 * Why:    percentiles of millions of answers in a few kilobytes; two histograms add up.
 * Never:  allocates; averages percentiles.
 * Thread: any; one histogram belongs to one thread. */
#pragma once

#include <stdint.h>

/* 0 to 255 us exactly, then 128 buckets for each doubling, up to 2^36 us (19 hours). */
enum { HISTOGRAM_OCTAVES = 28, HISTOGRAM_BUCKETS = 256 + HISTOGRAM_OCTAVES * 128 };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t sum_us;
    uint64_t max_us;
};

/* A histogram of zeroes is empty. */
void histogram_add(struct histogram *histogram, uint64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value that `share` (0 to 1) of all stay at or below, at most one percent too high, never
 * above the maximum; 0: the histogram is empty. */
uint64_t histogram_quantile_us(const struct histogram *histogram, double share);
/* 0: the histogram is empty. */
double histogram_mean_us(const struct histogram *histogram);
