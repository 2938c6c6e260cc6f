#include "journal/commits.h"

#include "common/assert.h"
#include "common/clock.h"

#include <librdkafka/rdkafka.h>
#include <string.h>

enum { COMMIT_EVERY_MS = 1000 };

void commits_init(struct commits *commits)
{
    *commits = (struct commits){0};
}

void commits_put(struct commits *commits, uint32_t partition, uint64_t next)
{
    ASSERT(partition < CONSUMER_PARTITIONS_MAX && next <= INT64_MAX);
    commits->count += commits->is_due[partition] ? 0 : 1;
    commits->is_due[partition] = true;
    commits->next[partition] = next;
}

void commits_forget(struct commits *commits)
{
    memset(commits->is_due, 0, sizeof commits->is_due);
    commits->count = 0;
}

void commits_send(struct commits *commits, rd_kafka_t *handle, const char *topic)
{
    rd_kafka_topic_partition_list_t *list;

    if (commits->count == 0) {
        return;
    }
    list = rd_kafka_topic_partition_list_new((int)commits->count);
    for (int32_t i = 0; i < CONSUMER_PARTITIONS_MAX; i++) {
        if (commits->is_due[i]) {
            rd_kafka_topic_partition_list_add(list, topic, i)->offset = (int64_t)commits->next[i];
        }
    }
    (void)rd_kafka_commit(handle, list, 1);
    rd_kafka_topic_partition_list_destroy(list);
    commits_forget(commits);
    commits->not_before_us = clock_mono_us() + COMMIT_EVERY_MS * 1000;
}

void commits_send_in_time(struct commits *commits, rd_kafka_t *handle, const char *topic)
{
    if (commits->count > 0 && clock_mono_us() >= commits->not_before_us) {
        commits_send(commits, handle, topic);
    }
}
