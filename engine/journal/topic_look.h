/* topic_look: a client that does nothing but look at topics, for threads that may wait.
 * Why:    a worker that only reads knows its brokers by silence; readiness must name them, and what
 *         a topic promises (PROTOCOL §5), before a record is missed.
 * Never:  produces, consumes or changes anything.
 * Thread: that of its owner, one at a time. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"
#include "journal/topic_check.h"

struct topic_look;

struct topic_look_options {
    const char *brokers, *client_name; /* borrowed for the call */
};
/* Connects in the background. ERR_CONFIG (`error` says what), ERR_NO_MEMORY. */
MUST_CHECK enum err topic_look_create(const struct topic_look_options *options,
                                      char error[static KAFKA_CONF_ERROR_SIZE],
                                      struct topic_look **ret_look);
void topic_look_destroy(struct topic_look *look); /* NULL is fine */
/* As topic_check_run(). */
void topic_look_at(struct topic_look *look, const char *topic, uint32_t timeout_ms,
                   struct topic_check *ret_check);
