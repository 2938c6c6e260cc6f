/* settler_world: Kafka's group, settle and MySQL as the consumer thread meets them in its tests. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/consumer.h"
#include "settlement/settle.h"
#include "settlement/settler.h"

enum { RECORDS_MAX = 8, CALLS_MAX = 16 };

/* What settle_batch() is to answer, one call after the other; then DONE with everything. */
struct answer {
    enum settle_result result;
    uint32_t taken;
};

struct settler_world {
    struct consumer_options options; /* of the consumer that is there */
    char group[16];
    struct consumer_record records[RECORDS_MAX];
    size_t record_count;
    uint32_t polls, polls_max; /* then the waiter is stopped */
    enum consumer_result poll_results[CALLS_MAX];
    uint32_t creates, destroys, keep_alives, rewinds, pauses, resumes, releases;
    uint32_t keep_alive_ms[CALLS_MAX];
    uint64_t rewound_to, committed;
    bool is_assigned[2];
    bool is_stopped; /* partition 0, by a gap that the consumer saw */
    bool stays_stopped;
    bool loses_claim;     /* from the third on */
    uint64_t mended_next; /* what MySQL tells from the third claim on; 0: as before */
    bool loses_in_keep_alive;
    const char *trouble;
    enum err create_err;
    /* settle */
    struct answer answers[CALLS_MAX];
    uint32_t calls;
    size_t counts[CALLS_MAX];
    uint64_t firsts[CALLS_MAX]; /* first offset of each call */
    struct settle_item poison;  /* the first item without a record */
    uint32_t partitions[CALLS_MAX];
    uint32_t claims, alive; /* settles */
    uint32_t counted;       /* records, as the kind was told */
    uint32_t sweeps, sweep_more;
    uint64_t swept_from; /* where the last one began */
    enum err sweep_err;
    enum settle_result claim_result;
    uint64_t next[2];
    struct settler_state in_back_off, in_settle; /* as told meanwhile; the last */
};
extern struct settler_world world;
extern struct settler *settler; /* the one under test */
extern const struct settle_kind world_kind;
