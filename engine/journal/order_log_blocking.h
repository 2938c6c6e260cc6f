/* order_log_blocking: the order log for threads that may wait: the guard's step 2 (PROTOCOL §4
 * loading) produces what the outbox holds and reads where the log ends.
 * Why:    a load goes on only when every record is reported, and settled up to the end it saw then.
 * Never:  used on a loop; retries beyond its deadline: the caller begins again.
 * Thread: that of its owner, one at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "journal/topic_bounds.h"

struct order_log_blocking;
struct order_record;

struct order_log_blocking_options {
    const char *brokers, *topic; /* copied */
    const char *client_name;     /* copied */
};
/* ERR_CONFIG: librdkafka refuses a setting; ERR_NO_MEMORY. Connects in the background. */
MUST_CHECK enum err order_log_blocking_create(const struct order_log_blocking_options *options,
                                              struct order_log_blocking **ret_log);
void order_log_blocking_destroy(struct order_log_blocking *log); /* NULL is fine */

/* Produces all of them, acks=all, and waits for the reports. ERR_OK: all are in the log.
 * ERR_TIMEOUT: not all were reported within `timeout_ms`; ERR_LOST, ERR_REFUSED: a report was a
 * failure; ERR_RANGE: a record breaks its bounds (nothing was produced). Whatever failed may be in
 * the log: repeat the call, duplicates are harmless. `ret_reported` (may be NULL; `count` flags)
 * says which are surely in. */
MUST_CHECK enum err order_log_blocking_append(struct order_log_blocking *log,
                                              const struct order_record *records, size_t count,
                                              uint32_t timeout_ms, bool *ret_reported);

/* Where every partition of the topic ends: the offset the next record will have. Asks the leaders.
 * `ends` has room for LOG_PARTITIONS_MAX; index is the partition. ERR_UNAVAILABLE, ERR_TIMEOUT,
 * ERR_NOT_FOUND (no such topic), ERR_RANGE (more partitions). */
MUST_CHECK enum err order_log_blocking_ends(struct order_log_blocking *log, uint32_t timeout_ms,
                                            uint64_t ends[static LOG_PARTITIONS_MAX],
                                            uint32_t *ret_partition_count);
