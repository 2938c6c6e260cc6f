/* dead_log: the topic of dead letters, for the operator's tools.
 * Why:    what could not become an order is told where alarms are read, with its bytes, its place
 *         and the reason (PROTOCOL §5); MySQL keeps it, so this may fail and be repeated.
 * Never:  is the record of a letter (dead_letters is); waits beyond its deadline or a stop.
 * Thread: that of its owner.  Owner: the caller of dead_log_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"

struct dead_log;
struct waiter;

enum {
    DEAD_LOG_BATCH_MAX = 64,
    DEAD_LOG_VALUE_MAX = 900000, /* larger bytes stay in MySQL alone: a broker refuses 1 MiB */
};

struct dead_log_options {
    const char *brokers, *topic, *client_name; /* borrowed for the call */
    struct waiter *waiter;                     /* borrowed, outlives the log: ends waits */
};
/* ERR_CONFIG: `error` says what librdkafka refuses; ERR_NO_MEMORY. Connects in the background. */
MUST_CHECK enum err dead_log_create(const struct dead_log_options *options,
                                    char error[static KAFKA_CONF_ERROR_SIZE],
                                    struct dead_log **ret_log);
void dead_log_destroy(struct dead_log *log); /* NULL is fine; what is under way is dropped */

struct dead_log_letter {
    uint64_t id; /* not 0 */
    const char *topic;
    uint32_t part;
    uint64_t offset;
    uint32_t sale;     /* 0: cannot be told */
    uint64_t order_no; /* 0: cannot be told */
    const char *reason;
    const void *payload;
    size_t payload_size;
};
/* Takes a copy. The record's value is the payload (empty above DEAD_LOG_VALUE_MAX); its headers,
 * all decimal or plain text: id, topic, partition, offset, sale, order_no, reason, size.
 * ERR_BUSY: DEAD_LOG_BATCH_MAX or the client's buffer are full: wait first. ERR_REFUSED. */
MUST_CHECK enum err dead_log_put(struct dead_log *log, const struct dead_log_letter *letter);
/* Until all that were put are reported, the deadline, or a stop. The ids that are surely in the
 * topic go to `ret_ids`; returns how many. The others may be there: put them again. */
size_t dead_log_wait(struct dead_log *log, uint32_t timeout_ms,
                     uint64_t ret_ids[static DEAD_LOG_BATCH_MAX]);
/* What the last report that was a failure said; "" if there was none. Valid until the next call. */
const char *dead_log_trouble(const struct dead_log *log);
