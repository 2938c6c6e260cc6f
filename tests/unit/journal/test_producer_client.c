#include "journal/producer_client.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

static struct producer_client_options options = {
    .brokers = "127.0.0.1:1",
    .topic = "orders",
    .client_name = "test",
    .linger_ms = 1,
    .message_timeout_ms = 1000,
    .records_max = 10,
};

Test(producer_client, says_what_is_refused)
{
    struct producer_client client = {0};
    char error[KAFKA_CONF_ERROR_SIZE] = "";

    options.linger_ms = 900001;
    cr_assert_eq(producer_client_make(&options, error, &client), ERR_CONFIG);
    cr_assert(strstr(error, "linger.ms") != NULL, "%s", error);
    cr_assert_null(client.handle);
    producer_client_destroy(&client);
}

Test(producer_client, waits_for_all_replicas_without_idempotence)
{
    struct producer_client client = {0};
    char error[KAFKA_CONF_ERROR_SIZE] = "", value[64];
    size_t size = sizeof value;

    cr_assert_eq(producer_client_make(&options, error, &client), ERR_OK, "%s", error);
    cr_assert_eq(
        rd_kafka_conf_get(rd_kafka_conf(client.handle), "enable.idempotence", value, &size),
        RD_KAFKA_CONF_OK);
    cr_assert_str_eq(value, "false");
    size = sizeof value;
    cr_assert_eq(rd_kafka_conf_get(rd_kafka_conf(client.handle), "acks", value, &size),
                 RD_KAFKA_CONF_OK);
    cr_assert_str_eq(value, "-1"); /* all */
    producer_client_destroy(&client);
    cr_assert_null(client.handle);
    producer_client_destroy(&client);
}

Test(producer_client, an_error_of_the_broker_is_never_surely_not)
{
    rd_kafka_message_t message = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};

    cr_assert_eq(producer_client_status(&message), ERR_OK);
    message.err = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    cr_assert_eq(producer_client_status(&message), ERR_LOST);
    message.err = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cr_assert_eq(producer_client_status(&message), ERR_LOST);
}

Test(producer_client, says_why_nothing_was_taken)
{
    cr_assert_eq(producer_client_refusal(RD_KAFKA_RESP_ERR__QUEUE_FULL), ERR_BUSY);
    cr_assert_eq(producer_client_refusal(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), ERR_RANGE);
    cr_assert_eq(producer_client_refusal(RD_KAFKA_RESP_ERR__FATAL), ERR_UNAVAILABLE);
    cr_assert_eq(producer_client_refusal(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC), ERR_UNAVAILABLE);
}
