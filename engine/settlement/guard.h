/* guard: loads a sale into Redis, the first time and over an older history.
 * Why:    one procedure makes a new epoch without losing a win that anyone was told of and without
 *         selling a unit twice (PROTOCOL §4).
 * Never:  repairs silently: each load leaves its steps in `guard` and in admin_log; goes on after
 *         another worker took its claim.
 * Thread: one that may block.  Owner: the caller. The loads of a claim run in guard_loads. */
#pragma once

#include <stdbool.h>
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
enum { GUARD_STALE_MS = 8000 };

struct guard_context {
    struct mysql_link *mysql;     /* borrowed for the call */
    struct redis_blocking *redis; /* borrowed for the call */
    struct waiter *waiter;        /* borrowed for the call; stopping it fails loads */
    const struct conf *conf;      /* borrowed: brokers, topic, times written into meta */
    const char *owner;            /* borrowed: who this worker is */
    struct metrics_shard *shard;  /* borrowed or NULL */
};

/* Why a sale is loaded, and who wants it. */
enum { GUARD_ACTOR_SIZE_MAX = 32, GUARD_REQUEST_ID_SIZE_MAX = 64 };
struct guard_request {
    struct guard_claim claim;
    bool is_recover; /* of a sale that was loaded before; else "load" stands in admin_log */
    char actor[GUARD_ACTOR_SIZE_MAX + 1]; /* "admin", "guard" */
    char request_id[GUARD_REQUEST_ID_SIZE_MAX + 1];
};
/* "load" or "recover" in admin_log; each step of either is a "load_step". */
const char *guard_request_action(const struct guard_request *request);
#define GUARD_STEP_ACTION "load_step"

/* Takes the sale for a load, with its row in admin_log; `detail` says why. `seen` (may be NULL):
 * take it only if its guard row has this fence (0: no row). ERR_BUSY: a load of it runs, or another
 * was quicker; ERR_NOT_FOUND: no such sale; ERR_CONFLICT: recover of a sale that was never loaded;
 * else as mysql_link.h. On ERR_OK ret_request->claim is to be given to guard_loads_submit(). */
MUST_CHECK enum err guard_claim_sale(const struct guard_context *context, struct sale_id sale,
                                     const struct admin_actor *actor, bool is_recover,
                                     const char *detail, const uint64_t *seen,
                                     struct guard_request *ret_request);
/* Ends a claim that is not to be loaded: DONE or FAILED, with a note. Errors as mysql_link.h. */
MUST_CHECK enum err guard_end_claim(const struct guard_context *context,
                                    const struct guard_request *request, enum guard_step end,
                                    const char *note);

/* Writes the catalogue anew, from all sales that were ever loaded; those that closed more than
 * catalogue.keep_days ago, pay window included, are left out. ERR_RANGE: too many. ERR_BUSY:
 * another worker is at it, or took over meanwhile and may be overwritten by what is older: call
 * again. `beat` (NULL: none) is called once a second: it may use the context's link to MySQL. */
typedef void guard_beat_fn(void *arg);
MUST_CHECK enum err guard_write_catalogue(const struct guard_context *context, guard_beat_fn *beat,
                                          void *beat_arg);
