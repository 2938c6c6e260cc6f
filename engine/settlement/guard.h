/* guard: loads a sale into Redis, the first time and over an older history.
 * Why:    one procedure makes a new epoch without losing a win that anyone was told of and without
 *         selling a unit twice (PROTOCOL §4).
 * Never:  repairs silently: each load leaves its steps in `guard` and a row in admin_log; goes on
 *         after another worker took its claim.
 * Thread: one that may block.  Owner: the caller. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "ledger/admin_log.h"
#include "ledger/guard_store.h"

struct conf;
struct metrics_shard;
struct mysql_link;
struct redis_blocking;
struct waiter;

/* A load whose owner was silent for so long may be taken over. */
enum { GUARD_STALE_MS = 15000 };

struct guard_context {
    struct mysql_link *mysql;     /* borrowed for the call */
    struct redis_blocking *redis; /* borrowed for the call */
    struct waiter *waiter;        /* borrowed for the call; stopping it fails the load */
    const struct conf *conf;      /* borrowed: brokers, topic, times written into meta */
    const char *owner;            /* borrowed: who this worker is */
    struct metrics_shard *shard;  /* borrowed or NULL */
};

/* Takes the sale for a load. Until that begins, the other loads of this owner keep the claim alive.
 * ERR_BUSY: one is running; ERR_NOT_FOUND: no such sale; else as
 * mysql_link.h. */
MUST_CHECK enum err guard_claim_sale(const struct guard_context *context, struct sale_id sale,
                                     const struct admin_actor *actor,
                                     struct guard_claim *ret_claim);
/* Runs the load of a claim to its end, whatever that is: step DONE, or FAILED with a note that says
 * why (also logged). Takes Q + hold and longer; may be called again after a failure with a new
 * claim. A stopped waiter fails it, before the fence is touched if it had not begun. */
MUST_CHECK enum err guard_load(const struct guard_context *context,
                               const struct guard_claim *claim);

/* Writes the catalogue anew, from all sales that were ever loaded; those that closed more than
 * catalogue.keep_days ago, pay window included, are left out. ERR_RANGE: too many. ERR_BUSY:
 * another worker is at it, or took over meanwhile and may be overwritten by what is older: call
 * again. */
MUST_CHECK enum err guard_write_catalogue(const struct guard_context *context);
