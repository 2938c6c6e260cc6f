/* relay: tells Redis what MySQL has made true (the SQL outbox).
 * Why:    units that come back, control states and order letters are written in MySQL first and
 *         sent until Redis confirms them (PROTOCOL §3.8, §6).
 * Never:  applies a change before the leases of the engines have run out; announces two changes of
 *         one sale at once; sends units of another epoch.
 * Thread: one that may block, its own.  Owner: the caller of relay_create(). */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct conf;
struct metrics_shard;
struct mysql_link;
struct redis_blocking;
struct relay;
struct waiter;

struct relay_options {
    struct mysql_link *mysql;     /* borrowed, outlives the relay */
    struct redis_blocking *redis; /* borrowed, outlives the relay */
    struct waiter *waiter;        /* borrowed: ends relay_run(), gives the monotonic clock */
    /* borrowed: worker.relay_ms, worker.return_interval_ms, sale.hold_ms */
    const struct conf *conf;
    struct metrics_shard *shard; /* borrowed or NULL */
};
struct relay *relay_create(const struct relay_options *options); /* NULL: no memory */
void relay_destroy(struct relay *relay);                         /* NULL is fine */
/* Rounds until the waiter is stopped. */
void relay_run(struct relay *relay);
/* One round over all sales with rows that are not confirmed, and once a second the sweep of
 * latch.h. Errors as mysql_link.h; those of Redis leave the rows for the next round. */
MUST_CHECK enum err relay_round(struct relay *relay);
