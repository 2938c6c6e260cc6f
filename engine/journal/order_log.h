/* order_log: the engine's end of the Kafka topic seckill.orders.
 * Why:    a win is told only after its delivery report, acks=all (PROTOCOL §3.5, §5).
 * Never:  blocks; promises that a failed report means "not written": it may be (K10).
 * Thread: loop.  Owner: the caller of order_log_create(), one per reactor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct loop;
struct metrics_shard;
struct order_log;
struct order_record;

struct order_log_options {
    struct loop *loop;           /* borrowed, outlives the log */
    const char *brokers, *topic; /* borrowed, outlive the log */
    const char *client_name;
    uint32_t linger_ms, message_timeout_ms;
    uint32_t records_max;        /* records under way at most */
    struct metrics_shard *shard; /* borrowed or NULL */
};
/* NULL: no memory or a bad setting (logged). */
struct order_log *order_log_create(const struct order_log_options *options);
/* Waits for no report: what is under way gets ERR_LOST inside. May take about a second when brokers
 * are away. NULL is fine; never inside a callback of the log. */
void order_log_destroy(struct order_log *log);

/* status: ERR_OK: reported, in the log. ERR_LOST: it may or may not be there. ERR_REFUSED: surely
 * not written. */
typedef void order_log_done_fn(void *arg, enum err status);
/* On ERR_OK `done` runs exactly once, in a later loop turn. ERR_BUSY: queue full; ERR_UNAVAILABLE:
 * the producer is being made anew; ERR_RANGE: the record breaks order_record_check(). Then `done`
 * never runs. `record` is copied. */
MUST_CHECK enum err order_log_append(struct order_log *log, const struct order_record *record,
                                     order_log_done_fn *done, void *arg);
/* Everything under way is handed to the broker now rather than after linger (drain). */
void order_log_flush_soon(struct order_log *log);
uint32_t order_log_inflight_count(const struct order_log *log);
/* Monotonic time at which the oldest unreported record was appended; 0: none. */
int64_t order_log_oldest_us(const struct order_log *log);
/* True: brokers and topic were seen, and the producer is healthy. Else `*ret_why` is a text owned
 * by the log. Checked in the background; never blocks. */
bool order_log_is_ready(const struct order_log *log, const char **ret_why);
/* A report failed within the last three message time-outs, and none was good since: brokers may
 * answer and still take no record (too few replicas, say). Whoever hands over more than a few now
 * harms those that follow. */
bool order_log_is_doubted(const struct order_log *log);
/* Topic settings promise less than PROTOCOL §5 asks (replicas, min.insync, retention): a text owned
 * by the log, or NULL. */
const char *order_log_weakness(const struct order_log *log);
/* For fault tests (FK5): librdkafka's own way to raise a fatal error. */
void order_log_inject_fatal(struct order_log *log);
