/* producer_blocking: one librdkafka producer for one topic, for threads that may wait.
 * Why:    the worker's relays hand rows of MySQL over and mark those that were reported; how a
 *         record is put, waited for and judged is the same for each of them (PROTOCOL §5).
 * Never:  waits beyond its deadline or a stop; keeps a record: what was not reported is put again
 *         by its owner, so that a record may be in the topic twice.
 * Thread: that of its owner.  Owner: the caller of producer_blocking_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"

struct producer_blocking;
struct waiter;

enum { PRODUCER_BLOCKING_BATCH_MAX = 256, PRODUCER_BLOCKING_HEADERS_MAX = 8 };

struct producer_blocking_options {
    const char *brokers, *topic, *client_name; /* borrowed, outlive the producer */
    struct waiter *waiter;                     /* borrowed, outlives the producer: ends waits */
};
/* ERR_CONFIG: `error` says what librdkafka refuses; ERR_NO_MEMORY. Connects in the background. */
MUST_CHECK enum err producer_blocking_create(const struct producer_blocking_options *options,
                                             char error[static KAFKA_CONF_ERROR_SIZE],
                                             struct producer_blocking **ret_producer);
/* NULL is fine; what is under way is dropped. */
void producer_blocking_destroy(struct producer_blocking *producer);

struct producer_header {
    const char *name, *value;
};
/* All of it is borrowed for the call. */
struct producer_record {
    uint64_t id; /* not 0: names it in its report */
    const void *key;
    size_t key_size; /* 0: none */
    const void *value;
    size_t value_size;
    const struct producer_header *headers;
    size_t header_count; /* at most PRODUCER_BLOCKING_HEADERS_MAX */
};
/* Takes a copy. ERR_BUSY: PRODUCER_BLOCKING_BATCH_MAX or the client's buffer are full: wait first.
 * ERR_RANGE: too large, now and later. ERR_UNAVAILABLE: nothing can be put now. ERR_NO_MEMORY. */
MUST_CHECK enum err producer_blocking_put(struct producer_blocking *producer,
                                          const struct producer_record *record);

/* ERR_OK: surely in the topic. ERR_RANGE: the topic refuses the record, or the batch that it went
 * in (one that is too large is refused as a whole): put alone it is the record itself, until the
 * topic's settings are changed. ERR_LOST: it may be there or not: put it again. */
struct producer_report {
    uint64_t id;
    enum err status;
};
/* Until all that were put are reported, the deadline, or a stop; returns how many reports. A record
 * without one counts as lost; its report may come with a later call. */
size_t producer_blocking_wait(
    struct producer_blocking *producer, uint32_t timeout_ms,
    struct producer_report ret_reports[static PRODUCER_BLOCKING_BATCH_MAX]);
/* What the last refusal or failed report said; "" if all was well since the last wait began. Valid
 * until the next call. */
const char *producer_blocking_trouble(const struct producer_blocking *producer);
/* For tests: the handle ends as after a fatal error of librdkafka; the next put makes a new one. */
void producer_blocking_inject_fatal(struct producer_blocking *producer);
