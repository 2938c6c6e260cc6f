#include "journal/order_log.h"

#include "codec/order_event.h"
#include "journal/producer.h"
#include "journal/topic_health.h"

#include <stdlib.h>

struct order_log {
    struct producer *producer; /* owned */
};

struct order_log *order_log_create(const struct order_log_options *options)
{
    struct order_log *log = calloc(1, sizeof *log);

    if (!log) {
        return NULL;
    }
    log->producer = producer_create(&(struct producer_options){
        .loop = options->loop,
        .brokers = options->brokers,
        .topic = options->topic,
        .client_name = options->client_name,
        .linger_ms = options->linger_ms,
        .message_timeout_ms = options->message_timeout_ms,
        .records_max = options->records_max,
        .shard = options->shard,
    });
    if (!log->producer) {
        free(log);
        return NULL;
    }
    return log;
}

void order_log_destroy(struct order_log *log)
{
    if (!log) {
        return;
    }
    producer_destroy(log->producer);
    free(log);
}

enum err order_log_append(struct order_log *log, const struct order_record *record,
                          order_log_done_fn *done, void *arg)
{
    struct order_event event;
    enum err err = order_event_pack(record, &event);

    if (err != ERR_OK) {
        return err;
    }
    return producer_append(log->producer, NULL, 0, event.bytes, event.size, done, arg);
}

void order_log_flush_soon(struct order_log *log)
{
    producer_flush_soon(log->producer);
}

uint32_t order_log_inflight_count(const struct order_log *log)
{
    return producer_inflight_count(log->producer);
}

int64_t order_log_oldest_us(const struct order_log *log)
{
    return producer_oldest_us(log->producer);
}

bool order_log_is_ready(const struct order_log *log, const char **ret_why)
{
    return producer_is_ready(log->producer, ret_why);
}

bool order_log_is_doubted(const struct order_log *log)
{
    return producer_is_doubted(log->producer);
}

const char *order_log_weakness(const struct order_log *log)
{
    return topic_health_weakness(producer_health(log->producer));
}

void order_log_inject_fatal(struct order_log *log)
{
    producer_inject_fatal(log->producer);
}
