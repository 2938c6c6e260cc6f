#include "journal/topic_look.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

struct topic_look {
    rd_kafka_t *handle; /* owned; without events: what befalls its brokers is logged */
};

enum err topic_look_create(const struct topic_look_options *options,
                           char error[static KAFKA_CONF_ERROR_SIZE], struct topic_look **ret_look)
{
    static const struct kafka_setting none[] = {{NULL, NULL}};
    struct topic_look *look = calloc(1, sizeof *look);
    rd_kafka_conf_t *conf = NULL;
    char text[128];
    enum err err = look
                       ? kafka_conf_make(options->brokers, options->client_name, none, error, &conf)
                       : ERR_NO_MEMORY;

    if (err == ERR_OK) {
        look->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    }
    if (err == ERR_OK && !look->handle) {
        rd_kafka_conf_destroy(conf);
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka client: %s", text);
        err = ERR_CONFIG;
    }
    if (err != ERR_OK) {
        free(look);
        return err;
    }
    *ret_look = look;
    return ERR_OK;
}

void topic_look_destroy(struct topic_look *look)
{
    if (!look) {
        return;
    }
    rd_kafka_destroy(look->handle);
    free(look);
}

void topic_look_at(struct topic_look *look, const char *topic, uint32_t timeout_ms,
                   struct topic_check *ret_check)
{
    topic_check_run(look->handle, topic, timeout_ms, ret_check);
}
