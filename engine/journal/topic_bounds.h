/* topic_bounds: from where to where the partitions of a topic hold records now.
 * Why:    a load, the audit and the reaper each go by where a log ends, and ask its leaders for it.
 * Never:  answers by what a client remembers.
 * Thread: any that may block. */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct rd_kafka_s;

enum { LOG_PARTITIONS_MAX = 256 };

/* By partition. */
struct topic_bounds {
    uint32_t count;
    uint64_t first[LOG_PARTITIONS_MAX]; /* the oldest record that is there */
    uint64_t end[LOG_PARTITIONS_MAX];   /* what the next record will have */
};
/* Within about `timeout_ms`. ERR_UNAVAILABLE, ERR_TIMEOUT, ERR_NOT_FOUND (no such topic), ERR_RANGE
 * (more than LOG_PARTITIONS_MAX partitions). */
MUST_CHECK enum err topic_bounds_read(struct rd_kafka_s *handle, const char *topic,
                                      uint32_t timeout_ms, struct topic_bounds *ret_bounds);
