#include "admission/bloom.h"

#include "common/assert.h"
#include "common/hash.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_BITS = 512, /* a cache line */
    LINE_WORDS = LINE_BITS / 64,
    PROBE_BITS = 9, /* to name one of LINE_BITS */
    PROBES_PER_WORD = 64 / PROBE_BITS,
    PROBES_MAX = 14,
    KEYS_PER_LINE_MAX = 100, /* at the worst error that may be wanted */
    SEARCH_STEPS = 14,
    ERROR_PPM_MIN = 10,
    ERROR_PPM_MAX = 100000,
};

struct line {
    _Alignas(64) uint64_t words[LINE_WORDS];
};

struct bloom {
    struct line *lines; /* owned */
    uint64_t line_count;
    uint64_t key_count;
    uint64_t key_count_max; /* above it the filter is overfull */
    uint32_t probe_count;
    int64_t created_us;
    atomic_uint shares;
};

/* --- sizes. A blocked filter is a crowd of small filters whose loads differ by chance (Poisson):
 * its error is the mean of theirs, above that of one big filter of the same size. */

static double power(double base, uint32_t exponent)
{
    double product = 1;

    while (exponent-- > 0) {
        product *= base;
    }
    return product;
}

static double error_of(double keys_per_line, uint32_t probes)
{
    double chance = exp(-keys_per_line), clear = 1, sum = 0;
    double clear_by_key = power(1 - 1.0 / LINE_BITS, probes);
    int last = (int)(keys_per_line + 10 * sqrt(keys_per_line) + 20);

    for (int keys = 0; keys <= last; keys++) {
        sum += chance * power(1 - clear, probes);
        chance *= keys_per_line / (keys + 1);
        clear *= clear_by_key;
    }
    return sum;
}

/* How many keys a line may carry on average, to have this error. */
static double load_at(double error, uint32_t probes)
{
    double low = 0, high = 2 * KEYS_PER_LINE_MAX;

    for (int step = 0; step < SEARCH_STEPS; step++) {
        double middle = (low + high) / 2;

        if (error_of(middle, probes) <= error) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The same with the best number of probes. */
static double best_load(double error, uint32_t *ret_probes)
{
    double best = 0;

    *ret_probes = 1;
    for (uint32_t probes = 1; probes <= PROBES_MAX; probes++) {
        double load = load_at(error, probes);

        if (load > best) {
            best = load;
            *ret_probes = probes;
        }
    }
    return best;
}

struct bloom *bloom_create(const struct bloom_options *options)
{
    struct bloom *bloom = calloc(1, sizeof *bloom);
    double error = options->error_ppm / 1e6, load;
    uint64_t keys = options->expected_keys > 0 ? options->expected_keys : 1;

    ASSERT(options->error_ppm >= ERROR_PPM_MIN && options->error_ppm <= ERROR_PPM_MAX);
    ASSERT(keys < UINT64_C(1) << 40);
    if (!bloom) {
        return NULL;
    }
    load = best_load(error, &bloom->probe_count);
    bloom->line_count = (uint64_t)((double)keys / load) + 1;
    /* A few lines even for a few keys: chance weighs more in small numbers. */
    bloom->line_count += 4;
    bloom->key_count_max =
        (uint64_t)((double)bloom->line_count * load_at(2 * error, bloom->probe_count));
    bloom->created_us = options->created_us;
    atomic_init(&bloom->shares, 1);
    bloom->lines = aligned_alloc(sizeof(struct line), bloom->line_count * sizeof(struct line));
    if (!bloom->lines) {
        free(bloom);
        return NULL;
    }
    memset(bloom->lines, 0, bloom->line_count * sizeof(struct line));
    return bloom;
}

struct bloom *bloom_share(struct bloom *bloom)
{
    unsigned before = atomic_fetch_add_explicit(&bloom->shares, 1, memory_order_relaxed);

    ASSERT(before > 0);
    return bloom;
}

void bloom_release(struct bloom *bloom)
{
    unsigned before;

    if (!bloom) {
        return;
    }
    before = atomic_fetch_sub_explicit(&bloom->shares, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1) {
        free(bloom->lines);
        free(bloom);
    }
}

/* --- look-up: the hash's high bits choose the line; its mixed copies choose the bits */

__extension__ typedef unsigned __int128 wide;

static uint64_t line_of(const struct bloom *bloom, uint64_t hash)
{
    return (uint64_t)(((wide)hash * bloom->line_count) >> 64);
}

/* The finisher of SplitMix64: every output bit depends on every input bit. */
static uint64_t mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void mask_of(const struct bloom *bloom, uint64_t hash, uint64_t mask[static LINE_WORDS])
{
    uint64_t bits = 0;

    memset(mask, 0, LINE_WORDS * sizeof *mask);
    for (uint32_t i = 0; i < bloom->probe_count; i++) {
        unsigned probe;

        if (i % PROBES_PER_WORD == 0) {
            hash = mix(hash);
            bits = hash;
        }
        probe = (unsigned)(bits & (LINE_BITS - 1));
        mask[probe / 64] |= UINT64_C(1) << (probe % 64);
        bits >>= PROBE_BITS;
    }
}

void bloom_add(struct bloom *bloom, const void *key, size_t size)
{
    uint64_t hash = hash64(key, size, 0), mask[LINE_WORDS], changed = 0;
    struct line *line = &bloom->lines[line_of(bloom, hash)];

    mask_of(bloom, hash, mask);
    for (int i = 0; i < LINE_WORDS; i++) {
        changed |= mask[i] & ~line->words[i];
        line->words[i] |= mask[i];
    }
    bloom->key_count += changed ? 1 : 0;
}

bool bloom_may_contain(const struct bloom *bloom, const void *key, size_t size)
{
    uint64_t hash, mask[LINE_WORDS], missing = 0;
    const struct line *line;

    if (!bloom || bloom_is_overfull(bloom)) {
        return true;
    }
    hash = hash64(key, size, 0);
    line = &bloom->lines[line_of(bloom, hash)];
    mask_of(bloom, hash, mask);
    for (int i = 0; i < LINE_WORDS; i++) {
        missing |= mask[i] & ~line->words[i];
    }
    return missing == 0;
}

bool bloom_is_overfull(const struct bloom *bloom)
{
    return bloom->key_count > bloom->key_count_max;
}

size_t bloom_size_bytes(const struct bloom *bloom)
{
    return (size_t)bloom->line_count * sizeof(struct line);
}

uint64_t bloom_key_count(const struct bloom *bloom)
{
    return bloom->key_count;
}

int64_t bloom_age_us(const struct bloom *bloom, int64_t now_us)
{
    return now_us - bloom->created_us;
}

struct bloom_measure bloom_measure(const struct bloom *bloom)
{
    double error = 0, lines = (double)bloom->line_count;
    uint64_t set = 0;

    for (uint64_t i = 0; i < bloom->line_count; i++) {
        unsigned in_line = 0;

        for (int word = 0; word < LINE_WORDS; word++) {
            in_line += (unsigned)__builtin_popcountll(bloom->lines[i].words[word]);
        }
        set += in_line;
        error += pow((double)in_line / LINE_BITS, bloom->probe_count);
    }
    return (struct bloom_measure){.fill_ppm = (uint32_t)((double)set / lines / LINE_BITS * 1e6),
                                  .error_ppm = (uint32_t)(error / lines * 1e6 + 0.5)};
}
