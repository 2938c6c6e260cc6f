/* reaper: closes orders that nobody paid in time.
 * Why:    a won unit that is not paid must come back to the sale (PROTOCOL §6), and an order that
 *         was paid in time must not be closed because its notice still waits in the log.
 * Never:  closes anything before the consumer of the notices has passed the log's ends as they were
 *         when the order was already overdue; reads a clock of its own: NOW(3) says what is
 *         overdue; counts on being the only one.
 * Thread: one that may block, its own.  Owner: the caller of reaper_create(). */
#pragma once

#include "common/err.h"

struct conf;
struct metrics_shard;
struct mysql_link;
struct reaper;
struct waiter;

struct reaper_options {
    struct mysql_link *mysql; /* borrowed, outlives the reaper */
    struct waiter *waiter;    /* borrowed: ends reaper_run() */
    /* borrowed: kafka.brokers, kafka.notices_topic, worker.reaper_ms, worker.reaper_rate,
     * worker.reaper_grace_ms */
    const struct conf *conf;
    struct metrics_shard *shard; /* borrowed or NULL: this thread's own */
};
struct reaper *reaper_create(const struct reaper_options *options); /* NULL: no memory */
void reaper_destroy(struct reaper *reaper);                         /* NULL is fine */
/* Rounds, one each worker.reaper_ms, until the waiter is stopped. */
void reaper_run(struct reaper *reaper);
/* One round, if this worker leads: closes what is overdue, or says why it may not. Errors as
 * mysql_link.h; those of Kafka leave the orders for a later round. */
MUST_CHECK enum err reaper_round(struct reaper *reaper);
