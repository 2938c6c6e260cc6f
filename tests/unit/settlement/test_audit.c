/* The audit's reading on fakes: between two looks, and every service named that does not answer. */
#include "settlement/audit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "codec/order_event.h"
#include "common/conf.h"
#include "inventory/sale_reader.h"
#include "journal/log_reader.h"
#include "journal/order_log_blocking.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_audit.h"
#include "ledger/outbox_store.h"
#include "settlement/audit_data.h"
#include "settlement/freeze.h"
#include "unit/settlement/quiet.h"

/* One step of the reading, each of which may fail. */
enum step {
    READ_SALE = 1,
    CREATE_LOG,
    META,
    OUTBOX_COUNT,
    ENDS,
    OFFSETS,
    PENDING,
    SNAPSHOT,
    ROWS,
    LEDGER,
    FINDINGS,
    DEAD,
    LOG,
    UNITS,
    ENTRIES,
    APPLIED,
    MARK,
    STEP_COUNT
};

static struct {
    enum step fails;
    uint64_t sql_outbox, redis_outbox;
    bool others_sell; /* at each look one record more is settled, and one is not */
    uint32_t looks;
    uint32_t moves_at;               /* from this look on Redis' seq is another; 0: never */
    uint32_t cut_at;                 /* from this look on both are of another epoch; 0: never */
    uint32_t sql_epoch, redis_epoch; /* as judged: the last readings */
    bool ends_by_sleep;
    uint32_t judged;
    size_t rows, records, entries; /* as judged */
    uint64_t live;
    bool is_open, in_snapshot;
    uint64_t new_ledger_rows;
    bool is_broken; /* a hard promise is */
    enum sale_control control;
    enum err freeze_err;
    uint32_t freezes;
} world;

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

enum err order_log_blocking_create(const struct order_log_blocking_options *options,
                                   struct order_log_blocking **ret_log)
{
    (void)options;
    *ret_log = NULL;
    world.is_open = world.fails != CREATE_LOG;
    return step(CREATE_LOG);
}

void order_log_blocking_destroy(struct order_log_blocking *log)
{
    (void)log;
    world.is_open = false;
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

enum err order_log_blocking_ends(struct order_log_blocking *log, uint32_t timeout_ms,
                                 uint64_t ends[static LOG_PARTITIONS_MAX],
                                 uint32_t *ret_partition_count)
{
    (void)log;
    (void)timeout_ms;
    ends[0] = world.others_sell ? world.looks + 2 : 1;
    *ret_partition_count = 1;
    return step(ENDS);
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    const struct offset_row row = {
        .part = 0, .next = world.others_sell ? world.looks + 1 : 1, .owner_epoch = 6};

    (void)link;
    (void)topic;
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
    (void)options;
    (void)ret_count;
    for (const char *at = "7 8 x"; *at; at++) {
        const enum err err = *at == ' ' ? ERR_OK : each(arg, 0, 0, at, 1);
        if (err != ERR_OK) {
            return err;
        }
    }
    snprintf(error, LOG_READER_TEXT_SIZE, "kafka-text");
    return step(LOG);
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

enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale, ledger_line_fn *each,
                            void *arg)
{
    struct ledger_line line = {.id = 3, .delta = 5, .is_supply = true, .epoch = 2};

    (void)link;
    (void)sale;
    cr_assert(world.in_snapshot);
    cr_assert_eq(sku_parse("a", 1, &line.sku), ERR_OK);
    cr_assert_eq(each(arg, &line), ERR_OK);
    line = (struct ledger_line){.id = 4, .sku = line.sku, .delta = 1, .epoch = 3};
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

enum err order_audit_findings(struct mysql_link *link, struct sale_id sale, uint32_t limit,
                              struct order_findings *ret_findings)
{
    (void)link;
    (void)sale;
    (void)limit;
    memset(ret_findings, 0, sizeof *ret_findings);
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

static struct conf conf;
static struct audit_context context = {.conf = &conf, .rest_wait_ms = 1000};
static struct audit_report report;
static char why[AUDIT_TEXT_SIZE];

static void end(void)
{
    cr_assert_not(world.is_open, "the log is closed on every path");
}

TestSuite(audit, .fini = end);

static enum err run(void)
{
    return audit_run(&context, (struct sale_id){7}, &report, why);
}

Test(audit, an_unknown_sale_is_told)
{
    cr_assert_eq(audit_run(&context, (struct sale_id){8}, &report, why), ERR_NOT_FOUND);
}

Test(audit, a_service_that_does_not_answer_is_named)
{
    static const char *const names[STEP_COUNT] = {
        [READ_SALE] = "MySQL",    [CREATE_LOG] = "Kafka", [META] = "Redis",
        [OUTBOX_COUNT] = "Redis", [ENDS] = "Kafka",       [OFFSETS] = "MySQL",
        [PENDING] = "MySQL",      [SNAPSHOT] = "MySQL",   [ROWS] = "MySQL",
        [LEDGER] = "MySQL",       [FINDINGS] = "MySQL",   [DEAD] = "MySQL",
        [LOG] = "Kafka",          [UNITS] = "Redis",      [ENTRIES] = "Redis",
        [APPLIED] = "Redis",      [MARK] = "MySQL",
    };

    for (world.fails = 1; world.fails < STEP_COUNT; world.fails++) {
        cr_assert_eq(run(), ERR_UNAVAILABLE, "step %d", world.fails);
        cr_assert_eq(strncmp(why, names[world.fails], strlen(names[world.fails])), 0, "step %d: %s",
                     world.fails, why);
        cr_assert_not(world.is_open || world.in_snapshot);
    }
    cr_assert_eq(world.judged, 0, "half a reading is not judged");
}

Test(audit, a_stopped_worker_ends_the_audit)
{
    world.sql_outbox = 1;
    quiet.sleeps_max = 2;
    cr_assert_eq(run(), ERR_CLOSED);
    cr_assert_eq(quiet.sleeps, 2);
}

Test(audit, a_stopped_worker_does_not_read_the_log_to_its_end)
{
    quiet.is_stopped = true;
    cr_assert_eq(run(), ERR_CLOSED);
    cr_assert_eq(world.judged, 0);
}

Test(audit, two_looks_that_differ_are_not_rest)
{
    world.moves_at = 3; /* waiting, before, after */
    cr_assert_eq(run(), ERR_OK);
    cr_assert_eq(world.looks, 3);
    cr_assert_not(report.at_rest);
}

/* A rebuild just before the last look is no other history. */
Test(audit, mysqls_epoch_is_read_once_more_after_that_of_redis)
{
    world.cut_at = 3;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.redis_epoch == 4 && world.sql_epoch == 4);
}

Test(audit, what_waits_in_an_outbox_is_not_rest)
{
    world.redis_outbox = 1;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
    cr_assert_geq(quiet.now_us, 1000000, "rest was waited for");
}

static void empty_outbox(uint32_t ms)
{
    (void)ms;
    world.sql_outbox = 0;
}

Test(audit, rest_is_waited_for)
{
    world.sql_outbox = 1;
    quiet.on_sleep = empty_outbox;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 1);
}

Test(audit, other_sales_that_sell_do_not_keep_this_one_from_rest)
{
    world.others_sell = true;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 1, "until what was in the log is settled");
}

Test(audit, what_is_sold_while_it_waits_is_waited_for)
{
    world.others_sell = true;
    world.moves_at = 2;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 2, "the log's end is another now");
}

Test(audit, what_is_sold_once_it_has_waited_is_not_rest)
{
    world.others_sell = true;
    world.moves_at = 3;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
}

Test(audit, all_three_are_read_and_judged_once)
{
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(world.judged, 1);
    cr_assert_eq(world.rows, 1);
    cr_assert_eq(world.records, 1, "records of other sales are theirs");
    cr_assert_eq(world.entries, 1);
    cr_assert_eq(world.live, 2);
}

Test(audit, a_ledger_row_that_came_meanwhile_is_not_rest)
{
    world.new_ledger_rows = 1;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
}

Test(audit, a_broken_hard_promise_freezes_a_sale_that_may_sell)
{
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 0 && !report.is_frozen, "only a soft one is broken");
    world.is_broken = true;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && report.is_frozen);
    world.control = SALE_CONTROL_FROZEN;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && report.is_frozen, "it is frozen: its cause is known");
    world.control = SALE_CONTROL_ENDED;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && !report.is_frozen);
}

Test(audit, what_was_found_is_told_though_the_sale_could_not_be_frozen)
{
    world.is_broken = true;
    world.freeze_err = ERR_UNAVAILABLE;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_eq(report.check_count, 3);
}
