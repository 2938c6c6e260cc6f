#include <criterion/criterion.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/order_change.h"
#include "settlement/settle.h"

static const struct admin_actor actor = {.name = "ann", .request_id = "r"};

/* A QUARANTINED order of a loaded sale: a record of a newer version was settled. */
static struct order_no quarantined(struct mysql_link *link, struct sale_id *ret_sale)
{
    struct sale_id sale = fixture_sale(link, 10, 2);
    uint32_t epoch = fixture_load(link, sale);
    struct settle *settle = fixture_settle(link, 0);
    struct order_record record = fixture_record(sale, epoch, 1);
    struct settle_stats stats;

    record.version = 2;
    const struct settle_item item = fixture_item(settle_next(settle), &record);
    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE && stats.quarantined == 1);
    settle_destroy(settle);
    *ret_sale = sale;
    return record.order_no;
}

Test(order_change, an_order_in_another_state_is_refused)
{
    struct mysql_link *link = fixture_link();
    struct order_changed changed;
    struct sale_id sale;
    struct order_no order_no = quarantined(link, &sale);

    cr_assert(order_change_void(link, (struct order_no){order_no.value + 1}, &actor, &changed)
              == ERR_NOT_FOUND);
    cr_assert(order_change_redrive(link, order_no, &actor, &changed) == ERR_OK);
    cr_assert(changed.row.state == ORDER_STATE_PENDING && changed.row.version == 2);
    cr_assert(order_change_void(link, order_no, &actor, &changed) == ERR_CONFLICT);
    cr_assert(strstr(changed.why, "is PENDING") != NULL, "%s", changed.why);
    cr_assert(fixture_sold(link, sale) == 1);
    mysql_link_destroy(link);
}

Test(order_change, units_come_back_once)
{
    struct mysql_link *link = fixture_link();
    struct order_changed changed;
    struct sale_id sale;
    struct order_no order_no = quarantined(link, &sale);

    cr_assert(order_change_void(link, order_no, &actor, &changed) == ERR_OK);
    cr_assert(changed.row.state == ORDER_STATE_VOIDED && !changed.row.has_slot);
    cr_assert(changed.row.reason == ORDER_REASON_OPERATOR && !changed.is_repeated);
    cr_assert(order_change_void(link, order_no, &actor, &changed) == ERR_OK && changed.is_repeated);
    cr_assert(fixture_sold(link, sale) == 0);
    cr_assert(VALUE(link, COUNT "stock_ledger WHERE sale = ? AND cause = 'void' AND delta = 1",
                    sale.value)
              == 1);
    cr_assert(VALUE(link, COUNT "outbox WHERE sale = ? AND kind IN ('units', 'letter', 'event')",
                    sale.value)
              == 3);
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action = 'void_order'", sale.value)
              == 1);
    mysql_link_destroy(link);
}

Test(order_change, what_was_never_counted_is_not_given_back)
{
    struct mysql_link *link = fixture_link();
    struct order_changed changed;
    struct sale_id sale;
    struct order_no order_no = quarantined(link, &sale);

    static const struct sql spoil = {.head = "UPDATE sale_skus SET sold = 0 WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    cr_assert(mysql_link_execute(link, &spoil, 0, params, 1, NULL) == ERR_OK);
    cr_assert(order_change_void(link, order_no, &actor, &changed) == ERR_RANGE);
    cr_assert(VALUE(link, COUNT "orders WHERE sale = ? AND state = 'QUARANTINED'", sale.value)
              == 1);
    mysql_link_destroy(link);
}
