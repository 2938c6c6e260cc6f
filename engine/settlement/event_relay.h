/* event_relay: tells the shop what MySQL has made true (the events of the SQL outbox).
 * Why:    an event is written in the transaction of its change and told until the topic has it: at
 *         least once, in order for each order, never lost (PROTOCOL §5, schemas/events.md).
 * Never:  marks an event as told before its report; holds settling, closing or Redis' relay up;
 *         puts an event while an earlier one of the same order is not in the topic.
 * Thread: one that may block, its own; event_relay_look() on any.
 * Owner:  the caller of event_relay_create(). */
#pragma once

#include <stdbool.h>

#include "common/err.h"

struct conf;
struct event_relay;
struct metrics_shard;
struct mysql_link;
struct waiter;

enum { EVENT_RELAY_TEXT_SIZE = 192 };

struct event_relay_options {
    struct mysql_link *mysql; /* borrowed, outlives the relay */
    struct waiter *waiter;    /* borrowed: ends event_relay_run(), gives the monotonic clock */
    /* borrowed: kafka.brokers, kafka.events_topic, worker.relay_ms */
    const struct conf *conf;
    struct metrics_shard *shard; /* borrowed or NULL: this thread's own */
};
struct event_relay *event_relay_create(
    const struct event_relay_options *options);      /* NULL: no memory */
void event_relay_destroy(struct event_relay *relay); /* NULL is fine */
/* Rounds until the waiter is stopped. */
void event_relay_run(struct event_relay *relay);
/* Counts the events that wait; the worker that leads tells them. Errors as mysql_link.h; those of
 * Kafka leave the events for the next round. */
MUST_CHECK enum err event_relay_round(struct event_relay *relay);
/* True: events wait for longer than they should; `ret_why` says how many and why. As the last round
 * found it. */
bool event_relay_look(struct event_relay *relay, char ret_why[static EVENT_RELAY_TEXT_SIZE]);
