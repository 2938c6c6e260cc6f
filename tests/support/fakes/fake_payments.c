#include "support/fakes/fake_payments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"

struct mysql_link *fake_payments_create(void)
{
    struct mysql_link *link = calloc(1, sizeof *link);

    ASSERT(link != NULL);
    link->epoch = 1;
    return link;
}

void fake_payments_destroy(struct mysql_link *link)
{
    free(link);
}

void fake_payments_clear(struct mysql_link *link)
{
    link->books.order_count = link->books.payment_count = link->books.event_count = 0;
    link->books.sold = link->books.returned = link->books.letters = 0;
    link->epoch = 1;
}

void fake_payments_fail(struct mysql_link *link, enum fake_payments_call call, enum err err,
                        uint32_t count)
{
    link->fail[call] = err;
    link->fail_count[call] = count;
}

static enum err enter(struct mysql_link *link, enum fake_payments_call call)
{
    ASSERT(link->in_transaction || call == FAKE_PAYMENTS_SEARCH);
    if (link->fail_count[call] == 0) {
        return ERR_OK;
    }
    link->fail_count[call]--;
    return link->fail[call];
}

struct order_row *fake_payments_order(struct mysql_link *link, struct order_no order_no)
{
    for (uint32_t i = 0; i < link->books.order_count; i++) {
        if (link->books.orders[i].record.order_no.value == order_no.value) {
            return &link->books.orders[i];
        }
    }
    return NULL;
}

struct order_row *fake_payments_add(struct mysql_link *link, struct order_no order_no)
{
    ASSERT(link->books.order_count < FAKE_LIVES_MAX);
    struct order_row *row = &link->books.orders[link->books.order_count++];
    *row = (struct order_row){
        .record = {.version = 1,
                   .order_no = order_no,
                   .buyer = {3, "ann"},
                   .sku = {1, "a"},
                   .quantity = 1,
                   .unit_price = 100,
                   .currency = "CNY"},
        .has_slot = true,
        .state = ORDER_STATE_PENDING,
        .version = 1,
    };
    link->books.sold++;
    return row;
}

/* --- mysql_link --- */

bool mysql_link_in_transaction(const struct mysql_link *link)
{
    return link->in_transaction;
}

unsigned mysql_link_error_code(const struct mysql_link *link)
{
    (void)link;
    return 0;
}

const char *mysql_link_error_text(const struct mysql_link *link)
{
    (void)link;
    return "as the test asked";
}

/* What is there alone: histories by the hundred thousand are many copies. */
static void copy_books(struct fake_books *to, const struct fake_books *from)
{
    memcpy(to->orders, from->orders, from->order_count * sizeof from->orders[0]);
    memcpy(to->payments, from->payments, from->payment_count * sizeof from->payments[0]);
    memcpy(to->events, from->events, from->event_count * sizeof from->events[0]);
    to->order_count = from->order_count;
    to->payment_count = from->payment_count;
    to->event_count = from->event_count;
    to->sold = from->sold;
    to->returned = from->returned;
    to->letters = from->letters;
}

enum err mysql_link_begin(struct mysql_link *link)
{
    ASSERT(!link->in_transaction);
    copy_books(&link->before, &link->books);
    link->in_transaction = true;
    return ERR_OK;
}

enum err mysql_link_commit(struct mysql_link *link)
{
    ASSERT(link->in_transaction);
    link->in_transaction = false;
    return ERR_OK;
}

void mysql_link_rollback(struct mysql_link *link)
{
    if (link->in_transaction) {
        copy_books(&link->books, &link->before);
        link->in_transaction = false;
    }
}

enum err mysql_link_transaction(struct mysql_link *link, mysql_link_body_fn *body, void *arg)
{
    enum err err = ERR_BUSY;

    for (int attempt = 0; attempt < 8 && err == ERR_BUSY; attempt++) {
        err = mysql_link_begin(link);
        err = err == ERR_OK ? body(link, arg) : err;
        if (err != ERR_OK) {
            mysql_link_rollback(link);
        } else {
            err = mysql_link_commit(link);
        }
    }
    return err;
}

/* --- order_store: names alone --- */

const char *order_reason_name(enum order_reason reason)
{
    static const char *const names[] = {
#define X(name, text) text,
        ORDER_REASONS(X)
#undef X
    };

    return names[reason];
}

/* --- order_life --- */

static void run_meanwhile(struct mysql_link *link)
{
    void (*meanwhile)(struct mysql_link *) = link->meanwhile;

    link->meanwhile = NULL;
    if (meanwhile != NULL) {
        meanwhile(link);
    }
}

enum err order_life_epoch(struct mysql_link *link, struct sale_id sale, uint32_t *ret_epoch)
{
    (void)sale;
    run_meanwhile(link);
    *ret_epoch = link->epoch;
    return link->sale_is_unknown ? ERR_NOT_FOUND : ERR_OK;
}

enum err order_life_lock_in(struct mysql_link *link, struct order_no order_no,
                            enum order_units units, struct order_held *ret_held)
{
    const enum err err = enter(link, FAKE_PAYMENTS_LOCK);
    const struct order_row *row = fake_payments_order(link, order_no);

    if (err != ERR_OK) {
        return err;
    }
    if (row == NULL) {
        return ERR_NOT_FOUND;
    }
    const bool has_units =
        units == ORDER_UNITS_ALWAYS
        || (units == ORDER_UNITS_OF_PENDING && row->state == ORDER_STATE_PENDING);
    *ret_held = (struct order_held){.row = *row, .has_units = has_units, .epoch = link->epoch};
    return ERR_OK;
}

enum err order_life_lock_many_in(struct mysql_link *link, const struct order_locks *locks)
{
    for (size_t i = 1; i < locks->count; i++) {
        ASSERT(locks->order_nos[i - 1].value <= locks->order_nos[i].value);
    }
    for (size_t i = 1; i < locks->cancel_count; i++) {
        ASSERT(locks->cancels[i - 1].value <= locks->cancels[i].value);
    }
    return enter(link, FAKE_PAYMENTS_LOCK);
}

enum err order_life_lock_sale_in(struct mysql_link *link, struct sale_id sale)
{
    (void)sale;
    ASSERT(link->in_transaction);
    return ERR_OK;
}

static enum err tell(struct mysql_link *link, struct order_no order_no, const char *verb,
                     uint32_t version)
{
    struct fake_books *books = &link->books;
    const enum err err = enter(link, FAKE_PAYMENTS_EVENT);

    ASSERT(books->event_count < FAKE_TOLD_MAX);
    if (err == ERR_OK) {
        struct fake_event *event = &books->events[books->event_count++];
        *event = (struct fake_event){.order_no = order_no, .version = version};
        snprintf(event->verb, sizeof event->verb, "%s", verb);
    }
    return err;
}

static enum err move(struct mysql_link *link, struct order_held *held, enum order_state state,
                     enum order_reason reason, const char *verb)
{
    struct order_row *row = fake_payments_order(link, held->row.record.order_no);

    ASSERT(row != NULL && order_state_may_become(row->state, state));
    ASSERT(row->state == held->row.state && row->version == held->row.version);
    row->state = state;
    row->reason = reason;
    row->has_slot = row->has_slot && order_state_is_live(state);
    row->version++;
    held->row = *row;
    link->books.letters++;
    return tell(link, row->record.order_no, verb, row->version);
}

static void give_back(struct mysql_link *link, const struct order_held *held)
{
    ASSERT(held->has_units && link->books.sold >= held->row.record.quantity);
    link->books.sold -= held->row.record.quantity;
    link->books.returned += held->row.record.quantity;
}

enum err order_life_pay_in(struct mysql_link *link, struct order_held *held)
{
    return move(link, held, ORDER_STATE_PAID, ORDER_REASON_NONE, "order.paid");
}

enum err order_life_close_in(struct mysql_link *link, struct order_held *held,
                             enum order_reason cause)
{
    const enum err err = move(link, held, ORDER_STATE_CLOSED, cause, "order.closed");

    if (err == ERR_OK) {
        give_back(link, held);
    }
    return err;
}

enum err order_life_refund_in(struct mysql_link *link, struct order_held *held,
                              enum order_reason how)
{
    const enum err err = move(link, held, ORDER_STATE_REFUNDED, how, "order.refunded");

    if (err == ERR_OK && how == ORDER_REASON_RESTOCKED) {
        give_back(link, held);
    }
    return err;
}

enum err order_life_refund_due_in(struct mysql_link *link, struct order_held *held,
                                  const struct notice *due, uint32_t at_least)
{
    struct order_row *row = fake_payments_order(link, due->order_no);

    ASSERT(row != NULL && row->version == held->row.version);
    row->version = row->version + 1 > at_least ? row->version + 1 : at_least;
    held->row.version = row->version;
    return tell(link, due->order_no, "order.refund_due", row->version);
}

enum err order_life_refund_due_alone_in(struct mysql_link *link, const struct notice *due,
                                        uint32_t version)
{
    ASSERT(version > 0);
    return tell(link, due->order_no, "order.refund_due", version);
}

/* --- payment_store --- */

const char *payment_state_name(enum payment_state state)
{
    static const char *const names[] = {
#define X(name, text) text,
        PAYMENT_STATES(X)
#undef X
    };

    return names[state];
}

const char *payment_reason_name(enum payment_reason reason)
{
    static const char *const names[] = {
#define X(name, text) text,
        PAYMENT_REASONS(X)
#undef X
    };

    return names[reason];
}

/* As schemas/mysql/002: what was set aside claims nothing, nor once it was returned. */
static bool claims(const struct payment_row *row)
{
    return row->notice.transaction_id[0] != '\0'
           && (row->state == PAYMENT_PARKED || row->state == PAYMENT_APPLIED
               || row->state == PAYMENT_REFUND_DUE
               || (row->state == PAYMENT_REFUNDED && row->reason >= PAYMENT_REASON_SECOND));
}

enum err payment_store_by_event(struct mysql_link *link, const char *provider, const char *event_id,
                                struct payment_row *ret_row)
{
    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        const struct payment_row *row = &link->books.payments[i];
        if (strcmp(row->notice.provider, provider) == 0
            && strcmp(row->notice.event_id, event_id) == 0) {
            *ret_row = *row;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err payment_store_by_claim(struct mysql_link *link, const char *provider,
                                const char *transaction_id, enum notice_kind kind,
                                struct payment_row *ret_row)
{
    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        const struct payment_row *row = &link->books.payments[i];
        if (claims(row) && row->notice.kind == kind && strcmp(row->notice.provider, provider) == 0
            && strcmp(row->notice.transaction_id, transaction_id) == 0) {
            *ret_row = *row;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum err payment_store_put_in(struct mysql_link *link, const struct payment_row *row)
{
    const struct notice *notice = &row->notice;
    const enum err err = enter(link, FAKE_PAYMENTS_PUT);
    struct payment_row other;

    if (err != ERR_OK) {
        return err;
    }
    if (payment_store_by_event(link, notice->provider, notice->event_id, &other) == ERR_OK
        || (claims(row)
            && payment_store_by_claim(link, notice->provider, notice->transaction_id, notice->kind,
                                      &other)
                   == ERR_OK)) {
        return ERR_CONFLICT;
    }
    ASSERT(link->books.payment_count < FAKE_PAYMENTS_MAX);
    link->books.payments[link->books.payment_count++] = *row;
    link->books.payments[link->books.payment_count - 1].id = link->books.payment_count;
    return ERR_OK;
}

enum err payment_store_move_in(struct mysql_link *link, uint64_t id, enum payment_state from,
                               enum payment_state to, enum payment_reason reason)
{
    const enum err err = enter(link, FAKE_PAYMENTS_MOVE);

    if (err != ERR_OK) {
        return err;
    }
    ASSERT(id > 0 && id <= link->books.payment_count && from != to);
    if (link->books.payments[id - 1].state != from) {
        return ERR_NOT_FOUND;
    }
    struct payment_row after = link->books.payments[id - 1], other;
    after.state = to;
    after.reason = reason;
    if (claims(&after)
        && payment_store_by_claim(link, after.notice.provider, after.notice.transaction_id,
                                  after.notice.kind, &other)
               == ERR_OK
        && other.id != id) {
        return ERR_CONFLICT;
    }
    link->books.payments[id - 1] = after;
    return ERR_OK;
}

enum err payment_store_lock_of_in(struct mysql_link *link, struct order_no order_no,
                                  payment_row_fn *each, void *arg)
{
    enum err err = ERR_OK;

    ASSERT(link->in_transaction);
    for (uint32_t i = 0; i < link->books.payment_count && err == ERR_OK; i++) {
        if (link->books.payments[i].notice.order_no.value == order_no.value) {
            err = each(arg, &link->books.payments[i]);
        }
    }
    return err;
}

enum err payment_store_parked_of(struct mysql_link *link, struct order_no order_no,
                                 struct payment_parked *ret_parked)
{
    *ret_parked = (struct payment_parked){.count = 0};
    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        const struct payment_row *row = &link->books.payments[i];
        if (row->notice.order_no.value == order_no.value && row->state == PAYMENT_PARKED) {
            ret_parked->count++;
            ret_parked->has_cancel |= row->notice.kind == NOTICE_KIND_CANCEL;
        }
    }
    return ERR_OK;
}

enum err payment_store_due_count(struct mysql_link *link, struct order_no order_no,
                                 uint32_t *ret_count)
{
    *ret_count = 0;
    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        const struct payment_row *row = &link->books.payments[i];
        *ret_count +=
            row->notice.order_no.value == order_no.value && row->notice.kind == NOTICE_KIND_PAID
            && (row->state == PAYMENT_REFUND_DUE
                || (row->state == PAYMENT_REFUNDED && row->reason >= PAYMENT_REASON_SECOND));
    }
    return ERR_OK;
}

/* The smallest number above `after` that can be joined; 0: none. */
static uint64_t next_joinable(struct mysql_link *link, uint64_t after)
{
    uint64_t next = 0;

    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        const struct payment_row *row = &link->books.payments[i];
        const struct order_no order_no = row->notice.order_no;
        const struct order_row *order = fake_payments_order(link, order_no);
        const bool can = order != NULL ? order->state != ORDER_STATE_QUARANTINED
                                       : link->epoch > order_no_epoch(order_no);
        if (row->state == PAYMENT_PARKED && can && order_no.value > after
            && (next == 0 || order_no.value < next)) {
            next = order_no.value;
        }
    }
    return next;
}

enum err payment_store_joinable(struct mysql_link *link, struct order_no after,
                                struct order_no *ret_order_nos, size_t max, size_t *ret_count)
{
    const enum err err = enter(link, FAKE_PAYMENTS_SEARCH);
    uint64_t last = after.value;

    *ret_count = 0;
    while (err == ERR_OK && *ret_count < max && (last = next_joinable(link, last)) != 0) {
        ret_order_nos[(*ret_count)++].value = last;
    }
    return err;
}

enum err payment_store_waiting(struct mysql_link *link, struct payment_waiting *ret_waiting)
{
    *ret_waiting = (struct payment_waiting){.parked = 0};
    for (uint32_t i = 0; i < link->books.payment_count; i++) {
        ret_waiting->parked += link->books.payments[i].state == PAYMENT_PARKED;
    }
    ret_waiting->oldest_ms = ret_waiting->parked > 0 ? 1500 : 0;
    return ERR_OK;
}
