#include "integration/journal/kafka_fixture.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static rd_kafka_t *client_of(const struct kafka_fixture *fixture)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];
    rd_kafka_t *handle;

    cr_assert_eq(rd_kafka_conf_set(conf, "bootstrap.servers", fixture->brokers, text, sizeof text),
                 RD_KAFKA_CONF_OK, "%s", text);
    handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert_not_null(handle, "%s", text);
    return handle;
}

/* The answer of an admin request; the queue goes with it. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, FIXTURE_WAIT_MS);

    cr_assert_not_null(event);
    cr_assert_eq(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR, "%s",
                 rd_kafka_event_error_string(event));
    rd_kafka_queue_destroy(queue);
    return event;
}

void kafka_fixture_init(struct kafka_fixture *fixture, const char *name)
{
    fixture->brokers = getenv("KAFKA_BROKERS");
    cr_assert_not_null(fixture->brokers,
                       "KAFKA_BROKERS is not set: start tools/services, source its env");
    (void)snprintf(fixture->topic, sizeof fixture->topic, "test.%s.%d", name, (int)getpid());
}

void kafka_fixture_finish(struct kafka_fixture *fixture)
{
    if (fixture->brokers) {
        kafka_fixture_delete(fixture);
    }
}

/* New topics and deleted ones are known to all only after a while. */
static bool has_leaders(rd_kafka_t *handle, const char *topic, int partitions)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *local = rd_kafka_topic_new(handle, topic, NULL);
    bool has = false;

    if (rd_kafka_metadata(handle, 0, local, &metadata, FIXTURE_WAIT_MS)
        == RD_KAFKA_RESP_ERR_NO_ERROR) {
        has = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR
              && metadata->topics[0].partition_cnt == partitions;
        for (int i = 0; has && i < partitions; i++) {
            has = metadata->topics[0].partitions[i].leader >= 0;
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(local);
    return has;
}

void kafka_fixture_create(struct kafka_fixture *fixture, int partitions, const char *setting,
                          const char *value)
{
    int64_t deadline_us = clock_mono_us() + FIXTURE_WAIT_MS * 1000;
    rd_kafka_t *handle = client_of(fixture);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(fixture->topic, partitions, 1, NULL, 0);
    const rd_kafka_topic_result_t **results;
    rd_kafka_event_t *event;
    size_t count = 0;

    if (setting) {
        cr_assert_eq(rd_kafka_NewTopic_set_config(topic, setting, value),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    rd_kafka_CreateTopics(handle, &topic, 1, NULL, queue);
    event = answer(queue);
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    cr_assert(count == 1 && rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR,
              "%s", rd_kafka_topic_result_error_string(results[0]));
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    while (!has_leaders(handle, fixture->topic, partitions)) {
        cr_assert(clock_mono_us() < deadline_us, "no leader");
    }
    rd_kafka_destroy(handle);
}

void kafka_fixture_delete(struct kafka_fixture *fixture)
{
    rd_kafka_t *handle = client_of(fixture);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(fixture->topic);

    rd_kafka_DeleteTopics(handle, &topic, 1, NULL, queue);
    rd_kafka_event_destroy(answer(queue)); /* a topic that is not there is fine */
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_destroy(handle);
}

void kafka_fixture_trim(struct kafka_fixture *fixture, int32_t partition, int64_t offset)
{
    rd_kafka_t *handle = client_of(fixture);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_DeleteRecords_t *request;

    rd_kafka_topic_partition_list_add(list, fixture->topic, partition)->offset = offset;
    request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(handle, &request, 1, NULL, queue);
    rd_kafka_event_destroy(answer(queue));
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(handle);
}

void kafka_fixture_put(struct kafka_fixture *fixture, int32_t partition, int count)
{
    rd_kafka_t *handle = client_of(fixture);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, fixture->topic, NULL);

    for (int i = 0; i < count; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", i);
        cr_assert_eq(rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, text, strlen(text),
                                      NULL, 0, NULL),
                     0);
    }
    cr_assert_eq(rd_kafka_flush(handle, FIXTURE_WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(handle);
}
