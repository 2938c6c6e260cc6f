/* 100,000 histories of a few orders: notices of payments, failures, refunds and cancels (repeated,
 * of wrong amounts, before their order's row, of one transaction twice), rows that come, sweeps,
 * closes, an operator's refunds and decisions, a rebuild that cuts the epoch; each step is held
 * against a model written a second time (support/payment_model.h), on fakes.
 *
 * The seed is printed; PAYMENT_SEED=N plays that history alone, PAYMENT_HISTORIES=N so many. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/fakes/fake_payments.h"
#include "support/payment_world.h"

enum { HISTORIES = 100000 };

static struct order_no order_no_of(void *arg, uint32_t order)
{
    (void)arg;
    return (struct order_no){((uint64_t)7 << 40) | ((uint64_t)1 << 26) | (1 + order)};
}

static void settle(void *arg, uint32_t order, bool is_newer_version)
{
    struct mysql_link *link = arg;

    if (fake_payments_order(link, order_no_of(arg, order)) != NULL) {
        return;
    }
    struct order_row *row = fake_payments_add(link, order_no_of(arg, order));
    if (link->epoch > 1) {
        row->state = ORDER_STATE_VOIDED;
        row->reason = ORDER_REASON_EPOCH;
        row->has_slot = false;
        link->books.sold--;
    } else if (is_newer_version) {
        row->state = ORDER_STATE_QUARANTINED;
        row->reason = ORDER_REASON_VERSION;
    }
}

static void cut(void *arg)
{
    struct mysql_link *link = arg;

    link->epoch++;
}

struct move {
    uint32_t order;
    enum order_state from, to;
    enum order_reason reason;
};

static enum err move_body(struct mysql_link *link, void *arg)
{
    const struct move *move = arg;
    struct order_held held;
    const enum err err =
        order_life_lock_in(link, order_no_of(link, move->order), ORDER_UNITS_ALWAYS, &held);

    if (err != ERR_OK || held.row.state != move->from) {
        return err == ERR_OK ? ERR_CONFLICT : err;
    }
    return move->to == ORDER_STATE_CLOSED ? order_life_close_in(link, &held, move->reason)
                                          : order_life_refund_in(link, &held, move->reason);
}

static uint32_t close_overdue(void *arg)
{
    struct mysql_link *link = arg;
    uint32_t closed = 0;

    for (uint32_t i = 0; i < WORLD_ORDERS; i++) {
        struct move move = {i, ORDER_STATE_PENDING, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE};
        struct payment_parked parked;
        cr_assert(payment_store_parked_of(link, order_no_of(arg, i), &parked) == ERR_OK);
        closed +=
            parked.count == 0 && mysql_link_transaction(link, move_body, &move) == ERR_OK ? 1 : 0;
    }
    return closed;
}

static enum err refund(void *arg, uint32_t order, bool restock)
{
    struct mysql_link *link = arg;
    const struct order_row *row = fake_payments_order(link, order_no_of(arg, order));
    struct move move = {order, ORDER_STATE_PAID, ORDER_STATE_REFUNDED,
                        restock ? ORDER_REASON_RESTOCKED : ORDER_REASON_KEPT};

    if (row != NULL && row->state == ORDER_STATE_REFUNDED) {
        return restock == (row->reason == ORDER_REASON_RESTOCKED) ? ERR_OK : ERR_CONFLICT;
    }
    return mysql_link_transaction(link, move_body, &move);
}

static enum err decide(void *arg, uint32_t order, bool is_void)
{
    struct mysql_link *link = arg;
    struct order_row *row = fake_payments_order(link, order_no_of(arg, order));

    row->version++;
    row->state = is_void ? ORDER_STATE_VOIDED : ORDER_STATE_PENDING;
    row->reason = is_void ? ORDER_REASON_OPERATOR : ORDER_REASON_NONE;
    row->has_slot = !is_void;
    if (is_void) {
        struct fake_event *event = &link->books.events[link->books.event_count++];
        *event = (struct fake_event){
            .order_no = row->record.order_no, .verb = "order.voided", .version = row->version};
        link->books.sold--;
        link->books.returned++;
    }
    return ERR_OK;
}

static bool find(void *arg, uint32_t order, struct order_row *ret_row)
{
    const struct order_row *row = fake_payments_order(arg, order_no_of(arg, order));

    if (row != NULL) {
        *ret_row = *row;
    }
    return row != NULL;
}

static struct world_stock stock(void *arg)
{
    const struct mysql_link *link = arg;

    return (struct world_stock){.sold = link->books.sold, .returned = link->books.returned};
}

static void told(void *arg, struct world_told_list *ret_list)
{
    const struct mysql_link *link = arg;

    ret_list->count = link->books.event_count;
    cr_assert(ret_list->count <= WORLD_EVENTS_MAX);
    for (uint32_t i = 0; i < ret_list->count; i++) {
        const struct fake_event *event = &link->books.events[i];
        ret_list->told[i].order = order_no_seq(event->order_no) - 1;
        ret_list->told[i].version = event->version;
        memcpy(ret_list->told[i].verb, event->verb, sizeof event->verb);
    }
}

Test(order_payments, every_history_is_as_the_model_says, .timeout = 600)
{
    const struct world_seeds seeds = payment_world_seeds(HISTORIES);
    struct mysql_link *link = fake_payments_create();
    const struct world_ops ops = {.arg = link,
                                  .link = link,
                                  .order_no = order_no_of,
                                  .settle = settle,
                                  .cut = cut,
                                  .close_overdue = close_overdue,
                                  .refund = refund,
                                  .decide = decide,
                                  .find = find,
                                  .stock = stock,
                                  .told = told};
    uint64_t states[PAYMENT_STATE_COUNT] = {0};

    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        fake_payments_clear(link);
        const char *broken = payment_world_play(&ops, seed);
        cr_assert(broken == NULL, "PAYMENT_SEED=%llu: %s", (unsigned long long)seed, broken);
        for (uint32_t i = 0; i < link->books.payment_count; i++) {
            states[link->books.payments[i].state]++;
        }
    }
    for (uint32_t i = 0; i < PAYMENT_STATE_COUNT; i++) {
        fprintf(stderr, "# %s %llu\n", payment_state_name((enum payment_state)i),
                (unsigned long long)states[i]);
        cr_assert(states[i] > 0 || i == PAYMENT_PARKED || seeds.count < HISTORIES,
                  "a kind of payment that no history has: the test is too narrow");
    }
    fake_payments_destroy(link);
}
