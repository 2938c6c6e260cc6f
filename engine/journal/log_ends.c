#include "journal/log_ends.h"

#include "journal/consumer_client.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

enum { SESSION_TIMEOUT_MS = 10000 };

struct log_ends {
    rd_kafka_t *handle; /* owned */
};

enum err log_ends_create(const struct log_ends_options *options,
                         char error[static KAFKA_CONF_ERROR_SIZE], struct log_ends **ret_ends)
{
    const struct consumer_client_options client = {
        .brokers = options->brokers,
        .client_name = options->client_name,
        .group = options->client_name, /* asked for by librdkafka; never joined */
        .session_timeout_ms = SESSION_TIMEOUT_MS,
        .begin = "error",
    };
    rd_kafka_conf_t *conf = NULL;
    struct log_ends *ends = calloc(1, sizeof *ends);
    enum err err = ends ? consumer_client_conf(&client, error, &conf) : ERR_NO_MEMORY;

    err = err == ERR_OK ? consumer_client_make(conf, error, &ends->handle) : err;
    if (err != ERR_OK) {
        free(ends);
        return err;
    }
    *ret_ends = ends;
    return ERR_OK;
}

void log_ends_destroy(struct log_ends *ends)
{
    if (!ends) {
        return;
    }
    (void)rd_kafka_consumer_close(ends->handle);
    rd_kafka_destroy(ends->handle);
    free(ends);
}

enum err log_ends_read(struct log_ends *ends, const char *topic, uint32_t timeout_ms,
                       struct topic_bounds *ret_bounds)
{
    return topic_bounds_read(ends->handle, topic, timeout_ms, ret_bounds);
}
