/* mock_kafka: librdkafka's cluster of one mock broker, for the ways a broker can fail (K32).
 * Why:    errors, delays and absences on demand.
 * Never:  proves that nothing is stored twice, or what a real broker's settings are (K31).
 * Thread: that of the test. */
#pragma once

#include <stdint.h>

struct producer_blocking;
struct producer_client;
struct rd_kafka_s;
struct rd_kafka_mock_cluster_s;
struct waiter;

struct mock_kafka {
    struct rd_kafka_s *handle;
    struct rd_kafka_mock_cluster_s *cluster;
    const char *brokers; /* owned by the cluster */
};

/* One broker, the topic "orders" with 2 partitions. Fails the test when it cannot. */
void mock_kafka_init(struct mock_kafka *mock);
void mock_kafka_finish(struct mock_kafka *mock);
void mock_kafka_down(struct mock_kafka *mock); /* refuses and cuts connections */
void mock_kafka_up(struct mock_kafka *mock);
void mock_kafka_delay(struct mock_kafka *mock, int delay_ms);
/* The next `count` Produce requests are answered with this rd_kafka_resp_err_t. */
void mock_kafka_fail_produce(struct mock_kafka *mock, int error, int count);
/* Puts a record into a partition of "orders"; fails the test when it cannot. */
void mock_kafka_put(struct mock_kafka *mock, int32_t partition, const char *payload);
/* What a group has told as its place in a partition of "orders", for lag tools; -1: nothing. */
int64_t mock_kafka_committed(struct mock_kafka *mock, const char *group, int32_t partition);
/* A producer's client, and a blocking producer, for "orders" on it; the caller's. The test fails
 * when they cannot be made. */
void mock_kafka_client(const struct mock_kafka *mock, struct producer_client *ret_client);
struct producer_blocking *mock_kafka_blocking(const struct mock_kafka *mock, struct waiter *waiter);
