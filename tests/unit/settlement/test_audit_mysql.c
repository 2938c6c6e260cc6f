/* What is read of MySQL in one snapshot, on fakes of its stores. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/payment_store.h"
#include "settlement/audit_data.h"
#include "unit/settlement/quiet.h"

static struct {
    enum err rows_err, payments_err;
    bool in_snapshot;
    enum order_state state;
    enum order_reason reason;
    uint32_t payments_reads, event_reads;
    uint32_t event_sale; /* whose order the event's row is of; 0: there is no row */
    enum err event_err;
} world;

enum err mysql_link_begin_snapshot(struct mysql_link *link)
{
    (void)link;
    world.in_snapshot = true;
    return ERR_OK;
}

void mysql_link_rollback(struct mysql_link *link)
{
    (void)link;
    world.in_snapshot = false;
}

enum err db_clock_read(struct mysql_link *link, int64_t *ret_now_ms)
{
    (void)link;
    *ret_now_ms = 100000;
    return ERR_OK;
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.sale = sale;
    ret_row->definition.limit = 1;
    ret_row->definition.epoch = 2;
    ret_row->definition.sku_count = 1;
    return sku_parse("a", 1, &ret_row->definition.skus[0].sku);
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    const struct offset_row rows[] = {{.part = 1, .next = strlen(topic), .owner_epoch = 1},
                                      {.part = AUDIT_PARTITIONS_MAX, .next = 5}};

    (void)link;
    cr_assert_eq(each(arg, &rows[0]), ERR_OK);
    return each(arg, &rows[1]);
}

enum err order_audit_epochs_differ(struct mysql_link *link, struct sale_id sale,
                                   uint64_t *ret_count)
{
    (void)link;
    (void)sale;
    *ret_count = 3;
    return ERR_OK;
}

/* Order 2, then order 1: two units each. */
enum err order_store_each(struct mysql_link *link, struct sale_id sale, order_row_fn *each,
                          void *arg)
{
    (void)link;
    (void)sale;
    cr_assert(world.in_snapshot);
    for (uint32_t seq = 2; seq >= 1; seq--) {
        struct order_row row = {.state = world.state,
                                .reason = world.reason,
                                .version = 3,
                                .record = {.quantity = 2, .pay_by_ms = INT32_MAX}};
        cr_assert_eq(order_no_make((struct sale_id){7}, 2, seq, &row.record.order_no), ERR_OK);
        cr_assert_eq(sku_parse("a", 1, &row.record.sku), ERR_OK);
        row.has_slot = order_state_is_live(world.state);
        cr_assert_eq(each(arg, &row), ERR_OK);
    }
    return world.rows_err;
}

enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                            ledger_line_fn *each, void *arg)
{
    struct ledger_line line = {
        .id = 9, .sku = *sku, .delta = 5, .cause = LEDGER_CAUSE_CREATE, .epoch = 1};

    (void)link;
    (void)sale;
    cr_assert_eq(each(arg, &line), ERR_OK);
    line = (struct ledger_line){
        .id = 8, .sku = *sku, .delta = 2, .cause = LEDGER_CAUSE_REFUND, .epoch = 2};
    cr_assert_eq(order_no_make((struct sale_id){7}, 2, 1, &line.order_no), ERR_OK);
    return each(arg, &line);
}

enum err order_audit_payments(struct mysql_link *link, struct sale_id sale, uint32_t old_ms,
                              payment_audit_fn *each, void *arg)
{
    struct payment_audit payment = {.kind = NOTICE_KIND_PAID, .is_applied = true};

    (void)link;
    (void)old_ms;
    world.payments_reads++;
    if (sale.value != 0) {
        cr_assert_eq(order_no_make(sale, 2, 1, &payment.order_no), ERR_OK);
        payment.has_row = payment.is_right = true;
    }
    cr_assert_eq(each(arg, &payment), ERR_OK);
    return world.payments_err;
}

enum err order_audit_dead(struct mysql_link *link, const char *topic, struct sale_id sale,
                          dead_place_fn *each, void *arg)
{
    const struct dead_place open = {.part = 1, .offset = strlen(topic), .is_open = true};

    (void)link;
    (void)sale;
    return each(arg, &open);
}

enum err payment_store_by_event(struct mysql_link *link, const char *provider, const char *event_id,
                                struct payment_row *ret_row)
{
    (void)link;
    cr_assert(strcmp(provider, "p") == 0 && strcmp(event_id, "e") == 0 && !world.in_snapshot);
    world.event_reads++;
    if (world.event_err != ERR_OK || world.event_sale == 0) {
        return world.event_err != ERR_OK ? world.event_err : ERR_NOT_FOUND;
    }
    return order_no_make((struct sale_id){world.event_sale}, 2, 1, &ret_row->notice.order_no);
}

static struct conf conf;
static const struct audit_context context = {.conf = &conf};
static char why[AUDIT_TEXT_SIZE];
static struct audit audit;

static void begin(void)
{
    memcpy(conf.kafka_orders_topic, "orders", sizeof "orders");
    memcpy(conf.kafka_notices_topic, "notices", sizeof "notices");
    audit.context = &context;
    audit.why = why;
    audit.row.definition.sale.value = 7;
    world.state = ORDER_STATE_REFUNDED;
    world.reason = ORDER_REASON_RESTOCKED;
}

static void end(void)
{
    audit_list_finish(&audit.rows);
    audit_list_finish(&audit.ledger);
    audit_list_finish(&audit.dead);
    audit_list_finish(&audit.notice_dead);
    audit_list_finish(&audit.payments);
    audit_list_finish(&audit.notices);
    audit_orders_finish(&audit.orders);
}

TestSuite(audit_mysql, .init = begin, .fini = end);

Test(audit_mysql, an_error_is_named_and_the_snapshot_ends)
{
    world.rows_err = ERR_LOST;
    cr_assert_eq(audit_mysql_read(&audit), ERR_LOST);
    cr_assert_not_null(strstr(why, "MySQL: "));
    cr_assert_not(world.in_snapshot);
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(audit_mysql_read(&audit), ERR_UNAVAILABLE);
}

Test(audit_mysql, rows_ledger_and_payments_are_read_and_judged)
{
    cr_assert_eq(audit_mysql_read(&audit), ERR_OK);
    cr_assert_not(world.in_snapshot);
    cr_assert(audit.rows.count == 2
              && audit.rows.items[0].order_no.value < audit.rows.items[1].order_no.value);
    cr_assert(audit.ledger.count == 2 && audit.ledger.items[0].order_no.value == 8);
    cr_assert_eq(audit.ledger_mark, 9);
    cr_assert(audit.skus[0].supplied == 5 && audit.skus[0].returned == 2);
    cr_assert(audit.skus[0].live == 0 && audit.skus[0].kept == 0 && audit.skus[0].counted == 4);
    cr_assert_eq(audit.skus[0].since_load, 2);
    cr_assert(audit.places.next[1] == 6 && audit.notice_places.next[1] == 7);
    cr_assert_eq(audit.epoch_max, 2);
    cr_assert_eq(world.payments_reads, 2, "of the sale, and of no order");
    cr_assert_eq(audit.payments.count, 2);
    cr_assert(audit.dead_of_none == 1 && audit.notice_dead_of_none == 1);
    cr_assert_eq(audit.orders.found.epochs_differ, 3);
    cr_assert(audit.orders.found.never_returned.count == 1 && audit.orders.found.returns == 1);
    cr_assert(audit.orders.found.paid_wrong.count == 1, "order 2 has no payment");
}

Test(audit_mysql, units_that_a_refund_keeps_are_counted)
{
    world.reason = ORDER_REASON_KEPT;
    cr_assert_eq(audit_mysql_read(&audit), ERR_OK);
    cr_assert(audit.skus[0].kept == 4 && audit.skus[0].live == 0);
}

Test(audit_mysql, live_units_are_counted)
{
    world.state = ORDER_STATE_PAID;
    world.reason = ORDER_REASON_NONE;
    world.payments_err = ERR_BUSY;
    cr_assert_eq(audit_mysql_read(&audit), ERR_BUSY);
    cr_assert(audit.skus[0].kept == 0 && audit.skus[0].live == 4);
}

/* Of the event that the rows do not know, at a place that MySQL has passed. */
static enum err keep(uint64_t event, uint64_t offset)
{
    const struct notice notice = {.provider = "p", .event_id = "e"};
    const struct audit_item item = {.content = event, .place = audit_place(1, offset)};

    return audit_mysql_keep_notice(&audit, &notice, &item);
}

Test(audit_mysql, an_event_told_again_of_another_sales_row_is_a_repetition)
{
    cr_assert_eq(audit_mysql_read(&audit), ERR_OK);
    world.event_sale = 8;
    cr_assert(keep(5, 0) == ERR_OK && world.event_reads == 1);
    cr_assert(audit.notices.count == 0 && audit.notices_elsewhere == 1);
    world.event_sale = 7;
    cr_assert(keep(5, 0) == ERR_OK && audit.notices.count == 1, "ours would have been read");
    world.event_sale = 0;
    cr_assert(keep(5, 0) == ERR_OK && audit.notices.count == 2, "without a trace");
    cr_assert_eq(world.event_reads, 3);
    cr_assert_eq(audit.notices_elsewhere, 1);
    world.event_err = ERR_LOST;
    cr_assert(keep(5, 0) == ERR_LOST && strstr(why, "MySQL: ") && audit.notices.count == 2);
}

Test(audit_mysql, what_has_its_row_or_its_letter_or_is_in_flight_is_not_looked_for)
{
    cr_assert_eq(audit_mysql_read(&audit), ERR_OK);
    world.event_sale = 8;
    cr_assert(keep(0, 0) == ERR_OK, "the rows' event");
    cr_assert(keep(5, 1000) == ERR_OK, "in flight");
    cr_assert(audit.notice_dead.count == 1);
    audit.notice_dead.items[0].place = audit_place(1, 2);
    cr_assert(keep(5, 2) == ERR_OK, "a dead letter");
    cr_assert(audit.notices.count == 3 && world.event_reads == 0);
}
