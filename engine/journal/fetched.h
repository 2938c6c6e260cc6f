/* fetched: the messages of one poll, kept alive while their records are looked at.
 * Why:    records point into librdkafka's messages: nothing is copied (P1).
 * Never:  grows beyond what it was made for.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "journal/consumer.h"

struct rd_kafka_message_s;

struct fetched {
    struct rd_kafka_message_s **messages; /* owned, and so are the messages */
    struct consumer_record *records;      /* owned */
    size_t count, max;
};

bool fetched_init(struct fetched *fetched,
                  size_t max);                /* false: no memory; finish it all the same */
void fetched_finish(struct fetched *fetched); /* a zeroed one is fine */
/* Takes the message over. There is room (asserted). */
void fetched_put(struct fetched *fetched, struct rd_kafka_message_s *message);
/* The records, grouped by partition, offsets ascending. Valid until fetched_release(). */
struct consumer_batch fetched_batch(struct fetched *fetched);
void fetched_release(struct fetched *fetched);
