#include "journal/order_log_blocking.h"

#include "codec/order_event.h"
#include "common/clock.h"
#include "journal/producer_client.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

enum { LINGER_MS = 5, MESSAGE_TIMEOUT_MS = 10000, RECORDS_MAX = 65536, POLL_MS = 50 };

struct order_log_blocking {
    char *brokers, *topic, *client_name; /* owned */
    struct producer_client client;
    uint32_t call; /* counts appends: reports of an earlier one are told by it */
};

/* A call of order_log_blocking_append() under way. */
struct append {
    struct order_log_blocking *log;
    uint32_t call;
    size_t count, reported; /* reported: whatever their status */
    bool *is_in;            /* owned or the caller's; count flags */
    enum err worst;
};

static enum err make(struct order_log_blocking *log)
{
    char error[KAFKA_CONF_ERROR_SIZE];
    const struct producer_client_options options = {
        .brokers = log->brokers,
        .topic = log->topic,
        .client_name = log->client_name,
        .linger_ms = LINGER_MS,
        .message_timeout_ms = MESSAGE_TIMEOUT_MS,
        .records_max = RECORDS_MAX,
    };

    return producer_client_make(&options, error, &log->client);
}

/* After a fatal error the handle is made anew, at the next call at the latest. */
static enum err ensure(struct order_log_blocking *log)
{
    return log->client.handle ? ERR_OK : make(log);
}

enum err order_log_blocking_create(const struct order_log_blocking_options *options,
                                   struct order_log_blocking **ret_log)
{
    struct order_log_blocking *log = calloc(1, sizeof *log);
    enum err err;

    if (!log) {
        return ERR_NO_MEMORY;
    }
    log->brokers = strdup(options->brokers);
    log->topic = strdup(options->topic);
    log->client_name = strdup(options->client_name);
    err = log->brokers && log->topic && log->client_name ? make(log) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        order_log_blocking_destroy(log);
        return err;
    }
    *ret_log = log;
    return ERR_OK;
}

void order_log_blocking_destroy(struct order_log_blocking *log)
{
    if (!log) {
        return;
    }
    producer_client_destroy(&log->client);
    free(log->brokers);
    free(log->topic);
    free(log->client_name);
    free(log);
}

/* --- producing */

static void on_report(struct append *append, const rd_kafka_message_t *message)
{
    uint64_t token = (uint64_t)(uintptr_t)message->_private;
    size_t index = (size_t)(token & UINT32_MAX);
    enum err status = producer_client_status(message);

    if (token >> 32 != append->call || index >= append->count) {
        return; /* of an earlier call that timed out */
    }
    append->reported++;
    if (status == ERR_OK) {
        append->is_in[index] = true;
    } else {
        append->worst = status;
    }
}

/* Serves reports for up to `wait_ms`. false: the handle is dead. */
static bool serve(struct append *append, int wait_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(append->log->client.queue, wait_ms);
    const rd_kafka_message_t *message;
    bool is_alive = true;

    if (!event) {
        return true;
    }
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        while ((message = rd_kafka_event_message_next(event)) != NULL) {
            on_report(append, message);
        }
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        is_alive = !rd_kafka_event_error_is_fatal(event);
    }
    rd_kafka_event_destroy(event);
    return is_alive;
}

static enum err produce(struct append *append, const struct order_event *event, size_t index,
                        int64_t deadline_us)
{
    uint64_t token = (uint64_t)append->call << 32 | index;

    while (rd_kafka_produce(append->log->client.topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                            (void *)(uintptr_t)event->bytes, event->size, NULL, 0,
                            (void *)(uintptr_t)token)
           != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return ERR_REFUSED;
        }
        if (clock_mono_us() >= deadline_us) {
            return ERR_TIMEOUT;
        }
        if (!serve(append, POLL_MS)) {
            return ERR_LOST;
        }
    }
    return ERR_OK;
}

static enum err wait_for_reports(struct append *append, int64_t deadline_us)
{
    while (append->reported < append->count) {
        int64_t left_us = deadline_us - clock_mono_us();

        if (left_us <= 0) {
            return ERR_TIMEOUT;
        }
        if (!serve(append, left_us < POLL_MS * 1000 ? (int)(left_us / 1000 + 1) : POLL_MS)) {
            return ERR_LOST;
        }
    }
    return append->worst;
}

static enum err run(struct append *append, const struct order_record *records, int64_t deadline_us)
{
    struct order_event event;
    enum err err = ERR_OK;

    for (size_t i = 0; i < append->count && err == ERR_OK; i++) {
        err = order_event_pack(&records[i], &event);
    }
    for (size_t i = 0; i < append->count && err == ERR_OK; i++) {
        err = order_event_pack(&records[i], &event);
        if (err == ERR_OK) {
            err = produce(append, &event, i, deadline_us);
        }
    }
    return err == ERR_OK ? wait_for_reports(append, deadline_us) : err;
}

enum err order_log_blocking_append(struct order_log_blocking *log,
                                   const struct order_record *records, size_t count,
                                   uint32_t timeout_ms, bool *ret_reported)
{
    int64_t deadline_us = clock_mono_us() + (int64_t)timeout_ms * 1000;
    struct append append = {.log = log, .call = ++log->call, .count = count, .worst = ERR_OK};
    enum err err;

    if (count > UINT32_MAX) {
        return ERR_RANGE;
    }
    err = ensure(log);
    if (err != ERR_OK) {
        return err;
    }
    append.is_in = ret_reported ? ret_reported : calloc(count ? count : 1, sizeof *append.is_in);
    if (!append.is_in) {
        return ERR_NO_MEMORY;
    }
    memset(append.is_in, 0, count * sizeof *append.is_in);
    err = run(&append, records, deadline_us);
    if (rd_kafka_fatal_error(log->client.handle, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer_client_destroy(&log->client);
        err = ERR_LOST;
    }
    if (!ret_reported) {
        free(append.is_in);
    }
    return err;
}

/* --- where the log ends */

enum err order_log_blocking_ends(struct order_log_blocking *log, uint32_t timeout_ms,
                                 uint64_t ends[static LOG_PARTITIONS_MAX],
                                 uint32_t *ret_partition_count)
{
    struct topic_bounds bounds;
    enum err err = ensure(log);

    err = err == ERR_OK ? topic_bounds_read(log->client.handle, log->topic, timeout_ms, &bounds)
                        : err;
    if (err == ERR_OK) {
        memcpy(ends, bounds.end, bounds.count * sizeof *ends);
        *ret_partition_count = bounds.count;
    }
    return err;
}
