#include "journal/producer_client.h"

#include "journal/topic_check.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>

/* What leaves in one piece fits every topic that the check takes for good. */
enum { BATCH_BYTES_MAX = TOPIC_MESSAGE_BYTES_MIN - 100000 };

void producer_client_destroy(struct producer_client *client)
{
    if (client->queue) {
        rd_kafka_queue_io_event_enable(client->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(client->queue);
    }
    if (client->topic) {
        rd_kafka_topic_destroy(client->topic);
    }
    if (client->handle) {
        rd_kafka_destroy(client->handle);
    }
    *client = (struct producer_client){0};
}

static enum err make_conf(const struct producer_client_options *options,
                          char error[static KAFKA_CONF_ERROR_SIZE], rd_kafka_conf_t **ret_conf)
{
    char linger[16], timeout[16], messages[16], kbytes[16], batch[16];
    const struct kafka_setting settings[] = {
        {"acks", "all"},
        {"enable.idempotence", "false"},   /* the worker absorbs duplicates; K9 cannot happen */
        {"partitioner", "murmur2_random"}, /* no key: any partition, the same for a batch */
        {"retries", "2147483647"},         /* inside the message's time-out */
        {"retry.backoff.ms", "50"},
        {"linger.ms", linger},
        {"message.timeout.ms", timeout},
        {"request.timeout.ms", timeout},
        {"batch.size", batch},
        {"queue.buffering.max.messages", messages},
        {"queue.buffering.max.kbytes", kbytes},
        {NULL, NULL},
    };
    enum err err;

    (void)snprintf(linger, sizeof linger, "%" PRIu32, options->linger_ms);
    (void)snprintf(timeout, sizeof timeout, "%" PRIu32, options->message_timeout_ms);
    (void)snprintf(batch, sizeof batch, "%d", BATCH_BYTES_MAX);
    /* Room for those that are reported and not polled yet, too. */
    (void)snprintf(messages, sizeof messages, "%" PRIu32, 2 * options->records_max);
    (void)snprintf(kbytes, sizeof kbytes, "%" PRIu32, 2 * options->records_max + 1024);
    err = kafka_conf_make(options->brokers, options->client_name, settings, error, ret_conf);
    if (err == ERR_OK) {
        rd_kafka_conf_set_events(*ret_conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    }
    return err;
}

enum err producer_client_make(const struct producer_client_options *options,
                              char error[static KAFKA_CONF_ERROR_SIZE],
                              struct producer_client *ret_client)
{
    struct producer_client client = {0};
    char text[128];
    rd_kafka_conf_t *conf = NULL;
    enum err err = make_conf(options, error, &conf);

    if (err != ERR_OK) {
        return err;
    }
    client.handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!client.handle) {
        rd_kafka_conf_destroy(conf);
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka producer: %s", text);
        return ERR_CONFIG;
    }
    client.topic = rd_kafka_topic_new(client.handle, options->topic, NULL);
    client.queue = rd_kafka_queue_get_main(client.handle);
    if (!client.topic || !client.queue) {
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "kafka topic %.100s: %s", options->topic,
                       rd_kafka_err2str(rd_kafka_last_error()));
        producer_client_destroy(&client);
        return ERR_CONFIG;
    }
    *ret_client = client;
    return ERR_OK;
}

/* A broker's refusal may follow an attempt that it did store: only librdkafka's own errors, of a
 * message that it never sent, mean "surely not". */
enum err producer_client_status(const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ERR_OK;
    }
    if (message->err < 0 && rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED) {
        return ERR_REFUSED;
    }
    return ERR_LOST;
}

enum err producer_client_refusal(int status)
{
    switch (status) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return ERR_BUSY;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return ERR_RANGE;
    default: return ERR_UNAVAILABLE; /* librdkafka's enum: unknown topic, fatal and the like */
    }
}
