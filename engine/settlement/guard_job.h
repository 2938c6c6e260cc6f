/* guard_job: one load in work, shared by the files of the guard.
 * Why:    a load has six steps and three services; each file knows one of them. Many loads go on at
 *         once on one thread: what one of them waits for, the others do not wait for.
 * Never:  seen outside of settlement/guard*.c.
 * Thread: that of guard_loads_run(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger/guard_store.h"
#include "ledger/sale_store.h"
#include "settlement/guard.h"

enum {
    GUARD_LOOK_MS = 200,    /* between two looks at what is waited for */
    GUARD_BEAT_MS = 1000,   /* at most so long between two beats */
    GUARD_TRIES_MAX = 3,    /* of one load, when Redis changes under its hands */
    GUARD_STUCK_MS = 10000, /* a drain that waits longer is told */
};

struct guard_log;

/* What the loads in work have in common: what one has read after another's step serves both. */
struct guard_shared {
    struct guard_log *log; /* owned by guard_loads; NULL: nobody drains */
    /* when the catalogue was last written whole, its beginning; 0: not yet */
    int64_t catalogue_us;
    int64_t catalogue_busy_us; /* another worker was at it then */
    uint32_t replica_wait_ms;  /* as read at replica_us; serves the loads of the next second */
    int64_t replica_us;        /* 0: never */
    uint32_t job_count;        /* loads in work */
    void (*beat)(void *arg);   /* keeps all claims alive, if it is time; never fails */
    void *beat_arg;
};

struct guard_job {
    const struct guard_context *context;
    struct guard_shared *shared;
    struct guard_request request;
    struct guard_claim claim;
    struct sale_row row; /* as cut */
    struct guard_progress progress;
    char note[GUARD_NOTE_SIZE_MAX + 1];
    enum guard_step step; /* to be done next, or gone on with */
    uint32_t tries;
    int64_t wait_us;      /* nothing is to be done before */
    uint32_t redis_epoch; /* found in Redis; 0: none */
    /* the highest that is closed in Redis; 0: the fence was not closed, nothing was ever sold */
    uint32_t closed_epoch;
    bool is_moved;     /* the fence was not as left: from the start again */
    uint32_t guard_ms; /* Q: ours, or the one that the sale was loaded with if that is longer */
    uint64_t filled;   /* orders and listed buyers that were given to Redis */
    /* draining */
    bool is_drained;  /* the outbox */
    int64_t drain_us; /* since when the log is waited for */
    uint64_t *ends;   /* owned, `end_count`; NULL: not read yet */
    uint32_t end_count;
    bool is_stuck;
    int64_t shown_us; /* when its figures were last written */
    /* loading, opening */
    bool is_filled;
    int64_t filled_us; /* the catalogue must be written after this */
    bool is_requested;
    bool is_ending; /* only its end is not written yet */
    enum err result;
};

/* Makes one of a claim; no I/O. NULL: no memory. */
struct guard_job *guard_job_create(const struct guard_context *context, struct guard_shared *shared,
                                   const struct guard_request *request);
void guard_job_destroy(struct guard_job *job); /* NULL is fine */
/* Does what can be done now without waiting for time or for others. True: it is over, whatever
 * became of it; destroy it. May be called at any time. */
bool guard_job_turn(struct guard_job *job);

/* Leaves step and figures in the guard row, and proves that the claim is still ours; a new step is
 * told to the log and to admin_log. */
MUST_CHECK enum err guard_beat(struct guard_job *job, enum guard_step step, uint64_t done,
                               uint64_t expected);
/* True: this worker is to end; the load fails, told in its note. */
bool guard_is_stopped(struct guard_job *job);
/* Puts down why the load fails; returns `err`. */
__attribute__((format(printf, 3, 4))) enum err guard_failed(struct guard_job *job, enum err err,
                                                            const char *format, ...);
enum err guard_failed_by_mysql(struct guard_job *job, enum err err, const char *what);
enum err guard_failed_by_redis(struct guard_job *job, enum err err, const char *what);

/* Step 0 (guard_fence.c): closes the fence; nothing is to be done then before job->wait_us (Q). */
MUST_CHECK enum err guard_fence(struct guard_job *job);
/* ERR_CONFLICT: it is not as guard_fence() left it, told by job->is_moved. */
MUST_CHECK enum err guard_look_at_fence(struct guard_job *job);
/* Step 2 (guard_drain.c): the outbox to the log, entry by entry, and the log settled to its end.
 * ERR_BUSY: it is not settled yet; again. */
MUST_CHECK enum err guard_drain(struct guard_job *job);
/* ERR_CONFLICT: unresolved dead letters may be wins of the sale, told in the note. */
MUST_CHECK enum err guard_check_dead(struct guard_job *job);
/* Reads the outbox as step 2 will; changes nothing. ERR_CONFLICT: it cannot be read, as the note
 * tells. Else of Redis. */
MUST_CHECK enum err guard_check_outbox(struct guard_job *job);
/* The handle of the log; NULL is fine. */
void guard_log_destroy(struct guard_log *log);
/* Step 3 (guard_fill.c): stock, orders and list of the cut to Redis, load_begin to load_end. */
MUST_CHECK enum err guard_fill(struct guard_job *job);
