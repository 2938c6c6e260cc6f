/* The three services are read one after the other, between two looks at what moves: the log's ends
 * and the worker's places, Redis' seq and version, both outboxes. When the looks agree, nothing was
 * on its way, and every figure can be compared; when they do not, what depends on rest is "not at
 * rest". */
#include "settlement/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/assert.h"
#include "common/conf.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_reader.h"
#include "journal/log_reader.h"
#include "journal/order_log_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_audit.h"
#include "ledger/order_store.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/audit_data.h"

enum { REST_LOOK_MS = 200, LOG_TIMEOUT_MS = 60000, ENDS_TIMEOUT_MS = 5000 };

const char *audit_result_name(enum audit_result result)
{
    switch (result) {
    case AUDIT_HOLDS: return "holds";
    case AUDIT_VIOLATED: return "violated";
    case AUDIT_NOT_AT_REST: return "not-at-rest";
    }
    UNREACHABLE();
}

static enum err by_mysql(struct audit *audit, enum err err)
{
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "MySQL: %s (%s)", err_text(err),
                 mysql_link_error_text(audit->context->mysql));
    }
    return err;
}

static enum err by_redis(struct audit *audit, enum err err)
{
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Redis: %s (%s)", err_text(err),
                 redis_blocking_trouble(audit->context->redis));
    }
    return err;
}

/* --- reading --- */

struct places {
    uint64_t next[LOG_PARTITIONS_MAX];
};

static enum err on_place(void *arg, const struct offset_row *row)
{
    struct places *places = arg;

    if (row->part < LOG_PARTITIONS_MAX) {
        places->next[row->part] = row->next;
    }
    return ERR_OK;
}

static enum err look_at_log(struct audit *audit, struct motion *motion)
{
    uint64_t ends[LOG_PARTITIONS_MAX];
    struct places places = {0};
    uint32_t count = 0;

    enum err err = order_log_blocking_ends(audit->log, ENDS_TIMEOUT_MS, ends, &count);
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Kafka: %s", err_text(err));
        return err;
    }
    err = by_mysql(audit, mysql_link_ensure(audit->context->mysql));
    if (err == ERR_OK) {
        err = by_mysql(audit, offset_store_list(audit->context->mysql,
                                                audit->context->conf->kafka_orders_topic, on_place,
                                                &places));
    }
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        motion->lag += ends[i] > places.next[i] ? ends[i] - places.next[i] : 0;
        motion->beyond += places.next[i] > ends[i] ? places.next[i] - ends[i] : 0;
    }
    return err;
}

static enum err look(struct audit *audit, struct motion *ret_motion)
{
    const struct audit_context *context = audit->context;
    const struct sale_id sale = audit->row.definition.sale;
    struct motion motion = {0};

    enum err err = sale_reader_meta(context->redis, sale, &motion.meta);
    motion.has_meta = err == ERR_OK;
    if (err != ERR_NOT_FOUND && err != ERR_OK) {
        return by_redis(audit, err);
    }
    err = by_redis(audit, sale_reader_outbox_count(context->redis, sale, &motion.redis_outbox));
    err = err == ERR_OK ? look_at_log(audit, &motion) : err;
    if (err == ERR_OK) {
        err = by_mysql(audit, outbox_store_pending_count(context->mysql, sale, &motion.sql_outbox));
    }
    if (err == ERR_OK) {
        *ret_motion = motion;
    }
    return err;
}

static bool is_at_rest(const struct motion *motion)
{
    return motion->lag == 0 && motion->redis_outbox == 0 && motion->sql_outbox == 0;
}

static bool is_same(const struct motion *a, const struct motion *b)
{
    return a->has_meta == b->has_meta
           && (!a->has_meta
               || (a->meta.head.epoch == b->meta.head.epoch && a->meta.head.seq == b->meta.head.seq
                   && a->meta.head.version == b->meta.head.version));
}

static enum err on_row(void *arg, const struct order_row *row)
{
    struct audit *audit = arg;
    const struct order_entry entry = {.sku = row->record.sku,
                                      .quantity = row->record.quantity,
                                      .key_hash = row->record.key_hash,
                                      .won_at_ms = row->record.won_at_ms};
    const struct audit_item item = {.order_no = row->record.order_no,
                                    .content = audit_content(&row->record),
                                    .entry = audit_entry(&row->record.buyer, &entry),
                                    .letter = order_state_letter(row->state)};
    const int sku = sale_find_sku(&audit->row.definition, &row->record.sku);

    if (sku >= 0) {
        struct sku_figures *figures = &audit->skus[sku];
        const bool never = row->reason == ORDER_REASON_EPOCH || row->reason == ORDER_REASON_STOCK;
        figures->live += order_state_is_live(row->state) ? row->record.quantity : 0;
        figures->counted += never ? 0 : row->record.quantity;
    }
    enum err err = audit_list_add(&audit->rows, &item);
    if (err == ERR_OK && row->reason != ORDER_REASON_EPOCH) {
        err = audit_list_add(&audit->told_rows, &item);
    }
    return err;
}

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t size)
{
    struct audit *audit = arg;
    struct order_record record;
    struct order_no hint = {0};

    (void)partition;
    (void)offset;
    if (waiter_is_stopped(audit->context->waiter)) {
        return ERR_CLOSED; /* a long log is not read to its end while the worker is to end */
    }
    if (order_event_read(payload, size, &record, &hint) != ORDER_EVENT_FAULT_NONE) {
        audit->unreadable +=
            hint.value == 0 || order_no_sale(hint).value == audit->row.definition.sale.value;
        return ERR_OK;
    }
    if (order_no_sale(record.order_no).value != audit->row.definition.sale.value) {
        return ERR_OK;
    }
    const struct audit_item item = {.order_no = record.order_no, .content = audit_content(&record)};
    return audit_list_add(&audit->records, &item);
}

static enum err on_entry(void *arg, const struct buyer *buyer, const struct order_entry *entry)
{
    struct audit *audit = arg;
    const struct audit_item item = {.order_no = entry->order_no,
                                    .entry = audit_entry(buyer, entry),
                                    .letter = order_state_letter(entry->state)};

    return audit_list_add(&audit->entries, &item);
}

static enum err on_ledger(void *arg, const struct sku *sku, int64_t delta)
{
    struct audit *audit = arg;
    const int index = sale_find_sku(&audit->row.definition, sku);

    if (index >= 0) {
        audit->skus[index].ledger += delta;
    }
    return ERR_OK;
}

static enum err read_units(struct audit *audit, bool held)
{
    struct sale_left left[SALE_SKUS_MAX];
    uint32_t count = 0;
    const enum err err =
        by_redis(audit, sale_reader_units(audit->context->redis, audit->row.definition.sale, held,
                                          left, &count));

    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        const int index = sale_find_sku(&audit->row.definition, &left[i].sku);
        if (index >= 0 && held) {
            audit->skus[index].held = left[i].left;
        } else if (index >= 0) {
            audit->skus[index].left = left[i].left;
        }
    }
    return err;
}

static enum err read_mysql(struct audit *audit)
{
    struct mysql_link *mysql = audit->context->mysql;
    const struct sale_id sale = audit->row.definition.sale;

    enum err err = sale_store_read(mysql, sale, &audit->row);
    err = err == ERR_OK ? order_store_each(mysql, sale, on_row, audit) : err;
    err = err == ERR_OK ? sale_store_ledger_sums(mysql, sale, on_ledger, audit) : err;
    err = err == ERR_OK
              ? order_audit_findings(mysql, sale, audit->row.definition.limit, &audit->findings)
              : err;
    err = err == ERR_OK
              ? dead_store_open_count(mysql, sale, &audit->dead_of_sale, &audit->dead_of_none)
              : err;
    audit_list_settle(&audit->rows);
    audit_list_settle(&audit->told_rows);
    return by_mysql(audit, err);
}

static enum err read_log(struct audit *audit)
{
    char error[LOG_READER_TEXT_SIZE] = "";
    const struct log_reader_options options = {
        .brokers = audit->context->conf->kafka_brokers,
        .topic = audit->context->conf->kafka_orders_topic,
        .timeout_ms = LOG_TIMEOUT_MS,
    };
    const enum err err = log_reader_run(&options, on_record, audit, error, NULL);

    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Kafka: %s (%s)", err_text(err), error);
    }
    audit_list_settle(&audit->records);
    return err;
}

static enum err read_redis(struct audit *audit)
{
    enum err err = read_units(audit, false);

    err = err == ERR_OK ? read_units(audit, true) : err;
    if (err == ERR_OK) {
        err = by_redis(audit, sale_reader_orders(audit->context->redis, audit->row.definition.sale,
                                                 on_entry, audit));
    }
    audit_list_settle(&audit->entries);
    return err;
}

/* --- the whole --- */

static void forget(struct audit *audit)
{
    audit_list_finish(&audit->rows);
    audit_list_finish(&audit->told_rows);
    audit_list_finish(&audit->records);
    audit_list_finish(&audit->entries);
    memset(audit->skus, 0, sizeof audit->skus);
    audit->unreadable = 0;
}

/* Reads all three between two looks. */
static enum err read_all(struct audit *audit)
{
    struct motion before, after;

    forget(audit);
    enum err err = look(audit, &before);
    err = err == ERR_OK ? read_redis(audit) : err;
    err = err == ERR_OK ? read_log(audit) : err;
    err = err == ERR_OK ? read_mysql(audit) : err;
    err = err == ERR_OK ? look(audit, &after) : err;
    if (err == ERR_OK) {
        audit->motion = after;
        audit->report->at_rest =
            is_at_rest(&before) && is_at_rest(&after) && is_same(&before, &after);
    }
    return err;
}

static enum err wait_for_rest(struct audit *audit)
{
    const struct audit_context *context = audit->context;
    const int64_t until_us = waiter_now_us(context->waiter) + (int64_t)context->rest_wait_ms * 1000;
    struct motion motion;

    for (;;) {
        const enum err err = look(audit, &motion);
        if (err != ERR_OK || is_at_rest(&motion) || waiter_now_us(context->waiter) >= until_us) {
            return err;
        }
        if (!waiter_sleep_ms(context->waiter, REST_LOOK_MS)) {
            snprintf(audit->why, AUDIT_TEXT_SIZE, "this worker is being stopped");
            return ERR_CLOSED;
        }
    }
}

enum err audit_run(const struct audit_context *context, struct sale_id sale,
                   struct audit_report *ret_report, char why[static AUDIT_TEXT_SIZE])
{
    struct audit_report report = {.sale = sale};
    struct audit audit = {.context = context, .report = &report, .why = why};
    const struct order_log_blocking_options options = {
        .brokers = context->conf->kafka_brokers,
        .topic = context->conf->kafka_orders_topic,
        .client_name = "seckill-audit",
    };

    why[0] = '\0';
    enum err err = by_mysql(&audit, mysql_link_ensure(context->mysql));
    err = err == ERR_OK ? by_mysql(&audit, sale_store_read(context->mysql, sale, &audit.row)) : err;
    if (err != ERR_OK) {
        return err;
    }
    err = order_log_blocking_create(&options, &audit.log);
    if (err != ERR_OK) {
        snprintf(why, AUDIT_TEXT_SIZE, "Kafka: %s", err_text(err));
        return err;
    }
    err = wait_for_rest(&audit);
    err = err == ERR_OK ? read_all(&audit) : err;
    if (err == ERR_OK) {
        audit_judge(&audit);
        *ret_report = report;
    }
    forget(&audit);
    order_log_blocking_destroy(audit.log);
    return err;
}
