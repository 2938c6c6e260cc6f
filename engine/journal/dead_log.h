/* dead_log: the record of a dead letter in its topic, for the operator's tools.
 * Why:    what could not become an order is told where alarms are read, with its bytes, its place
 *         and the reason (PROTOCOL §5); MySQL keeps it, so this may fail and be repeated.
 * Never:  is the record of a letter (dead_letters is).
 * Thread: that of the producer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct producer_blocking;

enum {
    DEAD_LOG_VALUE_MAX = 900000, /* larger bytes stay in MySQL alone: a broker refuses 1 MiB */
};

struct dead_log_letter {
    uint64_t id; /* not 0; names the letter in its report */
    const char *topic;
    uint32_t part;
    uint64_t offset;
    uint32_t sale;     /* 0: cannot be told */
    uint64_t order_no; /* 0: cannot be told */
    const char *reason;
    const void *payload;
    size_t payload_size;
};
/* The record has no key; its value is the payload (empty above DEAD_LOG_VALUE_MAX); its headers,
 * all decimal or plain text: id, topic, partition, offset, sale, order_no, reason, size. Errors as
 * producer_blocking_put(). */
MUST_CHECK enum err dead_log_put(struct producer_blocking *producer,
                                 const struct dead_log_letter *letter);
