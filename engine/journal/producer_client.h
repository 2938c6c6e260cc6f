/* producer_client: a librdkafka producer handle for one topic, and what its reports prove.
 * Why:    the loop's producer and the blocking one have the same settings and read reports alike.
 * Never:  serves its own queue: its owner polls it for events DR and ERROR.
 * Thread: any, one at a time; making is quick, destroying may wait for librdkafka's threads. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "journal/kafka_conf.h"

struct rd_kafka_s;
struct rd_kafka_queue_s;
struct rd_kafka_topic_s;
struct rd_kafka_message_s;

struct producer_client_options {
    const char *brokers, *topic, *client_name; /* borrowed for the call */
    uint32_t linger_ms, message_timeout_ms, records_max;
};
struct producer_client {
    struct rd_kafka_s *handle;      /* owned; NULL: an empty client */
    struct rd_kafka_queue_s *queue; /* owned; the main queue */
    struct rd_kafka_topic_s *topic; /* owned */
};
/* ERR_CONFIG: `error` says what librdkafka refuses; ERR_NO_MEMORY. */
MUST_CHECK enum err producer_client_make(const struct producer_client_options *options,
                                         char error[static KAFKA_CONF_ERROR_SIZE],
                                         struct producer_client *ret_client);
/* An empty one is fine, and it is empty afterwards. What is under way is dropped. */
void producer_client_destroy(struct producer_client *client);
/* Why rd_kafka_produce() took nothing, by rd_kafka_last_error(): ERR_BUSY: its queue is full;
 * ERR_RANGE: the record is too large; else ERR_UNAVAILABLE. */
enum err producer_client_refusal(int status);
/* ERR_OK: in the log. ERR_REFUSED: surely not. ERR_LOST: may or may not be there (K10). */
enum err producer_client_status(const struct rd_kafka_message_s *message);
