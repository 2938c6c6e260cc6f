#include "journal/producer_blocking.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "journal/producer_client.h"
#include "loop/waiter.h"

enum {
    LINGER_MS = 5,
    MESSAGE_TIMEOUT_MS = 5000,
    POLL_MS = 50,
    BUFFER_RECORDS = 2048, /* with producer_client's rule: 5 MB */
    TEXT_SIZE = 128,
};

struct producer_blocking {
    struct producer_blocking_options options;
    struct producer_client client; /* empty after a fatal error: made anew by the next put */
    size_t waiting;                /* put, not reported */
    struct producer_report reports[PRODUCER_BLOCKING_BATCH_MAX];
    size_t report_count;
    char trouble[TEXT_SIZE];
};

static void tell(struct producer_blocking *producer, const char *trouble)
{
    (void)snprintf(producer->trouble, sizeof producer->trouble, "%s", trouble);
}

static enum err make(struct producer_blocking *producer, char error[static KAFKA_CONF_ERROR_SIZE])
{
    const struct producer_client_options client = {
        .brokers = producer->options.brokers,
        .topic = producer->options.topic,
        .client_name = producer->options.client_name,
        .linger_ms = LINGER_MS,
        .message_timeout_ms = MESSAGE_TIMEOUT_MS,
        .records_max = BUFFER_RECORDS,
    };

    return producer_client_make(&client, error, &producer->client);
}

enum err producer_blocking_create(const struct producer_blocking_options *options,
                                  char error[static KAFKA_CONF_ERROR_SIZE],
                                  struct producer_blocking **ret_producer)
{
    struct producer_blocking *producer = calloc(1, sizeof *producer);

    if (!producer) {
        return ERR_NO_MEMORY;
    }
    producer->options = *options;
    const enum err err = make(producer, error);
    if (err != ERR_OK) {
        producer_blocking_destroy(producer);
        return err;
    }
    *ret_producer = producer;
    return ERR_OK;
}

void producer_blocking_destroy(struct producer_blocking *producer)
{
    if (!producer) {
        return;
    }
    producer_client_destroy(&producer->client);
    free(producer);
}

const char *producer_blocking_trouble(const struct producer_blocking *producer)
{
    return producer->trouble;
}

/* NULL: no memory. */
static rd_kafka_headers_t *headers_of(const struct producer_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    bool is_whole = headers != NULL;

    for (size_t i = 0; i < record->header_count && is_whole; i++) {
        const struct producer_header *header = &record->headers[i];
        is_whole = rd_kafka_header_add(headers, header->name, -1, header->value, -1)
                   == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (headers && !is_whole) {
        rd_kafka_headers_destroy(headers);
    }
    return is_whole ? headers : NULL;
}

/* The headers go over with the record only when it is taken. */
static rd_kafka_resp_err_t produce(struct producer_blocking *producer,
                                   const struct producer_record *record,
                                   rd_kafka_headers_t *headers)
{
    void *key = (void *)(uintptr_t)(record->key_size > 0 ? record->key : NULL);
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->client.topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key, record->key_size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->value, record->value_size}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)record->id},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(producer->client.handle, fields, sizeof fields / sizeof fields[0]);
    const rd_kafka_resp_err_t status = rd_kafka_error_code(error);

    rd_kafka_error_destroy(error);
    return status;
}

/* After a fatal error the handle is made anew (K9). */
static enum err ensure(struct producer_blocking *producer)
{
    char error[KAFKA_CONF_ERROR_SIZE] = "";

    if (producer->client.handle) {
        return ERR_OK;
    }
    const enum err err = make(producer, error);
    if (err != ERR_OK) {
        tell(producer, error);
    }
    return err == ERR_CONFIG ? ERR_UNAVAILABLE : err;
}

enum err producer_blocking_put(struct producer_blocking *producer,
                               const struct producer_record *record)
{
    ASSERT(record->id != 0 && record->header_count <= PRODUCER_BLOCKING_HEADERS_MAX);
    if (producer->waiting == PRODUCER_BLOCKING_BATCH_MAX) {
        return ERR_BUSY;
    }
    const enum err err = ensure(producer);
    if (err != ERR_OK) {
        return err;
    }
    rd_kafka_headers_t *headers = headers_of(record);
    if (!headers) {
        return ERR_NO_MEMORY;
    }
    const rd_kafka_resp_err_t status = produce(producer, record, headers);
    if (status == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->waiting++;
        return ERR_OK;
    }
    rd_kafka_headers_destroy(headers);
    tell(producer, rd_kafka_err2str(status));
    return producer_client_refusal(status);
}

/* --- reports */

/* What a broker says of the record, not of the topic, itself or its replicas. */
static bool is_about_the_record(rd_kafka_resp_err_t status)
{
    return status == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
           || status == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE
           || status == RD_KAFKA_RESP_ERR_INVALID_RECORD
           || status == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP;
}

static void on_report(struct producer_blocking *producer, const rd_kafka_message_t *message)
{
    struct producer_report report = {.id = (uint64_t)(uintptr_t)message->_private};

    producer->waiting -= producer->waiting > 0;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        report.status = is_about_the_record(message->err) ? ERR_RANGE : ERR_LOST;
        tell(producer, rd_kafka_err2str(message->err));
    }
    if (producer->report_count < PRODUCER_BLOCKING_BATCH_MAX) {
        producer->reports[producer->report_count++] = report;
    }
}

/* Of what a dead handle had under way nothing will be reported. */
static void on_fatal(struct producer_blocking *producer)
{
    char text[TEXT_SIZE] = "";

    (void)rd_kafka_fatal_error(producer->client.handle, text, sizeof text);
    tell(producer, text);
    producer->waiting = 0;
}

static void serve(struct producer_blocking *producer, int wait_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(producer->client.queue, wait_ms);
    const rd_kafka_message_t *message;
    bool is_dead = false;

    if (!event) {
        return;
    }
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        while ((message = rd_kafka_event_message_next(event)) != NULL) {
            on_report(producer, message);
        }
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        is_dead = rd_kafka_event_error_is_fatal(event) != 0;
    }
    rd_kafka_event_destroy(event);
    if (is_dead) {
        on_fatal(producer);
        producer_client_destroy(&producer->client);
    }
}

size_t producer_blocking_wait(
    struct producer_blocking *producer, uint32_t timeout_ms,
    struct producer_report ret_reports[static PRODUCER_BLOCKING_BATCH_MAX])
{
    const int64_t until_us = waiter_now_us(producer->options.waiter) + (int64_t)timeout_ms * 1000;

    if (producer->waiting > 0) {
        producer->trouble[0] = '\0';
    }
    while (producer->waiting > 0 && waiter_now_us(producer->options.waiter) < until_us
           && !waiter_is_stopped(producer->options.waiter)) {
        serve(producer, POLL_MS);
    }
    const size_t count = producer->report_count;
    memcpy(ret_reports, producer->reports, count * sizeof *ret_reports);
    producer->report_count = 0;
    return count;
}

void producer_blocking_inject_fatal(struct producer_blocking *producer)
{
    (void)rd_kafka_test_fatal_error(producer->client.handle,
                                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "injected");
}
