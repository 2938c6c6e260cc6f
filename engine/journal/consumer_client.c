#include "journal/consumer_client.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

enum err consumer_client_conf(const struct consumer_client_options *options,
                              char error[static KAFKA_CONF_ERROR_SIZE], rd_kafka_conf_t **ret_conf)
{
    char session[16];
    const struct kafka_setting settings[] = {
        {"group.id", options->group},
        {"partition.assignment.strategy", "range,roundrobin"}, /* eager */
        {"session.timeout.ms", session},
        {"heartbeat.interval.ms", "1000"},
        {"max.poll.interval.ms", "300000"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", options->begin},
        /* Room for more than a second's work: when it is full, librdkafka before 2.2 asks for more
         * only a second later (DECISIONS). */
        {"queued.min.messages", "100000"},
        {"queued.max.messages.kbytes", "32768"},
        /* A fetch that every produce completes costs the broker as much as the produce. */
        {"fetch.min.bytes", "262144"},
        {"fetch.wait.max.ms", "250"},
        {"fetch.error.backoff.ms", "100"},
        {NULL, NULL},
    };
    enum err err;

    (void)snprintf(session, sizeof session, "%" PRIu32, options->session_timeout_ms);
    err = kafka_conf_make(options->brokers, options->client_name, settings, error, ret_conf);
    if (err == ERR_OK) {
        rd_kafka_conf_set_opaque(*ret_conf, options->arg);
    }
    return err;
}

enum err consumer_client_make(rd_kafka_conf_t *conf, char error[static KAFKA_CONF_ERROR_SIZE],
                              rd_kafka_t **ret_handle)
{
    char text[128];
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);

    if (!handle) {
        rd_kafka_conf_destroy(conf);
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka consumer: %s", text);
        return ERR_CONFIG;
    }
    (void)rd_kafka_poll_set_consumer(handle);
    *ret_handle = handle;
    return ERR_OK;
}

enum err consumer_client_subscribe(rd_kafka_t *handle, const char *topic,
                                   char error[static KAFKA_CONF_ERROR_SIZE])
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t status;

    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    status = rd_kafka_subscribe(handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (status != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka subscription: %s",
                       rd_kafka_err2str(status));
        return ERR_CONFIG;
    }
    return ERR_OK;
}
