/* The order of reading makes figures of a running sale comparable. Wins go from Redis to the log to
 * MySQL, so they are read the other way round: MySQL in one moment (a snapshot), then the log, then
 * Redis. Whatever MySQL has, the two others have too; what they have more is on its way.
 *
 * All this stands between two looks at what moves: the log's ends and the worker's places, Redis'
 * seq and version, both outboxes. When the looks agree and no record of the sale waited in the log,
 * nothing of it was on its way, whatever other sales do, and the figures of Redis are compared
 * exactly as well; else those are "not told". */
#include "settlement/audit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/notice_event.h"
#include "codec/order_event.h"
#include "common/conf.h"
#include "common/log.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_reader.h"
#include "journal/log_ends.h"
#include "journal/log_reader.h"
#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/order_audit.h"
#include "ledger/order_due.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/audit_data.h"
#include "settlement/freeze.h"

enum { REST_LOOK_MS = 200, LOG_TIMEOUT_MS = 15000, ENDS_TIMEOUT_MS = 5000 };

static enum err by_redis(struct audit *audit, enum err err)
{
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Redis: %s (%s)", err_text(err),
                 redis_blocking_trouble(audit->context->redis));
    }
    return err;
}

/* --- what moves --- */

static bool is_same(const struct motion *a, const struct motion *b)
{
    return a->has_meta == b->has_meta
           && (!a->has_meta
               || (a->meta.head.epoch == b->meta.head.epoch && a->meta.head.seq == b->meta.head.seq
                   && a->meta.head.version == b->meta.head.version));
}

/* Once its outbox is empty and while nothing more is sold, all of this sale is before the goal; the
 * rest behind it is of other sales, and not waited for. */
static void aim(struct audit *audit, const struct motion *motion, const uint64_t *ends)
{
    if (!audit->has_goal || !is_same(&audit->aimed, motion)) {
        memcpy(audit->goal, ends, sizeof audit->goal);
        audit->aimed = *motion;
        audit->has_goal = motion->redis_outbox == 0;
    }
}

/* Places first: they only rise, and never above an end that is read after them. */
static enum err read_ends(struct audit *audit, const char *topic, struct audit_places *places,
                          struct topic_bounds *ends)
{
    enum err err = audit_by_mysql(audit, mysql_link_ensure(audit->context->mysql));

    err = err == ERR_OK ? audit_mysql_places(audit, topic, places) : err;
    if (err != ERR_OK) {
        return err;
    }
    err = log_ends_read(audit->ends, topic, ENDS_TIMEOUT_MS, ends);
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Kafka: topic %.100s: %s", topic, err_text(err));
    }
    return err;
}

static enum err look_at_log(struct audit *audit, struct motion *motion)
{
    struct topic_bounds ends;
    struct audit_places places;
    const enum err err = read_ends(audit, audit->context->conf->kafka_orders_topic, &places, &ends);

    if (err != ERR_OK) {
        return err;
    }
    aim(audit, motion, ends.end);
    for (uint32_t i = 0; i < ends.count; i++) {
        motion->lag += audit->goal[i] > places.next[i] ? audit->goal[i] - places.next[i] : 0;
        motion->beyond += places.next[i] > ends.end[i] ? places.next[i] - ends.end[i] : 0;
    }
    return ERR_OK;
}

static enum err look_at_notices(struct audit *audit, struct motion *motion)
{
    struct topic_bounds ends;
    struct audit_places places;
    const enum err err =
        read_ends(audit, audit->context->conf->kafka_notices_topic, &places, &ends);

    for (uint32_t i = 0; err == ERR_OK && i < ends.count; i++) {
        motion->notices_lag += ends.end[i] > places.next[i] ? ends.end[i] - places.next[i] : 0;
        motion->notices_beyond += places.next[i] > ends.end[i] ? places.next[i] - ends.end[i] : 0;
    }
    return err;
}

static enum err look_at_outbox(struct audit *audit, struct motion *motion)
{
    struct mysql_link *mysql = audit->context->mysql;
    const struct sale_id sale = audit->row.definition.sale;
    enum err err = outbox_store_pending_count(mysql, sale, &motion->sql_outbox);

    err = err == ERR_OK
              ? outbox_store_confirmed_since(mysql, sale, audit->since_ms, &motion->confirmed)
              : err;
    err = err == ERR_OK ? order_due_count(mysql, sale, audit->orders.overdue_ms, &motion->overdue)
                        : err;
    return audit_by_mysql(audit, err);
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
    err = err == ERR_OK ? look_at_notices(audit, &motion) : err;
    err = err == ERR_OK ? look_at_outbox(audit, &motion) : err;
    if (err == ERR_OK) {
        *ret_motion = motion;
    }
    return err;
}

static bool is_at_rest(const struct motion *motion)
{
    return motion->lag == 0 && motion->redis_outbox == 0 && motion->sql_outbox == 0;
}

/* --- MySQL, once more --- */

/* Whether units were added or came back meanwhile, or another epoch was cut. Epochs only rise: the
 * same before and after Redis' was read, it was MySQL's when it was. */
static enum err read_mysql_again(struct audit *audit)
{
    struct mysql_link *mysql = audit->context->mysql;
    const struct sale_id sale = audit->row.definition.sale;
    enum err err = mysql_link_ensure(mysql);

    err = err == ERR_OK ? sale_store_read(mysql, sale, &audit->row_after) : err;
    err = err == ERR_OK ? order_audit_ledger_mark(mysql, sale, &audit->mark_after) : err;
    return audit_by_mysql(audit, err);
}

/* --- Kafka --- */

static bool is_ours(const struct audit *audit, struct order_no order_no)
{
    return order_no_sale(order_no).value == audit->row.definition.sale.value;
}

static enum err on_record(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t size)
{
    struct audit *audit = arg;
    uint64_t *first = &audit->places.first[partition % AUDIT_PARTITIONS_MAX];
    struct audit_item item = {.place = audit_place(partition, offset)};
    struct order_record record;
    struct order_no hint = {0};

    if (waiter_is_stopped(audit->context->waiter)) {
        return ERR_CLOSED; /* a long log is not read to its end while the worker is to end */
    }
    *first = offset < *first ? offset : *first;
    if (order_event_read(payload, size, &record, &hint) != RECORD_FAULT_NONE) {
        const bool ours = hint.value == 0 || is_ours(audit, hint);
        return ours ? audit_list_add(&audit->unreadable, &item) : ERR_OK;
    }
    if (!is_ours(audit, record.order_no)) {
        return ERR_OK;
    }
    item.order_no = record.order_no;
    item.content = audit_content(&record);
    return audit_list_add(&audit->records, &item);
}

static enum err on_notice(void *arg, uint32_t partition, uint64_t offset, const void *payload,
                          size_t size)
{
    struct audit *audit = arg;
    uint64_t *first = &audit->notice_places.first[partition % AUDIT_PARTITIONS_MAX];
    struct audit_item item = {.place = audit_place(partition, offset)};
    struct order_no hint = {0};
    struct notice notice;

    if (waiter_is_stopped(audit->context->waiter)) {
        return ERR_CLOSED;
    }
    *first = offset < *first ? offset : *first;
    if (notice_event_read(payload, size, &notice, &hint) != RECORD_FAULT_NONE) {
        const bool ours = hint.value == 0 || is_ours(audit, hint);
        return ours ? audit_list_add(&audit->notices_unreadable, &item) : ERR_OK;
    }
    if (notice.order_no.value != 0 && !is_ours(audit, notice.order_no)) {
        return ERR_OK;
    }
    item.order_no = notice.order_no;
    item.content = payment_audit_event(notice.provider, notice.event_id);
    item.entry = payment_audit_transaction(notice.provider, notice.transaction_id, notice.kind);
    return audit_mysql_keep_notice(audit, &notice, &item);
}

static enum err read_topic(struct audit *audit, const char *topic, log_reader_fn *each)
{
    char error[LOG_READER_TEXT_SIZE] = "";
    const struct log_reader_options options = {
        .brokers = audit->context->conf->kafka_brokers,
        .topic = topic,
        .timeout_ms = LOG_TIMEOUT_MS,
    };
    const enum err err = log_reader_run(&options, each, audit, error, NULL);

    if (err != ERR_OK && audit->why[0] == '\0') {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Kafka: %s (%s)", err_text(err), error);
    }
    return err;
}

static enum err read_log(struct audit *audit)
{
    const struct conf *conf = audit->context->conf;
    enum err err = read_topic(audit, conf->kafka_orders_topic, on_record);

    err = err == ERR_OK ? read_topic(audit, conf->kafka_notices_topic, on_notice) : err;
    audit_list_sort(&audit->records);
    audit_log_sort_places(&audit->unreadable);
    return err;
}

/* --- Redis --- */

static enum err on_entry(void *arg, const struct buyer *buyer, const struct order_entry *entry)
{
    struct audit *audit = arg;
    const struct audit_item item = {.order_no = entry->order_no,
                                    .entry = audit_entry(buyer, entry),
                                    .letter = order_state_letter(entry->state)};

    audit_see_epoch(audit, entry->order_no);
    const int sku = sale_find_sku(&audit->row.definition, &entry->sku);
    if (sku >= 0 && order_state_is_live(entry->state)) {
        audit->skus[sku].in_use += entry->quantity;
    }
    return audit_list_add(&audit->entries, &item);
}

static int by_id(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return (x->order_no.value > y->order_no.value) - (x->order_no.value < y->order_no.value);
}

/* What was applied before our moment stands in the ledger for ever (I21). */
static enum err on_applied(void *arg, uint64_t ledger_id)
{
    struct audit *audit = arg;
    const struct audit_item key = {.order_no = {ledger_id}};
    const struct audit_list *ledger = &audit->ledger;

    if (ledger_id <= audit->ledger_mark
        && !bsearch(&key, ledger->items, ledger->count, sizeof key, by_id)) {
        audit->applied_gone++;
    }
    return ERR_OK;
}

static enum err read_units(struct audit *audit, bool held)
{
    struct sale_left left[SALE_SKUS_MAX];
    uint32_t count = 0;
    const enum err err =
        sale_reader_units(audit->context->redis, audit->row.definition.sale, held, left, &count);

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

static enum err read_redis(struct audit *audit)
{
    struct redis_blocking *redis = audit->context->redis;
    const struct sale_id sale = audit->row.definition.sale;

    enum err err = read_units(audit, false);
    err = err == ERR_OK ? read_units(audit, true) : err;
    err = err == ERR_OK ? sale_reader_orders(redis, sale, on_entry, audit) : err;
    err = err == ERR_OK ? sale_reader_applied(redis, sale, on_applied, audit) : err;
    audit_list_settle(&audit->entries);
    return by_redis(audit, err);
}

/* --- the whole --- */

/* Every list of it. */
enum { LISTS_MAX = 10 };
static size_t lists_of(struct audit *audit, struct audit_list *lists[static LISTS_MAX])
{
    struct audit_list *all[] = {&audit->rows,       &audit->dead,
                                &audit->ledger,     &audit->records,
                                &audit->unreadable, &audit->entries,
                                &audit->payments,   &audit->notice_dead,
                                &audit->notices,    &audit->notices_unreadable};

    static_assert(sizeof all / sizeof all[0] == LISTS_MAX, "every list");
    memcpy(lists, all, sizeof all);
    return LISTS_MAX;
}

static void set_budget(struct audit *audit)
{
    struct audit_list *lists[LISTS_MAX];
    const size_t count = lists_of(audit, lists);

    audit->budget = (size_t)audit->context->conf->worker_audit_memory_mb << 20;
    for (size_t i = 0; i < count; i++) {
        lists[i]->budget = &audit->budget;
    }
    audit->orders.budget = &audit->budget;
    audit->orders.returns.budget = &audit->budget;
}

static void forget(struct audit *audit)
{
    struct audit_list *lists[LISTS_MAX];
    const size_t count = lists_of(audit, lists);

    for (size_t i = 0; i < count; i++) {
        audit_list_finish(lists[i]);
    }
    audit_orders_finish(&audit->orders);
}

/* The moment from which on changes are seen. */
static enum err begin(struct audit *audit)
{
    struct mysql_link *mysql = audit->context->mysql;
    enum err err = mysql_link_ensure(mysql);

    err = err == ERR_OK ? db_clock_read(mysql, &audit->since_ms) : err;
    return audit_by_mysql(audit, err);
}

/* All three, between two looks, and MySQL once more behind the last. */
static enum err read_all(struct audit *audit)
{
    enum err err = begin(audit);

    err = err == ERR_OK ? look(audit, &audit->before) : err;
    err = err == ERR_OK ? audit_mysql_read(audit) : err;
    err = err == ERR_OK ? read_log(audit) : err;
    err = err == ERR_OK ? read_redis(audit) : err;
    err = err == ERR_OK ? look(audit, &audit->after) : err;
    err = err == ERR_OK ? read_mysql_again(audit) : err;
    if (err == ERR_OK) {
        audit->report->at_rest = is_at_rest(&audit->before) && is_at_rest(&audit->after)
                                 && is_same(&audit->before, &audit->after)
                                 && audit->after.confirmed == 0
                                 && audit->ledger_mark == audit->mark_after;
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
        const bool is_done = is_at_rest(&motion) && motion.overdue == 0;
        if (err != ERR_OK || is_done || waiter_now_us(context->waiter) >= until_us) {
            return err;
        }
        if (!waiter_sleep_ms(context->waiter, REST_LOOK_MS)) {
            snprintf(audit->why, AUDIT_TEXT_SIZE, "this worker is being stopped");
            return ERR_CLOSED;
        }
    }
}

/* The first hard promise that is broken stops the sale; `found` has what else there is. */
static void freeze_if_broken(struct audit *audit)
{
    struct audit_report *report = audit->report;
    struct freeze_cause cause = {.by = "audit"};
    enum freeze_result result = FREEZE_NOTHING;

    report->is_frozen = audit->row_after.control == SALE_CONTROL_FROZEN;
    if (report->is_frozen || audit->row_after.control == SALE_CONTROL_ENDED) {
        return;
    }
    for (uint32_t i = 0; i < report->check_count && !cause.id; i++) {
        const struct audit_check *check = &report->checks[i];
        if (check->is_hard && check->result == AUDIT_VIOLATED) {
            cause.id = check->id;
            cause.label = check->label;
            snprintf(cause.found, sizeof cause.found, "%.80s: %.160s", check->name, check->found);
        }
    }
    if (!cause.id) {
        return;
    }
    /* Violations are counted by whoever asked: a shard belongs to one thread. */
    if (freeze_sale(audit->context->mysql, report->sale, &cause, NULL, &result) != ERR_OK) {
        LOG_ERROR("sale_not_frozen", KV_U64("sale", report->sale.value), KV_STR("cause", cause.id),
                  KV_STR("mysql", mysql_link_error_text(audit->context->mysql)),
                  KV_STR("next", "seckillctl sale pause; audit again"));
    }
    report->is_frozen = result == FREEZE_DONE || result == FREEZE_ALREADY;
}

static enum err run(struct audit *audit)
{
    const struct log_ends_options options = {
        .brokers = audit->context->conf->kafka_brokers,
        .client_name = "seckill-audit",
    };
    char error[KAFKA_CONF_ERROR_SIZE] = "";
    enum err err = log_ends_create(&options, error, &audit->ends);

    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "Kafka: %s (%s)", err_text(err), error);
        return err;
    }
    set_budget(audit);
    audit->orders.overdue_ms = audit->context->conf->worker_reaper_grace_ms + AUDIT_SETTLE_MS;
    err = wait_for_rest(audit);
    err = err == ERR_OK ? read_all(audit) : err;
    if (err == ERR_NO_MEMORY) {
        snprintf(audit->why, AUDIT_TEXT_SIZE,
                 "the sale does not fit into worker.audit_memory_mb (%" PRIu32
                 ", of which %zu are left)",
                 audit->context->conf->worker_audit_memory_mb, audit->budget >> 20);
    }
    if (err == ERR_OK) {
        audit_judge(audit);
        freeze_if_broken(audit);
    }
    forget(audit);
    log_ends_destroy(audit->ends);
    return err;
}

enum err audit_run(const struct audit_context *context, struct sale_id sale,
                   struct audit_report *ret_report, char why[static AUDIT_TEXT_SIZE])
{
    struct audit_report report = {.sale = sale};
    struct audit *audit = calloc(1, sizeof *audit); /* too large for a small thread's stack */

    why[0] = '\0';
    if (!audit) {
        snprintf(why, AUDIT_TEXT_SIZE, "this worker has no memory");
        return ERR_NO_MEMORY;
    }
    audit->context = context;
    audit->report = &report;
    audit->why = why;
    enum err err = audit_by_mysql(audit, mysql_link_ensure(context->mysql));
    err = err == ERR_OK ? audit_by_mysql(audit, sale_store_read(context->mysql, sale, &audit->row))
                        : err;
    err = err == ERR_OK ? run(audit) : err;
    if (err == ERR_OK) {
        *ret_report = report;
    }
    free(audit);
    return err;
}
