/* topic_check: does a topic exist, and does it promise what the protocol rests on?
 * Why:    a missing topic or a short retention is said before the first sale, not after (X6, FK7).
 * Never:  changes a topic; runs on a loop: it blocks up to its time-out.
 * Thread: any that may block. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct rd_kafka_s;

enum {
    TOPIC_CHECK_TEXT_SIZE = 200,
    /* max.message.bytes of the topic: above what a producer of ours sends at once (FK11). */
    TOPIC_MESSAGE_BYTES_MIN = 1000000,
};

struct topic_check {
    enum err status;   /* ERR_OK; ERR_NOT_FOUND: no such topic; ERR_UNAVAILABLE: no broker answers;
                      * ERR_CONFIG: the topic refuses records of ours, or nobody could read them */
    bool has_answered; /* a broker did, whatever it said */
    bool has_settings; /* they were read: `weakness` is all there is */
    uint32_t partition_count;
    uint32_t replica_count;               /* of the partition with the fewest */
    char why[TOPIC_CHECK_TEXT_SIZE];      /* when not ERR_OK */
    char weakness[TOPIC_CHECK_TEXT_SIZE]; /* "": replicas, min.insync, retention are as they should
                                           */
};
/* Reads metadata and settings through `handle` (borrowed), within about `timeout_ms`. */
void topic_check_run(struct rd_kafka_s *handle, const char *topic, uint32_t timeout_ms,
                     struct topic_check *ret_check);
/* Whether this librdkafka can read records that a broker keeps with compression.type `name`. */
bool topic_codec_is_known(struct rd_kafka_s *handle, const char *name);
/* Metadata alone. ERR_NOT_FOUND, ERR_UNAVAILABLE. */
MUST_CHECK enum err topic_partition_count(struct rd_kafka_s *handle, const char *topic,
                                          uint32_t timeout_ms, uint32_t *ret_count);
