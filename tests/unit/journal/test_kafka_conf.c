#include "journal/kafka_conf.h"

#include <criterion/criterion.h>
#include <librdkafka/rdkafka.h>
#include <string.h>

Test(kafka_conf, names_the_setting_that_is_refused)
{
    static const struct kafka_setting bad[] = {{"linger.ms", "-5"}, {NULL, NULL}};
    static const struct kafka_setting unknown[] = {{"no.such.thing", "1"}, {NULL, NULL}};
    char error[KAFKA_CONF_ERROR_SIZE] = "";
    rd_kafka_conf_t *conf = NULL;

    cr_assert_eq(kafka_conf_make("b:1", "test", bad, error, &conf), ERR_CONFIG);
    cr_assert(strstr(error, "kafka setting linger.ms") == error, "%s", error);
    cr_assert_null(conf);
    cr_assert_eq(kafka_conf_make("b:1", "test", unknown, error, &conf), ERR_CONFIG);
    cr_assert(strstr(error, "no.such.thing") != NULL, "%s", error);
}

Test(kafka_conf, never_creates_topics_nor_waits_to_send)
{
    static const struct kafka_setting none[] = {{NULL, NULL}};
    char error[KAFKA_CONF_ERROR_SIZE] = "", value[64];
    rd_kafka_conf_t *conf = NULL;
    size_t size = sizeof value;

    cr_assert_eq(kafka_conf_make("b:1", "test", none, error, &conf), ERR_OK, "%s", error);
    cr_assert_eq(rd_kafka_conf_get(conf, "allow.auto.create.topics", value, &size),
                 RD_KAFKA_CONF_OK);
    cr_assert_str_eq(value, "false");
    size = sizeof value;
    cr_assert_eq(rd_kafka_conf_get(conf, "socket.nagle.disable", value, &size), RD_KAFKA_CONF_OK);
    cr_assert_str_eq(value, "true");
    rd_kafka_conf_destroy(conf);
}
