/* kafka_watch: whether the worker reaches its topics, and what these promise.
 * Why:    readiness names what is away (PROTOCOL §7): a consumer without a broker looks like one
 *         without records; and what rests on weak replication must be told once, not found out.
 * Never:  decides anything by it: consumers and relays each find out by themselves.
 * Thread: kafka_watch_run() on one that may block, kafka_watch_look() on any.  Owner: the process.
 */
#pragma once

#include <stdbool.h>

struct conf;
struct kafka_watch;
struct metrics_shard;
struct waiter;

enum { KAFKA_WATCH_TEXT_SIZE = 256 };

struct kafka_watch_options {
    struct waiter *waiter; /* borrowed, outlives the watch */
    /* borrowed: kafka.brokers, kafka.orders_topic, kafka.notices_topic, kafka.message_timeout_ms */
    const struct conf *conf;
    struct metrics_shard *shard; /* borrowed or NULL; of the watching thread */
};
struct kafka_watch *kafka_watch_create(
    const struct kafka_watch_options *options);      /* NULL: memory */
void kafka_watch_destroy(struct kafka_watch *watch); /* NULL is fine */
/* Looks at both topics until the waiter is stopped: 2 s after the look before, half a second after
 * one that was not answered or found a topic away. A look takes up to 2.5 s for each topic; where
 * no broker answers for the first, the second is not asked for. So a broker that is gone is told
 * within 7 s, and a stop may have to wait for the topic that is being looked at. Logs each change,
 * and each weakness when it comes; the metric is 1 while there is one. */
void kafka_watch_run(struct kafka_watch *watch);

struct kafka_watch_state {
    char away[KAFKA_WATCH_TEXT_SIZE]; /* why a topic cannot be used; "" when both can */
    char weak[KAFKA_WATCH_TEXT_SIZE]; /* what they promise less than they should; "": nothing */
};
/* As the last look found it; before the first: away. */
void kafka_watch_look(struct kafka_watch *watch, struct kafka_watch_state *ret_state);
