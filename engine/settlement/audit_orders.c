#include "settlement/audit_orders.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/hash.h"

/* A buyer of an order, without his name: 128 bits of it. */
struct audit_holder {
    uint64_t buyer[2];
    uint64_t key;   /* 0: none, or nobody was told */
    uint64_t units; /* 0: not live */
};

static void count(struct audit_count *counted, struct order_no order_no)
{
    if (counted->count++ == 0) {
        counted->first = order_no;
    }
}

/* --- rows --- */

/* Reasons of a state, and the fewest changes that lead to it (PROTOCOL §6 states). */
static bool is_legal(const struct order_row *row)
{
    const enum order_reason reason = row->reason;

    switch (row->state) {
    case ORDER_STATE_PENDING: return reason == ORDER_REASON_NONE && row->version >= 1;
    case ORDER_STATE_PAID: return reason == ORDER_REASON_NONE && row->version >= 2;
    case ORDER_STATE_CLOSED:
        return (reason == ORDER_REASON_OVERDUE || reason == ORDER_REASON_CANCEL)
               && row->version >= 2 && !row->has_slot;
    case ORDER_STATE_REFUNDED:
        return (reason == ORDER_REASON_RESTOCKED || reason == ORDER_REASON_KEPT
                || reason == ORDER_REASON_PROVIDER)
               && row->version >= 3 && !row->has_slot;
    case ORDER_STATE_VOIDED:
        return (reason == ORDER_REASON_STOCK || reason == ORDER_REASON_EPOCH
                || reason == ORDER_REASON_OPERATOR)
               && !row->has_slot;
    case ORDER_STATE_QUARANTINED:
        return reason == ORDER_REASON_VERSION || reason == ORDER_REASON_SLOT_CLASH;
    case ORDER_STATE_COUNT: break;
    }
    UNREACHABLE();
}

static void judge_row(struct audit_orders *orders, const struct order_row *row)
{
    const struct order_record *record = &row->record;
    const bool live = order_state_is_live(row->state);

    orders->found.slots_out_of_range += row->has_slot && record->slot >= orders->limit;
    orders->found.live_without_slot += live && !row->has_slot;
    if (!is_legal(row)) {
        count(&orders->found.states_wrong, record->order_no);
    }
    if (row->state == ORDER_STATE_CLOSED && row->reason == ORDER_REASON_OVERDUE
        && row->changed_ms < record->pay_by_ms) {
        count(&orders->found.closed_early, record->order_no);
    }
    if (row->state == ORDER_STATE_PENDING
        && record->pay_by_ms + (int64_t)orders->overdue_ms < orders->now_ms) {
        count(&orders->found.overdue, record->order_no);
    }
}

static enum err add_holder(struct audit_orders *orders, const struct audit_holder *holder)
{
    if (orders->holder_count == orders->holder_capacity) {
        struct audit_holder *grown =
            audit_grow(orders->holders, sizeof *grown, &orders->holder_capacity, orders->budget);

        if (!grown) {
            return ERR_NO_MEMORY;
        }
        orders->holders = grown;
    }
    orders->holders[orders->holder_count++] = *holder;
    return ERR_OK;
}

enum err audit_orders_row(struct audit_orders *orders, const struct order_row *row, int sku,
                          struct audit_item *item)
{
    const struct buyer *buyer = &row->record.buyer;
    const char *key = row->record.key_hash.hex;
    const bool is_told = row->reason != ORDER_REASON_EPOCH;
    const struct audit_holder holder = {
        .buyer = {hash64(buyer->text, buyer->size, 1), hash64(buyer->text, buyer->size, 2)},
        .key = is_told && key[0] != '\0' ? hash64(key, strlen(key), 3) : 0,
        .units = order_state_is_live(row->state) ? row->record.quantity : 0};

    item->quantity = row->record.quantity;
    item->sku = sku >= 0 ? (uint8_t)sku : UINT8_MAX;
    item->reason = (uint8_t)row->reason;
    judge_row(orders, row);
    return add_holder(orders, &holder);
}

enum err audit_orders_return(struct audit_orders *orders, const struct ledger_line *line, int sku)
{
    const struct audit_item item = {
        .order_no = line->order_no,
        .place = line->id,
        .content = (uint64_t)line->cause,
        .quantity = line->delta > 0 && line->delta <= UINT32_MAX ? (uint32_t)line->delta : 0,
        .sku = sku >= 0 ? (uint8_t)sku : UINT8_MAX};

    return audit_list_add(&orders->returns, &item);
}

/* --- buyers --- */

static int compare_u64(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int by_buyer(const void *a, const void *b)
{
    const struct audit_holder *x = a, *y = b;
    int order = compare_u64(x->buyer[0], y->buyer[0]);

    order = order != 0 ? order : compare_u64(x->buyer[1], y->buyer[1]);
    return order != 0 ? order : compare_u64(x->key, y->key);
}

static void judge_buyers(struct audit_orders *orders)
{
    const struct audit_holder *all = orders->holders;
    uint64_t units = 0, same_key = 1;

    if (orders->holder_count > 0) {
        qsort(orders->holders, orders->holder_count, sizeof *orders->holders, by_buyer);
    }
    for (size_t i = 0; i < orders->holder_count; i++) {
        const struct audit_holder *next = i + 1 < orders->holder_count ? &all[i + 1] : NULL;
        const bool same = next && memcmp(next->buyer, all[i].buyer, sizeof next->buyer) == 0;
        const bool repeats = same && all[i].key != 0 && next->key == all[i].key;
        units += all[i].units;
        orders->found.repeated_keys += repeats && same_key == 1;
        same_key = repeats ? same_key + 1 : 1;
        orders->found.buyers_over_limit += !same && units > orders->limit;
        units = same ? units : 0;
    }
    if (orders->budget) {
        *orders->budget += orders->holder_capacity * sizeof *orders->holders;
    }
    free(orders->holders);
    orders->holders = NULL;
    orders->holder_count = orders->holder_capacity = 0;
}

/* --- returns --- */

/* What an order in this state and for this reason gave back; LEDGER_CAUSE_COUNT: nothing. */
static enum ledger_cause cause_of(const struct audit_item *row)
{
    if (row->letter == order_state_letter(ORDER_STATE_CLOSED)) {
        return LEDGER_CAUSE_CLOSE;
    }
    if (row->letter == order_state_letter(ORDER_STATE_REFUNDED)
        && row->reason == ORDER_REASON_RESTOCKED) {
        return LEDGER_CAUSE_REFUND;
    }
    if (row->letter == order_state_letter(ORDER_STATE_VOIDED)
        && row->reason == ORDER_REASON_OPERATOR) {
        return LEDGER_CAUSE_VOID;
    }
    return LEDGER_CAUSE_COUNT;
}

static bool is_right(const struct audit_item *back, const struct audit_item *row)
{
    return back->content == (uint64_t)cause_of(row) && back->quantity == row->quantity
           && back->sku == row->sku;
}

/* The returns of one order number, and its row, if there is one. */
static void judge_returns_of(struct audit_orders *orders, const struct audit_item *backs,
                             size_t back_count, const struct audit_item *row)
{
    for (size_t i = 0; i < back_count; i++) {
        if (!row || !is_right(&backs[i], row)) {
            count(&orders->found.returns_wrong, backs[i].order_no);
        }
    }
    if (back_count > 1) {
        count(&orders->found.returned_twice, backs[0].order_no);
    }
    if (row && back_count == 0 && cause_of(row) != LEDGER_CAUSE_COUNT) {
        count(&orders->found.never_returned, row->order_no);
    }
}

static void judge_returns(struct audit_orders *orders, const struct audit_list *rows)
{
    struct audit_list *returns = &orders->returns;
    size_t i = 0, j = 0;

    audit_list_sort(returns);
    orders->found.returns = returns->count;
    while (i < returns->count || j < rows->count) {
        const uint64_t back = i < returns->count ? returns->items[i].order_no.value : UINT64_MAX;
        const uint64_t row = j < rows->count ? rows->items[j].order_no.value : UINT64_MAX;
        size_t same = 0;
        while (back <= row && i + same < returns->count
               && returns->items[i + same].order_no.value == back) {
            same++;
        }
        judge_returns_of(orders, returns->items + i, same, row <= back ? &rows->items[j] : NULL);
        i += same;
        j += row <= back;
    }
    audit_list_finish(returns);
}

void audit_orders_rows_done(struct audit_orders *orders, const struct audit_list *rows)
{
    judge_buyers(orders);
    judge_returns(orders, rows);
    orders->rows = rows;
    orders->at = 0;
}

/* --- payments --- */

/* All notices of the row in work were told. */
static void judge_payments(struct audit_orders *orders)
{
    const struct audit_item *row = &orders->rows->items[orders->at];
    const bool is_refunded = row->letter == order_state_letter(ORDER_STATE_REFUNDED);
    const bool is_paid = row->letter == order_state_letter(ORDER_STATE_PAID) || is_refunded;
    const bool is_closed = row->letter == order_state_letter(ORDER_STATE_CLOSED);
    const bool is_cancelled = is_closed && row->reason == ORDER_REASON_CANCEL;

    if (orders->paid != (is_paid ? 1 : 0)) {
        count(&orders->found.paid_wrong, row->order_no);
    }
    if (orders->cancelled != (is_cancelled ? 1 : 0)
        || (is_refunded && row->reason == ORDER_REASON_PROVIDER && orders->refunded == 0)) {
        count(&orders->found.states_wrong, row->order_no);
    }
    orders->paid = orders->cancelled = orders->refunded = 0;
}

static void go_to(struct audit_orders *orders, uint64_t order_no)
{
    const struct audit_list *rows = orders->rows;

    while (orders->at < rows->count && rows->items[orders->at].order_no.value < order_no) {
        judge_payments(orders);
        orders->at++;
    }
}

void audit_orders_payment(struct audit_orders *orders, const struct payment_audit *payment)
{
    go_to(orders, payment->order_no.value);
    if (payment->is_parked && payment->has_row && payment->is_old && !payment->may_wait) {
        count(&orders->found.parked_too_long, payment->order_no);
    }
    if (!payment->is_applied) {
        return;
    }
    const bool pays = payment->kind == NOTICE_KIND_PAID;
    const bool cancels = payment->kind == NOTICE_KIND_CANCEL;
    orders->found.payments += pays || cancels;
    if ((pays && !payment->is_right) || ((pays || cancels) && !payment->has_row)) {
        count(&orders->found.payments_wrong, payment->order_no);
    }
    orders->paid += payment->has_row && pays;
    orders->cancelled += payment->has_row && cancels;
    orders->refunded += payment->has_row && payment->kind == NOTICE_KIND_REFUNDED;
}

void audit_orders_payments_done(struct audit_orders *orders)
{
    go_to(orders, UINT64_MAX);
}

void audit_orders_finish(struct audit_orders *orders)
{
    free(orders->holders);
    orders->holders = NULL;
    audit_list_finish(&orders->returns);
}
