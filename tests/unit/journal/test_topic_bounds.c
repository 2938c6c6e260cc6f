#include "journal/topic_bounds.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>

#include "journal/producer_client.h"
#include "unit/journal/mock_kafka.h"

enum { WAIT_MS = 20000 };

static struct mock_kafka mock;
static struct producer_client client;
static struct topic_bounds bounds;

static void begin(void)
{
    mock_kafka_init(&mock);
    mock_kafka_client(&mock, &client);
}

static void end(void)
{
    producer_client_destroy(&client);
    mock_kafka_finish(&mock);
}

TestSuite(topic_bounds, .init = begin, .fini = end, .timeout = 60);

Test(topic_bounds, says_that_no_broker_answers)
{
    mock_kafka_down(&mock);
    cr_assert_neq(topic_bounds_read(client.handle, "orders", 300, &bounds), ERR_OK);
}

Test(topic_bounds, no_time_left_is_a_time_out)
{
    cr_assert_eq(topic_bounds_read(client.handle, "orders", WAIT_MS, &bounds), ERR_OK);
    mock_kafka_delay(&mock, 400);
    cr_assert_neq(topic_bounds_read(client.handle, "orders", 100, &bounds), ERR_OK);
}

Test(topic_bounds, tells_first_and_end_of_each_partition)
{
    mock_kafka_put(&mock, 1, "a");
    mock_kafka_put(&mock, 1, "b");
    cr_assert_eq(topic_bounds_read(client.handle, "orders", WAIT_MS, &bounds), ERR_OK);
    cr_assert_eq(bounds.count, 2);
    cr_assert_eq(bounds.first[1], 0);
    cr_assert_eq(bounds.end[0], 0);
    cr_assert_eq(bounds.end[1], 2);
}
