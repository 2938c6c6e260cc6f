/* Each rule about rows, buyers, returns and payments broken alone. */
#include "settlement/audit_orders.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NOW_MS = 1000000, PAY_BY_MS = 500000 };

static struct audit_orders orders;
static struct audit_list rows;
static size_t budget = SIZE_MAX;

static void begin(void)
{
    orders = (struct audit_orders){.limit = 1, .overdue_ms = 1000000, .now_ms = NOW_MS};
}

static void end(void)
{
    audit_orders_finish(&orders);
    audit_list_finish(&rows);
}

TestSuite(audit_orders, .init = begin, .fini = end);

/* Order `seq` of sale 7, one unit of the first sku, of a buyer of its own. */
static struct order_row row_of(uint32_t seq, enum order_state state, enum order_reason reason,
                               uint32_t version)
{
    struct order_row row = {.has_slot = order_state_is_live(state),
                            .state = state,
                            .reason = reason,
                            .version = version,
                            .changed_ms = PAY_BY_MS};
    char buyer[16];

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &row.record.order_no), ERR_OK);
    snprintf(buyer, sizeof buyer, "b%u", seq);
    cr_assert_eq(buyer_parse(buyer, strlen(buyer), &row.record.buyer), ERR_OK);
    row.record.quantity = 1;
    row.record.pay_by_ms = PAY_BY_MS;
    return row;
}

static void add_row(const struct order_row *row)
{
    struct audit_item item = {.order_no = row->record.order_no,
                              .letter = order_state_letter(row->state)};

    cr_assert_eq(audit_orders_row(&orders, row, 0, &item), ERR_OK);
    cr_assert_eq(audit_list_add(&rows, &item), ERR_OK);
}

static void add(uint32_t seq, enum order_state state, enum order_reason reason, uint32_t version)
{
    const struct order_row row = row_of(seq, state, reason, version);

    add_row(&row);
}

static void come_back(uint32_t seq, enum ledger_cause cause, int64_t delta, int sku)
{
    struct ledger_line line = {.cause = cause, .delta = delta};

    if (seq > 0) {
        cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &line.order_no), ERR_OK);
    }
    cr_assert_eq(audit_orders_return(&orders, &line, sku), ERR_OK);
}

static void rows_done(void)
{
    audit_list_sort(&rows);
    audit_orders_rows_done(&orders, &rows);
}

static struct payment_audit payment_of(uint32_t seq, enum notice_kind kind)
{
    struct payment_audit payment = {
        .kind = kind, .is_applied = true, .has_row = true, .is_right = true};

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &payment.order_no), ERR_OK);
    return payment;
}

static void pay(uint32_t seq, enum notice_kind kind)
{
    const struct payment_audit payment = payment_of(seq, kind);

    audit_orders_payment(&orders, &payment);
}

static void done(void)
{
    audit_orders_payments_done(&orders);
}

/* All of it but `returns` and `payments`. */
static uint64_t wrong(void)
{
    const struct audit_order_findings *found = &orders.found;

    return found->buyers_over_limit + found->slots_out_of_range + found->live_without_slot
           + found->repeated_keys + found->returns_wrong.count + found->returned_twice.count
           + found->never_returned.count + found->states_wrong.count + found->closed_early.count
           + found->payments_wrong.count + found->paid_wrong.count + found->overdue.count
           + found->parked_too_long.count;
}

Test(audit_orders, one_of_each_kind_holds)
{
    add(1, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    add(2, ORDER_STATE_PAID, ORDER_REASON_NONE, 2);
    add(3, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    add(4, ORDER_STATE_CLOSED, ORDER_REASON_CANCEL, 2);
    add(5, ORDER_STATE_REFUNDED, ORDER_REASON_RESTOCKED, 3);
    add(6, ORDER_STATE_REFUNDED, ORDER_REASON_KEPT, 3);
    add(7, ORDER_STATE_REFUNDED, ORDER_REASON_PROVIDER, 3);
    add(8, ORDER_STATE_VOIDED, ORDER_REASON_EPOCH, 1);
    add(9, ORDER_STATE_VOIDED, ORDER_REASON_OPERATOR, 2);
    add(10, ORDER_STATE_QUARANTINED, ORDER_REASON_VERSION, 1);
    come_back(3, LEDGER_CAUSE_CLOSE, 1, 0);
    come_back(4, LEDGER_CAUSE_CLOSE, 1, 0);
    come_back(5, LEDGER_CAUSE_REFUND, 1, 0);
    come_back(9, LEDGER_CAUSE_VOID, 1, 0);
    rows_done();
    pay(2, NOTICE_KIND_PAID);
    pay(4, NOTICE_KIND_CANCEL);
    pay(5, NOTICE_KIND_PAID);
    pay(6, NOTICE_KIND_PAID);
    pay(7, NOTICE_KIND_PAID);
    pay(7, NOTICE_KIND_REFUNDED);
    done();
    cr_assert_eq(wrong(), 0);
    cr_assert(orders.found.returns == 4 && orders.found.payments == 5);
}

Test(audit_orders, a_state_without_its_reason_version_or_empty_slot)
{
    struct order_row held = row_of(9, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);

    held.has_slot = true;
    add(1, ORDER_STATE_PENDING, ORDER_REASON_OVERDUE, 1);
    add(2, ORDER_STATE_CLOSED, ORDER_REASON_NONE, 2);
    add(3, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 1);
    add(4, ORDER_STATE_REFUNDED, ORDER_REASON_KEPT, 2);
    add(5, ORDER_STATE_REFUNDED, ORDER_REASON_CANCEL, 3);
    add(6, ORDER_STATE_VOIDED, ORDER_REASON_NONE, 1);
    add(7, ORDER_STATE_QUARANTINED, ORDER_REASON_NONE, 1);
    add(8, ORDER_STATE_PAID, ORDER_REASON_NONE, 1);
    add_row(&held);
    cr_assert_eq(orders.found.states_wrong.count, 9);
    cr_assert_eq(orders.found.states_wrong.first.value, rows.items[0].order_no.value);
}

Test(audit_orders, limits_slots_and_keys_of_a_buyer)
{
    struct order_row first = row_of(1, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    struct order_row second = row_of(2, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    struct order_row third = row_of(3, ORDER_STATE_VOIDED, ORDER_REASON_EPOCH, 1);

    second.record.buyer = third.record.buyer = first.record.buyer;
    second.record.slot = 1;
    third.has_slot = false;
    memset(first.record.key_hash.hex, '1', sizeof first.record.key_hash.hex - 1);
    second.record.key_hash = third.record.key_hash = first.record.key_hash;
    add_row(&first);
    add_row(&third);
    rows_done();
    cr_assert_eq(wrong(), 0, "of a cut history: its key may win again");
    end();
    begin();
    add_row(&first);
    add_row(&second);
    second = row_of(4, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    second.has_slot = false;
    add_row(&second);
    rows_done();
    cr_assert_eq(orders.found.buyers_over_limit, 1);
    cr_assert_eq(orders.found.repeated_keys, 1);
    cr_assert_eq(orders.found.slots_out_of_range, 1);
    cr_assert_eq(orders.found.live_without_slot, 1);
}

Test(audit_orders, units_that_came_back_wrongly_twice_or_never)
{
    add(1, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    add(2, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    add(3, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    add(4, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    add(5, ORDER_STATE_REFUNDED, ORDER_REASON_KEPT, 3);
    add(6, ORDER_STATE_REFUNDED, ORDER_REASON_RESTOCKED, 3);
    come_back(0, LEDGER_CAUSE_CLOSE, 1, 0); /* of no order */
    come_back(99, LEDGER_CAUSE_CLOSE, 1, 0);
    come_back(1, LEDGER_CAUSE_CLOSE, 1, 0); /* of a live one */
    come_back(2, LEDGER_CAUSE_CLOSE, 2, 0); /* other units */
    come_back(3, LEDGER_CAUSE_CLOSE, 1, 1); /* of another sku */
    come_back(4, LEDGER_CAUSE_CLOSE, 1, 0);
    come_back(4, LEDGER_CAUSE_REFUND, 1, 0); /* twice */
    come_back(5, LEDGER_CAUSE_REFUND, 1, 0); /* of one that keeps them */
    rows_done();
    cr_assert_eq(orders.found.returns_wrong.count, 7);
    cr_assert_eq(orders.found.returned_twice.count, 1);
    cr_assert_eq(orders.found.never_returned.count, 1, "the restocked one");
}

Test(audit_orders, payments_that_do_not_fit)
{
    struct payment_audit payment;

    add(1, ORDER_STATE_PAID, ORDER_REASON_NONE, 2);
    add(2, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    add(3, ORDER_STATE_PAID, ORDER_REASON_NONE, 2);
    add(4, ORDER_STATE_PAID, ORDER_REASON_NONE, 2);
    rows_done();
    pay(2, NOTICE_KIND_PAID); /* and 1 without any */
    pay(3, NOTICE_KIND_PAID);
    pay(3, NOTICE_KIND_PAID);
    payment = payment_of(4, NOTICE_KIND_PAID);
    payment.is_right = false;
    audit_orders_payment(&orders, &payment);
    payment = payment_of(5, NOTICE_KIND_CANCEL);
    payment.has_row = false;
    audit_orders_payment(&orders, &payment);
    done();
    cr_assert_eq(orders.found.paid_wrong.count, 3);
    cr_assert_eq(orders.found.payments_wrong.count, 2);
    cr_assert_eq(orders.found.states_wrong.count, 0);
}

Test(audit_orders, a_cancel_and_a_providers_refund_leave_their_notice)
{
    add(1, ORDER_STATE_CLOSED, ORDER_REASON_CANCEL, 2);
    add(2, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    add(3, ORDER_STATE_REFUNDED, ORDER_REASON_PROVIDER, 3);
    rows_done();
    pay(2, NOTICE_KIND_CANCEL);
    pay(3, NOTICE_KIND_PAID);
    done();
    cr_assert_eq(orders.found.states_wrong.count, 3);
}

Test(audit_orders, times)
{
    struct order_row early = row_of(1, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, 2);
    struct order_row cancelled = row_of(2, ORDER_STATE_CLOSED, ORDER_REASON_CANCEL, 2);
    struct payment_audit parked = payment_of(3, NOTICE_KIND_PAID);

    early.changed_ms = cancelled.changed_ms = PAY_BY_MS - 1;
    add_row(&early);
    add_row(&cancelled);
    cr_assert_eq(orders.found.closed_early.count, 1);
    orders.overdue_ms = NOW_MS - PAY_BY_MS;
    add(3, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    cr_assert_eq(orders.found.overdue.count, 0);
    orders.overdue_ms--;
    add(4, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    cr_assert_eq(orders.found.overdue.count, 1);
    rows_done();
    parked.is_applied = false;
    parked.is_parked = true;
    audit_orders_payment(&orders, &parked);
    parked.is_old = parked.may_wait = true; /* its order is QUARANTINED */
    audit_orders_payment(&orders, &parked);
    cr_assert_eq(orders.found.parked_too_long.count, 0);
    parked.may_wait = false;
    audit_orders_payment(&orders, &parked);
    cr_assert_eq(orders.found.parked_too_long.count, 1);
}

Test(audit_orders, its_memory_has_a_ceiling_and_is_given_back)
{
    struct order_row row = row_of(1, ORDER_STATE_PENDING, ORDER_REASON_NONE, 1);
    struct audit_item item;
    enum err err = ERR_OK;

    budget = 100000;
    orders.budget = &budget;
    for (uint32_t i = 0; i < 100000 && err == ERR_OK; i++) {
        err = audit_orders_row(&orders, &row, 0, &item);
    }
    cr_assert_eq(err, ERR_NO_MEMORY);
    cr_assert(budget < 100000);
    audit_orders_rows_done(&orders, &rows);
    cr_assert_eq(budget, 100000);
}
