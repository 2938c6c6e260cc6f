#include "journal/dead_log.h"

#include <inttypes.h>
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

struct dead_log {
    struct waiter *waiter; /* borrowed */
    struct producer_client client;
    size_t waiting;                   /* put, not reported */
    uint64_t ids[DEAD_LOG_BATCH_MAX]; /* reported: in the topic */
    size_t id_count;
    char trouble[TEXT_SIZE];
};

enum err dead_log_create(const struct dead_log_options *options,
                         char error[static KAFKA_CONF_ERROR_SIZE], struct dead_log **ret_log)
{
    const struct producer_client_options client = {
        .brokers = options->brokers,
        .topic = options->topic,
        .client_name = options->client_name,
        .linger_ms = LINGER_MS,
        .message_timeout_ms = MESSAGE_TIMEOUT_MS,
        .records_max = BUFFER_RECORDS,
    };
    struct dead_log *log = calloc(1, sizeof *log);

    if (!log) {
        return ERR_NO_MEMORY;
    }
    log->waiter = options->waiter;
    const enum err err = producer_client_make(&client, error, &log->client);
    if (err != ERR_OK) {
        dead_log_destroy(log);
        return err;
    }
    *ret_log = log;
    return ERR_OK;
}

void dead_log_destroy(struct dead_log *log)
{
    if (!log) {
        return;
    }
    producer_client_destroy(&log->client);
    free(log);
}

const char *dead_log_trouble(const struct dead_log *log)
{
    return log->trouble;
}

static bool add_number(rd_kafka_headers_t *headers, const char *name, uint64_t value)
{
    char text[24];
    const int size = snprintf(text, sizeof text, "%" PRIu64, value);

    return rd_kafka_header_add(headers, name, -1, text, size) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool add_text(rd_kafka_headers_t *headers, const char *name, const char *text)
{
    return rd_kafka_header_add(headers, name, -1, text, -1) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_headers_t *headers_of(const struct dead_log_letter *letter)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);

    if (headers && add_number(headers, "id", letter->id)
        && add_text(headers, "topic", letter->topic)
        && add_number(headers, "partition", letter->part)
        && add_number(headers, "offset", letter->offset)
        && add_number(headers, "sale", letter->sale)
        && add_number(headers, "order_no", letter->order_no)
        && add_text(headers, "reason", letter->reason)
        && add_number(headers, "size", letter->payload_size)) {
        return headers;
    }
    if (headers) {
        rd_kafka_headers_destroy(headers);
    }
    return NULL;
}

/* The headers go over with the message only when it is taken. */
static rd_kafka_resp_err_t produce(struct dead_log *log, const struct dead_log_letter *letter,
                                   rd_kafka_headers_t *headers)
{
    const bool fits = letter->payload_size <= DEAD_LOG_VALUE_MAX;
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = log->client.topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)letter->payload, fits ? letter->payload_size : 0}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = (void *)(uintptr_t)letter->id},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(log->client.handle, fields, sizeof fields / sizeof fields[0]);
    const rd_kafka_resp_err_t status = rd_kafka_error_code(error);

    rd_kafka_error_destroy(error);
    return status;
}

enum err dead_log_put(struct dead_log *log, const struct dead_log_letter *letter)
{
    ASSERT(letter->id != 0);
    if (log->waiting == DEAD_LOG_BATCH_MAX) {
        return ERR_BUSY;
    }
    rd_kafka_headers_t *headers = headers_of(letter);
    if (!headers) {
        return ERR_NO_MEMORY;
    }
    const rd_kafka_resp_err_t status = produce(log, letter, headers);
    if (status == RD_KAFKA_RESP_ERR_NO_ERROR) {
        log->waiting++;
        return ERR_OK;
    }
    rd_kafka_headers_destroy(headers);
    snprintf(log->trouble, sizeof log->trouble, "%s", rd_kafka_err2str(status));
    return status == RD_KAFKA_RESP_ERR__QUEUE_FULL ? ERR_BUSY : ERR_REFUSED;
}

static void on_report(struct dead_log *log, const rd_kafka_message_t *message)
{
    log->waiting -= log->waiting > 0;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (log->id_count < DEAD_LOG_BATCH_MAX) {
            log->ids[log->id_count++] = (uint64_t)(uintptr_t)message->_private;
        }
        return;
    }
    snprintf(log->trouble, sizeof log->trouble, "%s", rd_kafka_err2str(message->err));
}

static void serve(struct dead_log *log, int wait_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(log->client.queue, wait_ms);
    const rd_kafka_message_t *message;

    if (!event) {
        return;
    }
    while (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR
           && (message = rd_kafka_event_message_next(event)) != NULL) {
        on_report(log, message);
    }
    rd_kafka_event_destroy(event);
}

size_t dead_log_wait(struct dead_log *log, uint32_t timeout_ms,
                     uint64_t ret_ids[static DEAD_LOG_BATCH_MAX])
{
    const int64_t until_us = waiter_now_us(log->waiter) + (int64_t)timeout_ms * 1000;

    if (log->waiting > 0) {
        log->trouble[0] = '\0';
    }
    while (log->waiting > 0 && waiter_now_us(log->waiter) < until_us
           && !waiter_is_stopped(log->waiter)) {
        serve(log, POLL_MS);
    }
    const size_t count = log->id_count;
    memcpy(ret_ids, log->ids, count * sizeof *ret_ids);
    log->id_count = 0;
    return count;
}
