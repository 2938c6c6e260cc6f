#include "journal/topic_check.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

#include "journal/producer_client.h"
#include "unit/journal/mock_kafka.h"

static struct mock_kafka mock;
static struct producer_client client;

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

TestSuite(topic_check, .init = begin, .fini = end, .timeout = 60);

Test(topic_check, says_that_no_broker_answers)
{
    struct topic_check check;
    uint32_t count = 77;

    mock_kafka_down(&mock);
    topic_check_run(client.handle, "orders", 300, &check);
    cr_assert_eq(check.status, ERR_UNAVAILABLE);
    cr_assert(strstr(check.why, "no broker answers") == check.why, "%s", check.why);
    cr_assert_eq(topic_partition_count(client.handle, "orders", 300, &count), ERR_UNAVAILABLE);
    cr_assert_eq(count, 77);
}

Test(topic_check, knows_which_codecs_can_be_read)
{
    cr_assert(topic_codec_is_known(client.handle, "producer"));
    cr_assert(topic_codec_is_known(client.handle, "uncompressed"));
    cr_assert(topic_codec_is_known(client.handle, "gzip"));
    cr_assert(topic_codec_is_known(client.handle, "lz4"));
    cr_assert_not(topic_codec_is_known(client.handle, "brotli"));
    cr_assert_not(topic_codec_is_known(client.handle, "lz"));
    cr_assert_not(topic_codec_is_known(client.handle, ""));
}

Test(topic_check, counts_partitions_and_replicas)
{
    struct topic_check check;
    uint32_t count = 0;

    cr_assert_eq(topic_partition_count(client.handle, "orders", 10000, &count), ERR_OK);
    cr_assert_eq(count, 2);
    topic_check_run(client.handle, "orders", 1000, &check);
    cr_assert_eq(check.status, ERR_OK, "%s", check.why);
    cr_assert(check.partition_count == 2 && check.replica_count == 1);
    cr_assert(strstr(check.weakness, "1 replica(s), 3 are wanted") == check.weakness);
    /* The mock knows no admin requests: what could not be read is not taken for good. */
    cr_assert(strstr(check.weakness, "cannot be read") != NULL, "%s", check.weakness);
}
