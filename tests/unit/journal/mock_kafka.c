#include "unit/journal/mock_kafka.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string.h>

#include "journal/producer_blocking.h"
#include "journal/producer_client.h"

enum { BROKER_ID = 1, PARTITIONS = 2, PRODUCE = 0 /* Kafka's number of the request */ };

void mock_kafka_init(struct mock_kafka *mock)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];

    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert_not_null(mock->handle, "%s", text);
    mock->cluster = rd_kafka_mock_cluster_new(mock->handle, 1);
    cr_assert_not_null(mock->cluster);
    mock->brokers = rd_kafka_mock_cluster_bootstraps(mock->cluster);
    cr_assert_eq(rd_kafka_mock_topic_create(mock->cluster, "orders", PARTITIONS, 1), 0);
}

void mock_kafka_finish(struct mock_kafka *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->handle);
}

void mock_kafka_down(struct mock_kafka *mock)
{
    cr_assert_eq(rd_kafka_mock_broker_set_down(mock->cluster, BROKER_ID), 0);
}

void mock_kafka_up(struct mock_kafka *mock)
{
    cr_assert_eq(rd_kafka_mock_broker_set_up(mock->cluster, BROKER_ID), 0);
}

void mock_kafka_delay(struct mock_kafka *mock, int delay_ms)
{
    cr_assert_eq(rd_kafka_mock_broker_set_rtt(mock->cluster, BROKER_ID, delay_ms), 0);
}

void mock_kafka_fail_produce(struct mock_kafka *mock, int error, int count)
{
    for (int i = 0; i < count; i++) {
        rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1, (rd_kafka_resp_err_t)error);
    }
}

void mock_kafka_put(struct mock_kafka *mock, int32_t partition, const char *payload)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[200];
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;

    cr_assert_eq(rd_kafka_conf_set(conf, "bootstrap.servers", mock->brokers, text, sizeof text),
                 RD_KAFKA_CONF_OK);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert_not_null(producer, "%s", text);
    topic = rd_kafka_topic_new(producer, "orders", NULL);
    cr_assert_eq(rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)payload,
                                  strlen(payload), NULL, 0, NULL),
                 0);
    cr_assert_eq(rd_kafka_flush(producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
}

int64_t mock_kafka_committed(struct mock_kafka *mock, const char *group, int32_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[128];
    rd_kafka_t *tool;
    int64_t offset;

    cr_assert_eq(rd_kafka_conf_set(conf, "bootstrap.servers", mock->brokers, text, sizeof text),
                 RD_KAFKA_CONF_OK);
    cr_assert_eq(rd_kafka_conf_set(conf, "group.id", group, text, sizeof text), RD_KAFKA_CONF_OK);
    tool = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    cr_assert_not_null(tool, "%s", text);
    rd_kafka_topic_partition_list_add(list, "orders", partition);
    cr_assert_eq(rd_kafka_committed(tool, list, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(tool);
    return offset == RD_KAFKA_OFFSET_INVALID ? -1 : offset;
}

void mock_kafka_client(const struct mock_kafka *mock, struct producer_client *ret_client)
{
    const struct producer_client_options options = {.brokers = mock->brokers,
                                                    .topic = "orders",
                                                    .client_name = "test",
                                                    .linger_ms = 1,
                                                    .message_timeout_ms = 1000,
                                                    .records_max = 10};
    char error[KAFKA_CONF_ERROR_SIZE];

    cr_assert_eq(producer_client_make(&options, error, ret_client), ERR_OK, "%s", error);
}

struct producer_blocking *mock_kafka_blocking(const struct mock_kafka *mock, struct waiter *waiter)
{
    const struct producer_blocking_options options = {
        .brokers = mock->brokers, .topic = "orders", .client_name = "test", .waiter = waiter};
    char error[KAFKA_CONF_ERROR_SIZE];
    struct producer_blocking *producer = NULL;

    cr_assert_eq(producer_blocking_create(&options, error, &producer), ERR_OK, "%s", error);
    return producer;
}
