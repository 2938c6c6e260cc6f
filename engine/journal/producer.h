/* producer: one librdkafka producer for one topic, on a loop.
 * Why:    order_log and notice_log hand bytes over and hear of each exactly once; handle, reports,
 *         health and the making anew of a dead handle are the same for both (K1, K9, PROTOCOL §5).
 * Never:  blocks: what may block (metadata, destroy) runs on a helper thread.
 * Thread: loop.  Owner: the caller of producer_create(). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct loop;
struct metrics_shard;
struct producer;
struct topic_health;

struct producer_options {
    struct loop *loop;           /* borrowed, outlives the producer */
    const char *brokers, *topic; /* borrowed, outlive the producer */
    const char *client_name;     /* borrowed, outlives the producer */
    uint32_t linger_ms, message_timeout_ms;
    uint32_t records_max;        /* records under way at most */
    struct metrics_shard *shard; /* borrowed or NULL */
};
/* NULL: no memory, or librdkafka refuses a setting (logged). */
struct producer *producer_create(const struct producer_options *options);
/* Waits for no report: what is under way gets ERR_LOST inside. NULL is fine. */
void producer_destroy(struct producer *producer);

/* ERR_OK: in the log. ERR_LOST: may or may not be there (K10). ERR_REFUSED: surely not. */
typedef void producer_done_fn(void *arg, enum err status);
/* Copies the bytes; `key` may be NULL (any partition). On ERR_OK `done` runs exactly once, in a
 * later turn. ERR_BUSY: the queue is full; ERR_UNAVAILABLE: being made anew; ERR_RANGE: too large.
 */
MUST_CHECK enum err producer_append(struct producer *producer, const void *key, size_t key_size,
                                    const void *bytes, size_t size, producer_done_fn *done,
                                    void *arg);
/* Asks that what waits for linger leaves now; comes back at once. */
void producer_flush_soon(struct producer *producer);
uint32_t producer_inflight_count(const struct producer *producer);
int64_t producer_oldest_us(const struct producer *producer); /* 0: nothing is under way */
/* As order_log_is_ready(). */
bool producer_is_ready(const struct producer *producer, const char **ret_why);
/* As order_log_is_doubted(). */
bool producer_is_doubted(const struct producer *producer);
/* What is known of the topic: lives with the producer, changes by itself. */
const struct topic_health *producer_health(const struct producer *producer);

/* For fault tests (FK5): librdkafka's own way to raise a fatal error. */
void producer_inject_fatal(struct producer *producer);
