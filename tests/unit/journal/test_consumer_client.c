#include "journal/consumer_client.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

static const struct consumer_client_options options = {
    .brokers = "127.0.0.1:1",
    .client_name = "test",
    .group = "g",
    .session_timeout_ms = 10000,
    .begin = "error",
};

Test(consumer_client, says_what_is_refused)
{
    struct consumer_client_options bad = options;
    char error[KAFKA_CONF_ERROR_SIZE] = "";
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;

    bad.begin = "somewhere";
    cr_assert_eq(consumer_client_conf(&bad, error, &conf), ERR_CONFIG);
    cr_assert(strstr(error, "auto.offset.reset") != NULL, "%s", error);
    /* librdkafka sees only at the end that the session is shorter than a heartbeat's answer */
    bad = options;
    bad.session_timeout_ms = 3600000;
    cr_assert_eq(consumer_client_conf(&bad, error, &conf), ERR_OK);
    cr_assert_eq(consumer_client_make(conf, error, &handle), ERR_CONFIG);
    cr_assert(strstr(error, "max.poll.interval.ms") != NULL, "%s", error);
}

static void assert_setting(const rd_kafka_t *handle, const char *name, const char *expected)
{
    char value[128];
    size_t size = sizeof value;

    cr_assert_eq(
        rd_kafka_conf_get(rd_kafka_conf((rd_kafka_t *)(uintptr_t)handle), name, value, &size),
        RD_KAFKA_CONF_OK, "%s", name);
    cr_assert_str_eq(value, expected);
}

Test(consumer_client, keeps_and_resets_no_offset)
{
    char error[KAFKA_CONF_ERROR_SIZE] = "";
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;

    cr_assert_eq(consumer_client_conf(&options, error, &conf), ERR_OK, "%s", error);
    cr_assert_eq(consumer_client_make(conf, error, &handle), ERR_OK, "%s", error);
    assert_setting(handle, "enable.auto.commit", "false");
    assert_setting(handle, "enable.auto.offset.store", "false");
    assert_setting(handle, "partition.assignment.strategy", "range,roundrobin");
    assert_setting(handle, "queued.min.messages", "100000");
    assert_setting(handle, "queued.max.messages.kbytes", "32768");
    rd_kafka_destroy(handle);
}
