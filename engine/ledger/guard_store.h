/* guard_store: who loads a sale, and how far it is.
 * Why:    two workers must not load one sale at once, and an operator reads the progress (PROTOCOL
 *         §4 guard).
 * Never:  decides what a load does.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "ledger/admin_log.h"

struct mysql_link;

#define GUARD_STEPS(X)                                                                             \
    X(CLAIMED, "claimed")                                                                          \
    X(FENCING, "fencing")   /* step 0 */                                                           \
    X(WAITING, "waiting")   /* step 1: Q */                                                        \
    X(DRAINING, "draining") /* step 2: outbox and log */                                           \
    X(CUTTING, "cutting")   /* step 3: the transaction */                                          \
    X(LOADING, "loading")   /* step 3: orders to Redis; done of expected */                        \
    X(OPENING, "opening")   /* announced, waits for hold */                                        \
    X(DONE, "done")                                                                                \
    X(FAILED, "failed")
enum guard_step {
#define X(name, text) GUARD_STEP_##name,
    GUARD_STEPS(X)
#undef X
        GUARD_STEP_COUNT
};
const char *guard_step_name(enum guard_step step); /* static */

enum { GUARD_OWNER_SIZE_MAX = 64, GUARD_NOTE_SIZE_MAX = 200 };

struct guard_claim {
    struct sale_id sale; /* 0: the catalogue */
    uint64_t fence;
};

struct guard_row {
    struct sale_id sale;
    uint64_t fence;
    char owner[GUARD_OWNER_SIZE_MAX + 1];
    uint32_t epoch; /* being loaded; 0: not known yet */
    enum guard_step step;
    uint64_t done, expected;
    char note[GUARD_NOTE_SIZE_MAX + 1]; /* why it failed, what it waits for */
    int64_t started_ms, beat_ms;
    int64_t finished_ms; /* 0: it runs */
    int64_t age_ms;      /* since the last beat, by the database's clock */
};

/* Takes the row: free, finished, or its owner silent for `stale_ms`. ERR_BUSY: a load runs
 * (ret_claim unset). */
MUST_CHECK enum err guard_store_claim(struct mysql_link *link, struct sale_id sale,
                                      const char *owner, uint32_t stale_ms,
                                      struct guard_claim *ret_claim);
/* The same with its reasons. */
struct guard_want {
    struct sale_id sale;
    const char *owner;
    uint32_t stale_ms;
    /* Only if the row is as it was when the caller looked: what it saw then may be mended since. */
    bool has_seen;
    uint64_t seen_fence;             /* 0: there was no row */
    const struct admin_actor *actor; /* NULL: no row in admin_log */
    const char *action, *detail;     /* of that row, in the claim's transaction */
};
MUST_CHECK enum err guard_store_claim_for(struct mysql_link *link, const struct guard_want *want,
                                          struct guard_claim *ret_claim);
struct guard_progress {
    enum guard_step step; /* DONE and FAILED finish the claim */
    uint32_t epoch;
    uint64_t done, expected;
    const char *note;                /* NULL: "" */
    const struct admin_actor *actor; /* NULL: no row in admin_log; else one, `action` and step */
    const char *action;
};
/* Also a beat. ERR_FENCED: taken over; stop. */
MUST_CHECK enum err guard_store_progress(struct mysql_link *link, const struct guard_claim *claim,
                                         const struct guard_progress *progress);
/* Beats for the claims that this owner has of these sales: at least each second for all that it
 * has in work. */
MUST_CHECK enum err guard_store_beat(struct mysql_link *link, const char *owner,
                                     const struct sale_id *sales, size_t count);
/* ERR_NOT_FOUND: never claimed. */
MUST_CHECK enum err guard_store_read(struct mysql_link *link, struct sale_id sale,
                                     struct guard_row *ret_row);
/* Proves the claim inside the caller's transaction and keeps its row locked. ERR_FENCED. */
MUST_CHECK enum err guard_store_prove_in(struct mysql_link *link, const struct guard_claim *claim);
