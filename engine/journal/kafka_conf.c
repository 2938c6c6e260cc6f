#include "journal/kafka_conf.h"

#include "common/log.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

enum { SYSLOG_ERROR = 3 }; /* the levels are those of syslog.h, whose names are ours */

/* Runs on librdkafka's threads. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    if (level <= SYSLOG_ERROR) {
        LOG_WARN("kafka_client_said", KV_STR("client", rd_kafka_name(handle)),
                 KV_STR("facility", facility), KV_STR("text", text));
    } else {
        LOG_DEBUG("kafka_client_said", KV_STR("client", rd_kafka_name(handle)),
                  KV_STR("facility", facility), KV_STR("text", text));
    }
}

enum err kafka_conf_add(rd_kafka_conf_t *conf, const struct kafka_setting *settings,
                        char error[static KAFKA_CONF_ERROR_SIZE])
{
    char text[KAFKA_CONF_ERROR_SIZE - 64];

    for (; settings->name; settings++) {
        if (rd_kafka_conf_set(conf, settings->name, settings->value, text, sizeof text)
            != RD_KAFKA_CONF_OK) {
            (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka setting %.40s: %s", settings->name,
                           text);
            return ERR_CONFIG;
        }
    }
    return ERR_OK;
}

enum err kafka_conf_make(const char *brokers, const char *client_name,
                         const struct kafka_setting *settings,
                         char error[static KAFKA_CONF_ERROR_SIZE], rd_kafka_conf_t **ret_conf)
{
    /* A broker that comes back is used within a second; asking for a topic never creates it. */
    const struct kafka_setting common[] = {
        {"bootstrap.servers", brokers},        {"client.id", client_name},
        {"socket.nagle.disable", "true"},      {"socket.keepalive.enable", "true"},
        {"reconnect.backoff.ms", "50"},        {"reconnect.backoff.max.ms", "1000"},
        {"allow.auto.create.topics", "false"}, {NULL, NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum err err;

    if (!conf) {
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "out of memory");
        return ERR_NO_MEMORY;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    err = kafka_conf_add(conf, common, error);
    if (err == ERR_OK) {
        err = kafka_conf_add(conf, settings, error);
    }
    if (err != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    *ret_conf = conf;
    return ERR_OK;
}
