/* consumer_client: a librdkafka consumer handle with the settings that the order log asks for.
 * Why:    bounded fetching, no offset kept or reset by librdkafka, eager groups (K20, K22).
 * Never:  decides where to begin.
 * Thread: any that may block. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"

struct rd_kafka_s;
struct rd_kafka_conf_s;

struct consumer_client_options {
    const char *brokers, *client_name, *group; /* borrowed for the call */
    uint32_t session_timeout_ms;
    const char *begin; /* what to do at a place that the log does not hold: "error" or "earliest" */
    void *arg;         /* librdkafka's opaque */
};
/* The settings; the caller adds its callbacks and passes it to consumer_client_make(). ERR_CONFIG:
 * `error` says what is refused. */
MUST_CHECK enum err consumer_client_conf(const struct consumer_client_options *options,
                                         char error[static KAFKA_CONF_ERROR_SIZE],
                                         struct rd_kafka_conf_s **ret_conf);
/* Takes `conf` over, also when it fails. */
MUST_CHECK enum err consumer_client_make(struct rd_kafka_conf_s *conf,
                                         char error[static KAFKA_CONF_ERROR_SIZE],
                                         struct rd_kafka_s **ret_handle);
/* Joins the group for one topic, in the background. ERR_CONFIG. */
MUST_CHECK enum err consumer_client_subscribe(struct rd_kafka_s *handle, const char *topic,
                                              char error[static KAFKA_CONF_ERROR_SIZE]);
