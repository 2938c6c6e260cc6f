/* commits: the places that Kafka is still to be told, for its lag tools.
 * Why:    a commit costs the broker as much as a produce; one for each settled batch was a fifth of
 *         its time. The place that counts is in MySQL.
 * Never:  waits; minds whether Kafka heard it.
 * Thread: the consumer's.
 * Owner:  the consumer, which holds it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "journal/consumer.h"

struct rd_kafka_s;

struct commits {
    uint64_t next[CONSUMER_PARTITIONS_MAX];
    bool is_due[CONSUMER_PARTITIONS_MAX];
    uint32_t count; /* due */
    int64_t not_before_us;
};

void commits_init(struct commits *commits);
/* `next` takes the place of what this partition had before. */
void commits_put(struct commits *commits, uint32_t partition, uint64_t next);
/* Tells all that is due in one request, which is on its way when this comes back. */
void commits_send(struct commits *commits, struct rd_kafka_s *handle, const char *topic);
/* The same, if the last time was a second ago. */
void commits_send_in_time(struct commits *commits, struct rd_kafka_s *handle, const char *topic);
/* Others have the partitions now, and tell. */
void commits_forget(struct commits *commits);
