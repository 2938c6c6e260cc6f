#include "unit/settlement/audit_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/notice_event.h"
#include "codec/order_event.h"
#include "common/conf.h"
#include "inventory/sale_reader.h"
#include "journal/log_ends.h"
#include "journal/log_reader.h"
#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_audit.h"
#include "ledger/order_due.h"
#include "ledger/outbox_store.h"
#include "ledger/payment_store.h"
#include "settlement/audit_data.h"
#include "settlement/freeze.h"

struct audit_world world;

static uint32_t epoch(void)
{
    return world.cut_at > 0 && world.looks >= world.cut_at ? 4 : 3;
}

static enum err step(enum step which)
{
    return world.fails == which ? ERR_UNAVAILABLE : ERR_OK;
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.sale = sale;
    ret_row->definition.epoch = epoch();
    ret_row->control = world.control;
    ret_row->definition.sku_count = 1;
    ret_row->definition.skus[0].total = 5;
    cr_assert_eq(sku_parse("a", 1, &ret_row->definition.skus[0].sku), ERR_OK);
    return sale.value == 7 ? step(READ_SALE) : ERR_NOT_FOUND;
}

enum err log_ends_create(const struct log_ends_options *options,
                         char error[static KAFKA_CONF_ERROR_SIZE], struct log_ends **ret_ends)
{
    (void)options;
    (void)error;
    *ret_ends = NULL;
    world.is_open = world.fails != CREATE_LOG;
    return step(CREATE_LOG);
}

void log_ends_destroy(struct log_ends *ends)
{
    (void)ends;
    world.is_open = false;
}

enum err db_clock_read(struct mysql_link *link, int64_t *ret_now_ms)
{
    (void)link;
    *ret_now_ms = NOW_MS;
    return step(CLOCK);
}

enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                          struct sale_meta *ret_meta)
{
    (void)redis;
    (void)sale;
    memset(ret_meta, 0, sizeof *ret_meta);
    world.looks++;
    ret_meta->head.epoch = epoch();
    ret_meta->head.seq = world.moves_at > 0 && world.looks >= world.moves_at ? 2 : 1;
    return step(META);
}

enum err sale_reader_outbox_count(struct redis_blocking *redis, struct sale_id sale,
                                  uint64_t *ret_count)
{
    (void)redis;
    (void)sale;
    *ret_count = world.redis_outbox;
    return step(OUTBOX_COUNT);
}

static bool is_notices(const char *topic)
{
    return strcmp(topic, "notices") == 0;
}

enum err log_ends_read(struct log_ends *ends, const char *topic, uint32_t timeout_ms,
                       struct topic_bounds *ret_bounds)
{
    (void)ends;
    (void)timeout_ms;
    ret_bounds->count = 1;
    ret_bounds->end[0] = is_notices(topic) ? 4 : world.others_sell ? world.looks + 2 : 1;
    return step(is_notices(topic) ? NOTICE_ENDS : ENDS);
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    const struct offset_row row = {.part = 0,
                                   .next = is_notices(topic)   ? 3
                                           : world.others_sell ? world.looks + 1
                                                               : 1,
                                   .owner_epoch = 6};

    (void)link;
    return world.fails == OFFSETS ? ERR_UNAVAILABLE : each(arg, &row);
}

enum err outbox_store_pending_count(struct mysql_link *link, struct sale_id sale,
                                    uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = world.sql_outbox;
    return step(PENDING);
}

enum err order_due_count(struct mysql_link *link, struct sale_id sale, uint32_t late_ms,
                         uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    cr_assert_eq(late_ms, 60005);
    *ret_count = world.overdue;
    return step(DUE);
}

enum err outbox_store_confirmed_since(struct mysql_link *link, struct sale_id sale,
                                      int64_t since_ms, uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    cr_assert(since_ms == 0 || since_ms == NOW_MS, "of the moment before the first look");
    *ret_count = since_ms > 0 && world.looks >= world.confirms_at && world.confirms_at > 0;
    return step(CONFIRMED);
}

enum err sale_reader_units(struct redis_blocking *redis, struct sale_id sale, bool held,
                           struct sale_left ret_left[static SALE_SKUS_MAX], uint32_t *ret_count)
{
    (void)redis;
    (void)sale;
    (void)held;
    (void)ret_left;
    *ret_count = 0;
    return step(UNITS);
}

enum err sale_reader_orders(struct redis_blocking *redis, struct sale_id sale,
                            sale_reader_order_fn *each, void *arg)
{
    const struct order_entry entry = {.order_no = {1}};
    const struct buyer buyer = {.size = 1, .text = "b"};

    (void)redis;
    (void)sale;
    return world.fails == ENTRIES ? ERR_UNAVAILABLE : each(arg, &buyer, &entry);
}

/* Three records: of this sale, of another, and one that cannot be read. */
enum err log_reader_run(const struct log_reader_options *options, log_reader_fn *each, void *arg,
                        char error[static LOG_READER_TEXT_SIZE], uint64_t *ret_count)
{
    (void)ret_count;
    cr_assert(options->timeout_ms > 0);
    for (const char *at = is_notices(options->topic) ? "7 8 0 x" : "7 8 x"; *at; at++) {
        const enum err err = *at == ' ' ? ERR_OK : each(arg, 0, 0, at, 1);
        if (err != ERR_OK) {
            return err;
        }
    }
    snprintf(error, LOG_READER_TEXT_SIZE, "kafka-text");
    return step(is_notices(options->topic) ? NOTICES : LOG);
}

enum record_fault order_event_read(const void *bytes, size_t size, struct order_record *ret_record,
                                   struct order_no *ret_hint)
{
    const char *text = bytes;

    (void)size;
    if (*text == 'x') {
        ret_hint->value = 0;
        return (enum record_fault)1;
    }
    memset(ret_record, 0, sizeof *ret_record);
    cr_assert_eq(
        order_no_make((struct sale_id){(uint32_t)(*text - '0')}, 3, 1, &ret_record->order_no),
        ERR_OK);
    return RECORD_FAULT_NONE;
}

/* Of order 1 of that sale; "0": of none. */
enum record_fault notice_event_read(const void *bytes, size_t size, struct notice *ret_notice,
                                    struct order_no *ret_hint)
{
    const char *text = bytes;

    (void)size;
    if (*text == 'x') {
        ret_hint->value = 0;
        return (enum record_fault)1;
    }
    memset(ret_notice, 0, sizeof *ret_notice);
    if (*text != '0') {
        cr_assert_eq(
            order_no_make((struct sale_id){(uint32_t)(*text - '0')}, 3, 1, &ret_notice->order_no),
            ERR_OK);
    }
    return RECORD_FAULT_NONE;
}

enum err payment_store_by_event(struct mysql_link *link, const char *provider, const char *event_id,
                                struct payment_row *ret_row)
{
    (void)link;
    (void)provider;
    (void)event_id;
    (void)ret_row;
    cr_assert_not(world.in_snapshot);
    return world.fails == EVENT ? ERR_UNAVAILABLE : ERR_NOT_FOUND;
}

uint64_t payment_audit_event(const char *provider, const char *event_id)
{
    (void)provider;
    (void)event_id;
    return 1;
}

uint64_t payment_audit_transaction(const char *provider, const char *transaction_id,
                                   enum notice_kind kind)
{
    (void)provider;
    (void)transaction_id;
    (void)kind;
    return 0;
}

enum err order_audit_payments(struct mysql_link *link, struct sale_id sale, uint32_t old_ms,
                              payment_audit_fn *each, void *arg)
{
    const struct payment_audit payment = {.order_no = {1}, .kind = NOTICE_KIND_PAID};

    (void)link;
    cr_assert(old_ms == 60000 && (sale.value == 7 || sale.value == 0));
    return world.fails == PAYMENTS ? ERR_UNAVAILABLE : each(arg, &payment);
}

enum err order_store_each(struct mysql_link *link, struct sale_id sale, order_row_fn *each,
                          void *arg)
{
    struct order_row row = {.record = {.order_no = {1}, .quantity = 2}};

    (void)link;
    (void)sale;
    cr_assert(world.in_snapshot);
    cr_assert_eq(sku_parse("a", 1, &row.record.sku), ERR_OK);
    return world.fails == ROWS ? ERR_UNAVAILABLE : each(arg, &row);
}

enum err mysql_link_begin_snapshot(struct mysql_link *link)
{
    (void)link;
    world.in_snapshot = world.fails != SNAPSHOT;
    return step(SNAPSHOT);
}

void mysql_link_rollback(struct mysql_link *link)
{
    (void)link;
    world.in_snapshot = false;
}

enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                            ledger_line_fn *each, void *arg)
{
    struct ledger_line line = {
        .id = 3, .sku = *sku, .delta = 5, .cause = LEDGER_CAUSE_ADD, .epoch = 2};

    (void)link;
    (void)sale;
    cr_assert(world.in_snapshot);
    cr_assert_eq(each(arg, &line), ERR_OK);
    line = (struct ledger_line){
        .id = 4, .sku = *sku, .delta = 1, .cause = LEDGER_CAUSE_CLOSE, .epoch = 3};
    return world.fails == LEDGER ? ERR_UNAVAILABLE : each(arg, &line);
}

enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale, uint64_t *ret_id)
{
    (void)link;
    (void)sale;
    cr_assert_not(world.in_snapshot);
    *ret_id = 4 + world.new_ledger_rows;
    return step(MARK);
}

/* 2 and 5: gone from the ledger, and younger than the snapshot. */
enum err sale_reader_applied(struct redis_blocking *redis, struct sale_id sale,
                             sale_reader_applied_fn *each, void *arg)
{
    (void)redis;
    (void)sale;
    for (uint64_t id = 2; id <= 5; id++) {
        cr_assert_eq(each(arg, id), ERR_OK);
    }
    return step(APPLIED);
}

enum err freeze_sale(struct mysql_link *link, struct sale_id sale, const struct freeze_cause *cause,
                     struct metrics_shard *shard, enum freeze_result *ret_result)
{
    (void)link;
    cr_assert(sale.value == 7 && !shard);
    world.freezes++;
    cr_assert_str_eq(cause->id, "I4");
    cr_assert_str_eq(cause->by, "audit");
    cr_assert_str_eq(cause->found, "limit: 1 over");
    *ret_result = FREEZE_DONE;
    return world.freeze_err;
}

enum err order_audit_epochs_differ(struct mysql_link *link, struct sale_id sale,
                                   uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = 0;
    return step(FINDINGS);
}

enum err order_audit_dead(struct mysql_link *link, const char *topic, struct sale_id sale,
                          dead_place_fn *each, void *arg)
{
    const struct dead_place places[] = {
        {.part = 0, .offset = 1, .of_sale = true, .is_open = true},
        {.part = 0, .offset = 2, .is_open = true},
        {.part = 0, .offset = 3, .of_sale = true},
    };

    (void)link;
    (void)topic;
    (void)sale;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(each(arg, &places[i]), ERR_OK);
    }
    return step(DEAD);
}

void audit_judge(struct audit *audit)
{
    world.judged++;
    world.rows = audit->rows.count;
    world.records = audit->records.count;
    world.entries = audit->entries.count;
    world.live = audit->skus[0].live;
    world.sql_epoch = audit->row_after.definition.epoch;
    world.redis_epoch = audit->after.meta.head.epoch;
    cr_assert_eq(audit->unreadable.count, 1);
    cr_assert(audit->notices.count == 2 && audit->notices_unreadable.count == 1, "7 and 0");
    cr_assert(audit->payments.count == 2 && audit->notice_dead.count == 3);
    cr_assert(audit->notice_dead_of_sale == 1 && audit->notice_dead_of_none == 1);
    cr_assert(audit->after.notices_lag == 1 && audit->notice_places.next[0] == 3);
    cr_assert_eq(audit->applied_gone, 1);
    cr_assert(audit->dead_of_sale == 1 && audit->dead_of_none == 1 && audit->dead.count == 3);
    cr_assert(audit->skus[0].supplied == 5 && audit->skus[0].returned == 1);
    cr_assert_eq(audit->skus[0].since_load, 1, "of this epoch");
    cr_assert_eq(audit->places.first[0], 0);
    cr_assert(world.others_sell || audit->places.next[0] == 1);
    cr_assert_eq(audit->places.owner_epoch[0], 6);
    for (int i = 0; i < 3; i++) { /* only the last is hard and broken */
        audit->report->checks[audit->report->check_count++] = (struct audit_check){
            .id = i == 2 ? "I4" : "I2",
            .name = "limit",
            .found = "1 over",
            .is_hard = i > 0,
            .result = i == 1 ? AUDIT_NOT_TOLD : AUDIT_VIOLATED,
        };
    }
    audit->report->check_count -= !world.is_broken;
}
