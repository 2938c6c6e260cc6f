/* guard_job: one load in work, shared by the files of the guard.
 * Why:    a load has six steps and three services; each file knows one of them.
 * Never:  seen outside of settlement/guard*.c.
 * Thread: that of guard_load(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger/guard_store.h"
#include "ledger/sale_store.h"
#include "settlement/guard.h"

enum {
    GUARD_LOOK_MS = 200,  /* between two looks at what is waited for */
    GUARD_BEAT_MS = 1000, /* at most so long between two beats */
};

struct guard_job {
    const struct guard_context *context;
    struct guard_claim claim;
    struct sale_row row; /* as cut */
    struct guard_progress progress;
    char note[GUARD_NOTE_SIZE_MAX + 1];
    uint32_t redis_epoch; /* found in Redis; 0: none */
    uint32_t guard_ms;    /* Q: ours, or the one that the sale was loaded with if that is longer */
    uint64_t filled;      /* orders and listed buyers that were given to Redis */
};

/* Leaves step and figures in the guard row, and proves that the claim is still ours. */
MUST_CHECK enum err guard_beat(struct guard_job *job, enum guard_step step, uint64_t done,
                               uint64_t expected);
/* True: this worker is to end; the load fails, told in its note. */
bool guard_is_stopped(struct guard_job *job);
/* Puts down why the load fails; returns `err`. */
__attribute__((format(printf, 3, 4))) enum err guard_failed(struct guard_job *job, enum err err,
                                                            const char *format, ...);
enum err guard_failed_by_mysql(struct guard_job *job, enum err err, const char *what);
enum err guard_failed_by_redis(struct guard_job *job, enum err err, const char *what);

/* Step 2 (guard_drain.c): the outbox to the log, entry by entry, and the log settled to its end. */
MUST_CHECK enum err guard_drain(struct guard_job *job);
/* Step 3 (guard_fill.c): stock, orders and list of the cut to Redis, load_begin to load_end. */
MUST_CHECK enum err guard_fill(struct guard_job *job);
