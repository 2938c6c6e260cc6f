/* bloom: a set that answers "surely not in it" or "maybe".
 * Why:    a "no" without asking Redis; one cache line is touched per look-up (PROTOCOL §3.8).
 * Never:  says "surely not" of a key that was added; says it at all once overfull, or when there is
 *         no filter (NULL): then it is "maybe".
 * Thread: built by one thread, immutable from then on, read by any.
 * Owner:  every holder of a share; the last bloom_release() frees it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bloom;

struct bloom_options {
    uint64_t expected_keys; /* 0 is 1 */
    uint32_t error_ppm; /* wanted false positives at expected_keys, in a million: 10 to 100,000 */
    int64_t created_us; /* the caller's monotonic clock: for bloom_age_us() */
};
/* NULL: no memory. One share. */
struct bloom *bloom_create(const struct bloom_options *options);
/* One more share. Thread: any. */
struct bloom *bloom_share(struct bloom *bloom);
/* Gives a share back; NULL is fine. Thread: any. */
void bloom_release(struct bloom *bloom);

/* Thread: the builder's, before the filter is shown to others. */
void bloom_add(struct bloom *bloom, const void *key, size_t size);
/* false: surely not added. true: maybe; always when `bloom` is NULL or overfull. */
bool bloom_may_contain(const struct bloom *bloom, const void *key, size_t size);
/* More keys were added than it can hold at twice the wanted error: it says "maybe" from now on. */
bool bloom_is_overfull(const struct bloom *bloom);

size_t bloom_size_bytes(const struct bloom *bloom);
uint64_t bloom_key_count(const struct bloom *bloom); /* added, those that changed nothing aside */
int64_t bloom_age_us(const struct bloom *bloom, int64_t now_us);
/* Reads the whole filter: for metrics, once after building. */
struct bloom_measure {
    uint32_t fill_ppm;  /* bits set, in a million */
    uint32_t error_ppm; /* false positives to be expected, from the bits as they are */
};
struct bloom_measure bloom_measure(const struct bloom *bloom);
