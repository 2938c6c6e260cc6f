#include "histogram.h"

enum { EXACT_MAX = 256, SUB_BITS = 7, SUB_COUNT = 1 << SUB_BITS };

static uint32_t bucket_of(uint64_t us)
{
    if (us < EXACT_MAX) {
        return (uint32_t)us;
    }
    const uint32_t shift = 63 - (uint32_t)__builtin_clzll(us) - SUB_BITS;
    const uint64_t bucket = EXACT_MAX + (shift - 1) * SUB_COUNT + (us >> shift) - SUB_COUNT;
    return bucket < HISTOGRAM_BUCKETS ? (uint32_t)bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static uint64_t bucket_top(uint32_t bucket)
{
    if (bucket < EXACT_MAX) {
        return bucket;
    }
    if (bucket == HISTOGRAM_BUCKETS - 1) {
        return UINT64_MAX; /* it takes all that is larger, too */
    }
    const uint32_t shift = (bucket - EXACT_MAX) / SUB_COUNT + 1;
    const uint64_t sub = (bucket - EXACT_MAX) % SUB_COUNT + SUB_COUNT;
    return ((sub + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t us)
{
    histogram->counts[bucket_of(us)]++;
    histogram->total++;
    histogram->sum_us += us;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->total += from->total;
    into->sum_us += from->sum_us;
    into->max_us = from->max_us > into->max_us ? from->max_us : into->max_us;
}

uint64_t histogram_quantile_us(const struct histogram *histogram, double share)
{
    const double exact = share * (double)histogram->total;
    uint64_t wanted = (uint64_t)exact;
    uint64_t seen = 0;

    wanted += (double)wanted < exact; /* rounded up */
    wanted = wanted < 1 ? 1 : wanted;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted) {
            const uint64_t top = bucket_top(i);
            return top < histogram->max_us ? top : histogram->max_us;
        }
    }
    return histogram->max_us;
}

double histogram_mean_us(const struct histogram *histogram)
{
    return histogram->total ? (double)histogram->sum_us / (double)histogram->total : 0.0;
}
