#include "journal/log_reader.h"

#include "common/assert.h"
#include "common/clock.h"
#include "journal/consumer_client.h"
#include "journal/topic_bounds.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum { SESSION_TIMEOUT_MS = 10000, POLL_MS = 100 };

struct reading {
    const struct log_reader_options *options;
    log_reader_fn *each;
    void *arg;
    char *error;         /* the caller's */
    int64_t deadline_us; /* moved by each record */
    rd_kafka_t *handle;
    uint32_t part_count, open_count; /* open: its end was not reached yet */
    uint64_t next[LOG_PARTITIONS_MAX], end[LOG_PARTITIONS_MAX];
    uint64_t count;
};

static enum err fail(struct reading *reading, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum err fail(struct reading *reading, enum err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reading->error, LOG_READER_TEXT_SIZE, format, arguments);
    va_end(arguments);
    return err;
}

static void push_deadline(struct reading *reading)
{
    reading->deadline_us = clock_mono_us() + (int64_t)reading->options->timeout_ms * 1000;
}

static int left_ms(const struct reading *reading)
{
    int64_t left = (reading->deadline_us - clock_mono_us()) / 1000;

    return left > 0 ? (int)left : 0;
}

/* From where to where: the log's own bounds, and the caller's places inside them. */
static enum err set_bounds(struct reading *reading, const struct topic_bounds *bounds,
                           uint32_t part)
{
    const struct log_reader_options *options = reading->options;
    const uint64_t low = bounds->first[part], high = bounds->end[part];

    reading->end[part] = high;
    reading->next[part] = low;
    if (options->from && part < options->from_count) {
        reading->next[part] = options->from[part];
        if (options->from[part] < low || options->from[part] > high) {
            return fail(reading, ERR_RANGE,
                        "partition %" PRIu32 " holds %" PRIu64 " to %" PRIu64
                        ", asked for was %" PRIu64,
                        part, low, high, options->from[part]);
        }
    }
    return ERR_OK;
}

static enum err find_all_bounds(struct reading *reading)
{
    struct topic_bounds bounds;
    enum err err = topic_bounds_read(reading->handle, reading->options->topic,
                                     (uint32_t)left_ms(reading), &bounds);

    if (err != ERR_OK) {
        return fail(reading, err, "topic %.100s: %s", reading->options->topic, err_text(err));
    }
    reading->part_count = bounds.count;
    for (uint32_t part = 0; part < reading->part_count && err == ERR_OK; part++) {
        err = set_bounds(reading, &bounds, part);
    }
    return err;
}

static enum err assign(struct reading *reading)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reading->part_count);
    rd_kafka_resp_err_t status;

    for (uint32_t part = 0; part < reading->part_count; part++) {
        if (reading->next[part] < reading->end[part]) {
            rd_kafka_topic_partition_list_add(list, reading->options->topic, (int32_t)part)
                ->offset = (int64_t)reading->next[part];
            reading->open_count++;
        }
    }
    status = rd_kafka_assign(reading->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (status != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return fail(reading, ERR_UNAVAILABLE, "cannot assign: %s", rd_kafka_err2str(status));
    }
    return ERR_OK;
}

/* `next` is behind a record, or behind what the log skips (control records). */
static void move(struct reading *reading, uint32_t part, uint64_t next)
{
    bool was_open = reading->next[part] < reading->end[part];

    reading->next[part] = next;
    if (was_open && next >= reading->end[part]) {
        reading->open_count--;
    }
}

static enum err take(struct reading *reading, const rd_kafka_message_t *message)
{
    uint32_t part = (uint32_t)message->partition;
    uint64_t offset = (uint64_t)message->offset;
    enum err err;

    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        ASSERT(part < reading->part_count);
        move(reading, part, offset);
        return ERR_OK;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return fail(reading, ERR_RANGE, "partition %" PRIu32 " lost records while it was read",
                    part);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__FATAL:
        return fail(reading, ERR_UNAVAILABLE, "%s", rd_kafka_message_errstr(message));
    default: return ERR_OK; /* librdkafka's enum; it mends these, or the deadline comes */
    }
    ASSERT(part < reading->part_count);
    if (offset >= reading->end[part] || offset < reading->next[part]) {
        return ERR_OK; /* younger than the call, or seen */
    }
    err = reading->each(reading->arg, part, offset, message->payload, message->len);
    if (err != ERR_OK) {
        return fail(reading, err, "the reader of the records gave up: %s", err_text(err));
    }
    reading->count++;
    move(reading, part, offset + 1);
    return ERR_OK;
}

static enum err read_all(struct reading *reading)
{
    enum err err = find_all_bounds(reading);

    if (err == ERR_OK) {
        err = assign(reading);
    }
    while (err == ERR_OK && reading->open_count > 0) {
        int wait_ms = left_ms(reading);
        rd_kafka_message_t *message;

        if (wait_ms == 0) {
            return fail(reading, ERR_TIMEOUT, "not at the end, and nothing came for %" PRIu32 " ms",
                        reading->options->timeout_ms);
        }
        message = rd_kafka_consumer_poll(reading->handle, wait_ms < POLL_MS ? wait_ms : POLL_MS);
        if (message) {
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                push_deadline(reading);
            }
            err = take(reading, message);
            rd_kafka_message_destroy(message);
        }
    }
    return err;
}

static enum err make_handle(struct reading *reading)
{
    static const struct kafka_setting settings[] = {{"enable.partition.eof", "true"}, {NULL, NULL}};
    const struct consumer_client_options options = {
        .brokers = reading->options->brokers,
        .client_name = "seckill-log-reader",
        .group = "seckill-log-reader", /* asked for by librdkafka; never joined */
        .session_timeout_ms = SESSION_TIMEOUT_MS,
        .begin = "error",
    };
    rd_kafka_conf_t *conf = NULL;
    enum err err = consumer_client_conf(&options, reading->error, &conf);

    if (err != ERR_OK) {
        return err;
    }
    err = kafka_conf_add(conf, settings, reading->error);
    if (err != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    return consumer_client_make(conf, reading->error, &reading->handle);
}

enum err log_reader_run(const struct log_reader_options *options, log_reader_fn *each, void *arg,
                        char error[static LOG_READER_TEXT_SIZE], uint64_t *ret_count)
{
    struct reading reading = {
        .options = options,
        .each = each,
        .arg = arg,
        .error = error,
    };
    enum err err = make_handle(&reading);

    if (err != ERR_OK) {
        return err;
    }
    push_deadline(&reading);
    err = read_all(&reading);
    (void)rd_kafka_consumer_close(reading.handle);
    rd_kafka_destroy(reading.handle);
    if (ret_count) {
        *ret_count = reading.count;
    }
    return err;
}
