/* log_ends: asks where topics begin and end, for threads that may wait.
 * Why:    the reaper closes nothing before the notices' consumer has passed where their log ended
 *         (PROTOCOL §6), and the audit compares places with ends.
 * Never:  reads a record; joins a group.
 * Thread: that of its owner, one at a time. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"
#include "journal/topic_bounds.h"

struct log_ends;

struct log_ends_options {
    const char *brokers, *client_name; /* borrowed for the call */
};
/* Connects in the background. ERR_CONFIG (`error` says what), ERR_NO_MEMORY. */
MUST_CHECK enum err log_ends_create(const struct log_ends_options *options,
                                    char error[static KAFKA_CONF_ERROR_SIZE],
                                    struct log_ends **ret_ends);
void log_ends_destroy(struct log_ends *ends); /* NULL is fine */
/* Asks the leaders of all partitions of a topic. Errors as topic_bounds_read(). */
MUST_CHECK enum err log_ends_read(struct log_ends *ends, const char *topic, uint32_t timeout_ms,
                                  struct topic_bounds *ret_bounds);
