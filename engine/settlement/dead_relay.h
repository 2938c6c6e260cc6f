/* dead_relay: tells the topic of dead letters what MySQL has put aside.
 * Why:    an operator's tools read Kafka; a letter is told at least once and waits in MySQL while
 *         the topic cannot be reached (FW10, PROTOCOL §5, §6).
 * Never:  holds settling up; marks a letter as told before its report.
 * Thread: one that may block, its own.  Owner: the caller of dead_relay_create(). */
#pragma once

#include "common/err.h"

struct conf;
struct dead_relay;
struct metrics_shard;
struct mysql_link;
struct waiter;

struct dead_relay_options {
    struct mysql_link *mysql;    /* borrowed, outlives the relay */
    struct waiter *waiter;       /* borrowed: ends dead_relay_run() */
    const struct conf *conf;     /* borrowed: kafka.brokers, kafka.dead_topic */
    struct metrics_shard *shard; /* borrowed or NULL: this thread's own */
};
struct dead_relay *dead_relay_create(
    const struct dead_relay_options *options);     /* NULL: no memory */
void dead_relay_destroy(struct dead_relay *relay); /* NULL is fine */
/* Rounds, one a second, until the waiter is stopped. */
void dead_relay_run(struct dead_relay *relay);
/* Counts the letters; the worker that leads tells some of those that were not told yet. Errors as
 * mysql_link.h; those of Kafka leave the letters for the next round. */
MUST_CHECK enum err dead_relay_round(struct dead_relay *relay);
