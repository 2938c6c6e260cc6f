#include "support/payment_model.h"

#include <string.h>

/* Each payment is a coin that somebody put on the table. A coin is counted (it pays its order),
 * owed (to be given back), returned, waiting, set aside (it does not fit), or nothing. */

static uint32_t index_of(const struct model *model, struct order_no order_no)
{
    uint32_t i = 0;

    while (i < MODEL_ORDERS && model->orders[i].order_no.value != order_no.value) {
        i++;
    }
    return i;
}

static bool is_live(const struct model_order *order)
{
    return order->is_there
           && (order->state == ORDER_STATE_PENDING || order->state == ORDER_STATE_PAID
               || order->state == ORDER_STATE_QUARANTINED);
}

static void tell(struct model *model, struct model_order *order)
{
    order->version++;
    model->told++;
}

static void leave(struct model *model, struct model_order *order, enum order_state state,
                  enum order_reason reason, bool with_units)
{
    order->state = state;
    order->reason = reason;
    tell(model, order);
    if (with_units) {
        order->in_sold = false;
        model->returned += order->units;
    }
}

void model_settle(struct model *model, uint32_t i, bool is_newer_version)
{
    struct model_order *order = &model->orders[i];

    if (order->is_there) {
        return;
    }
    order->is_there = true;
    order->version = 1;
    if (model->is_cut) {
        order->state = ORDER_STATE_VOIDED;
        order->reason = ORDER_REASON_EPOCH;
        return;
    }
    order->in_sold = true;
    order->state = is_newer_version ? ORDER_STATE_QUARANTINED : ORDER_STATE_PENDING;
    order->reason = is_newer_version ? ORDER_REASON_VERSION : ORDER_REASON_NONE;
}

/* --- coins --- */

static bool is_same_coin(const struct notice *a, const struct notice *b)
{
    return a->transaction_id[0] != '\0' && strcmp(a->transaction_id, b->transaction_id) == 0
           && strcmp(a->provider, b->provider) == 0 && a->kind == b->kind;
}

static bool is_effective(const struct model_payment *payment)
{
    return payment->state != PAYMENT_IGNORED && payment->state != PAYMENT_QUARANTINED
           && !payment->was_aside;
}

static bool says_the_same(const struct notice *a, const struct notice *b)
{
    return a->order_no.value == b->order_no.value && a->has_amount == b->has_amount
           && a->amount == b->amount && strcmp(a->currency, b->currency) == 0;
}

/* The coin that a refund gives back: the one it names, else the only one it can be. */
static struct model_payment *coin_of(struct model *model, const struct notice *refund)
{
    struct model_payment *named = NULL, *only = NULL;
    bool is_named = false;
    uint32_t open = 0;

    for (uint32_t i = 0; i < model->count; i++) {
        struct model_payment *coin = &model->payments[i];
        const bool is_open = coin->state == PAYMENT_APPLIED || coin->state == PAYMENT_REFUND_DUE;
        if (coin->notice.kind != NOTICE_KIND_PAID || !coin->notice.has_amount
            || coin->notice.order_no.value != refund->order_no.value
            || strcmp(coin->notice.provider, refund->provider) != 0) {
            continue;
        }
        if (refund->transaction_id[0] != '\0'
            && strcmp(coin->notice.transaction_id, refund->transaction_id) == 0) {
            is_named = true;
            if (is_open || (coin->state == PAYMENT_QUARANTINED && named == NULL)) {
                named = coin;
            }
        } else if (is_open) {
            only = coin;
            open++;
        }
    }
    return is_named ? named : open == 1 ? only : NULL;
}

static enum payment_state paid_state(const struct model *model, const struct model_payment *coin)
{
    const struct model_order *order = &model->orders[coin->order];

    if (!order->is_there) {
        return model->is_cut ? PAYMENT_REFUND_DUE : PAYMENT_PARKED;
    }
    if (order->state == ORDER_STATE_QUARANTINED) {
        return PAYMENT_PARKED;
    }
    if (coin->notice.amount != order->price || strcmp(coin->notice.currency, "CNY") != 0) {
        return PAYMENT_QUARANTINED;
    }
    return order->state == ORDER_STATE_PENDING ? PAYMENT_APPLIED : PAYMENT_REFUND_DUE;
}

static enum payment_state cancel_state(const struct model *model, const struct model_payment *wish)
{
    const struct model_order *order = &model->orders[wish->order];

    if (!order->is_there) {
        return model->is_cut ? PAYMENT_IGNORED : PAYMENT_PARKED;
    }
    if (order->state == ORDER_STATE_QUARANTINED) {
        return PAYMENT_PARKED;
    }
    if (strcmp(wish->notice.buyer.text, "ann") != 0) {
        return PAYMENT_QUARANTINED;
    }
    return order->state == ORDER_STATE_PENDING ? PAYMENT_APPLIED : PAYMENT_IGNORED;
}

static enum payment_state refund_state(struct model *model, const struct model_payment *refund)
{
    const struct model_order *order = &model->orders[refund->order];
    const struct model_payment *coin = coin_of(model, &refund->notice);

    if (order->is_there ? order->state == ORDER_STATE_QUARANTINED : !model->is_cut) {
        return PAYMENT_PARKED;
    }
    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_payment *known = &model->payments[i];
        if (known->state == PAYMENT_APPLIED && is_same_coin(&known->notice, &refund->notice)
            && says_the_same(&known->notice, &refund->notice)) {
            return PAYMENT_APPLIED; /* told again */
        }
    }
    return coin != NULL && coin->notice.amount == refund->notice.amount
                   && strcmp(coin->notice.currency, refund->notice.currency) == 0
               ? PAYMENT_APPLIED
               : PAYMENT_QUARANTINED;
}

static bool has_waiting(const struct model *model, uint32_t order)
{
    for (uint32_t i = 0; i < model->count; i++) {
        if (model->payments[i].order == order && model->payments[i].state == PAYMENT_PARKED) {
            return true;
        }
    }
    return false;
}

static enum payment_state state_of(struct model *model, const struct model_payment *payment,
                                   bool in_line)
{
    const struct notice *notice = &payment->notice;
    const bool is_money = notice->kind == NOTICE_KIND_PAID || notice->kind == NOTICE_KIND_REFUNDED;

    if (!is_money && notice->kind != NOTICE_KIND_CANCEL) {
        return PAYMENT_IGNORED;
    }
    if (payment->order == MODEL_ORDERS
        || (is_money && (!notice->has_amount || notice->transaction_id[0] == '\0'))) {
        return PAYMENT_QUARANTINED;
    }
    if (in_line && has_waiting(model, payment->order)) {
        return PAYMENT_PARKED;
    }
    if (notice->kind == NOTICE_KIND_PAID) {
        return paid_state(model, payment);
    }
    return notice->kind == NOTICE_KIND_CANCEL ? cancel_state(model, payment)
                                              : refund_state(model, payment);
}

/* What the world is after it. */
static void happen(struct model *model, const struct model_payment *payment)
{
    struct model_order *order = &model->orders[payment->order];

    if (payment->state == PAYMENT_REFUND_DUE) {
        if (order->is_there) {
            /* The shop has heard of it `due` times, whatever number the row began with. */
            order->version = order->version > order->due ? order->version : order->due;
            tell(model, order);
        } else {
            order->due++;
            model->told++;
        }
        return;
    }
    if (payment->state != PAYMENT_APPLIED) {
        return;
    }
    if (payment->notice.kind == NOTICE_KIND_PAID) {
        leave(model, order, ORDER_STATE_PAID, ORDER_REASON_NONE, false);
    } else if (payment->notice.kind == NOTICE_KIND_CANCEL) {
        leave(model, order, ORDER_STATE_CLOSED, ORDER_REASON_CANCEL, true);
    } else {
        struct model_payment *coin = coin_of(model, &payment->notice);
        if (coin->state != PAYMENT_APPLIED) {
            coin->was_aside = coin->state == PAYMENT_QUARANTINED;
            coin->state = PAYMENT_REFUNDED;
        } else if (order->state == ORDER_STATE_PAID) {
            leave(model, order, ORDER_STATE_REFUNDED, ORDER_REASON_PROVIDER, false);
        }
    }
}

static enum notice_outcome outcome_of(enum payment_state state)
{
    switch (state) {
    case PAYMENT_APPLIED: return OUTCOME_COUNTED;
    case PAYMENT_IGNORED: return OUTCOME_NOTHING;
    case PAYMENT_PARKED: return OUTCOME_WAITS;
    case PAYMENT_REFUND_DUE: return OUTCOME_OWED;
    case PAYMENT_REFUNDED:
    case PAYMENT_QUARANTINED:
    case PAYMENT_STATE_COUNT: break;
    }
    return OUTCOME_ASIDE;
}

enum notice_outcome model_notice(struct model *model, const struct notice *notice)
{
    struct model_payment *payment = &model->payments[model->count];

    for (uint32_t i = 0; i < model->count; i++) {
        const struct notice *known = &model->payments[i].notice;
        if (strcmp(known->event_id, notice->event_id) == 0
            && strcmp(known->provider, notice->provider) == 0) {
            return OUTCOME_KNOWN;
        }
    }
    *payment =
        (struct model_payment){.notice = *notice, .order = index_of(model, notice->order_no)};
    payment->state = state_of(model, payment, true);
    for (uint32_t i = 0; i < model->count && is_effective(payment); i++) {
        const struct model_payment *known = &model->payments[i];
        if (!is_same_coin(&known->notice, notice) || !is_effective(known)) {
            continue;
        }
        if (says_the_same(&known->notice, notice)) {
            return OUTCOME_KNOWN;
        }
        payment->state = PAYMENT_QUARANTINED;
        payment->is_clash = true;
        model->count++;
        return OUTCOME_ASIDE;
    }
    model->count++;
    if (payment->order < MODEL_ORDERS) {
        happen(model, payment);
    }
    return outcome_of(payment->state);
}

/* Set aside for the sake of one that waited until this sweep, which then came to nothing. */
static bool is_freed(const struct model *model, const bool waited[], uint32_t i)
{
    const struct model_payment *payment = &model->payments[i];
    bool has_waited = false;

    for (uint32_t k = 0; k < model->count; k++) {
        const struct model_payment *other = &model->payments[k];
        const bool is_coin = k != i && is_same_coin(&other->notice, &payment->notice);
        if (is_coin && is_effective(other)) {
            return false;
        }
        has_waited |= k < i && is_coin && waited[k] && other->order == payment->order;
    }
    return has_waited && payment->is_clash && payment->state == PAYMENT_QUARANTINED;
}

void model_sweep(struct model *model)
{
    bool stays[MODEL_ORDERS] = {false}, waited[MODEL_PAYMENTS_MAX];

    for (uint32_t i = 0; i < model->count; i++) {
        waited[i] = model->payments[i].state == PAYMENT_PARKED;
    }
    for (uint32_t i = 0; i < model->count; i++) {
        struct model_payment *payment = &model->payments[i];
        if ((!waited[i] && !is_freed(model, waited, i)) || stays[payment->order]) {
            continue;
        }
        const enum payment_state state = state_of(model, payment, false);
        if (state == PAYMENT_PARKED) {
            stays[payment->order] = true;
            continue;
        }
        payment->state = state;
        happen(model, payment);
    }
}

/* --- the others --- */

uint32_t model_close_overdue(struct model *model)
{
    uint32_t closed = 0;

    for (uint32_t i = 0; i < MODEL_ORDERS; i++) {
        struct model_order *order = &model->orders[i];
        if (order->is_there && order->state == ORDER_STATE_PENDING && !has_waiting(model, i)) {
            leave(model, order, ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE, true);
            closed++;
        }
    }
    return closed;
}

bool model_refund(struct model *model, uint32_t i, bool restock)
{
    struct model_order *order = &model->orders[i];

    if (!order->is_there) {
        return false;
    }
    if (order->state == ORDER_STATE_REFUNDED) {
        return restock == (order->reason == ORDER_REASON_RESTOCKED);
    }
    if (order->state != ORDER_STATE_PAID) {
        return false;
    }
    leave(model, order, ORDER_STATE_REFUNDED, restock ? ORDER_REASON_RESTOCKED : ORDER_REASON_KEPT,
          restock);
    return true;
}

bool model_decide(struct model *model, uint32_t i, bool is_void)
{
    struct model_order *order = &model->orders[i];

    if (!order->is_there || order->state != ORDER_STATE_QUARANTINED) {
        return false;
    }
    if (is_void) {
        leave(model, order, ORDER_STATE_VOIDED, ORDER_REASON_OPERATOR, true);
        return true;
    }
    order->state = ORDER_STATE_PENDING;
    order->reason = ORDER_REASON_NONE;
    order->version++;
    return true;
}

uint64_t model_sold(const struct model *model)
{
    uint64_t sold = 0;

    for (uint32_t i = 0; i < MODEL_ORDERS; i++) {
        sold += model->orders[i].in_sold ? model->orders[i].units : 0;
    }
    return sold;
}

/* --- what must add up --- */

static const char *order_balance(const struct model *model, uint32_t i)
{
    const struct model_order *order = &model->orders[i];
    const bool was_paid = order->state == ORDER_STATE_PAID || order->state == ORDER_STATE_REFUNDED;
    uint32_t counted = 0;

    for (uint32_t k = 0; k < model->count; k++) {
        const struct model_payment *payment = &model->payments[k];
        counted += payment->order == i && payment->notice.kind == NOTICE_KIND_PAID
                   && payment->state == PAYMENT_APPLIED;
    }
    if (counted != (order->is_there && was_paid ? 1 : 0)) {
        return "a paid order has one payment that counts, any other none";
    }
    const bool kept = order->is_there && order->state == ORDER_STATE_REFUNDED
                      && order->reason != ORDER_REASON_RESTOCKED;
    if (order->in_sold != (is_live(order) || kept)) {
        return "sold counts what is live, and what was kept";
    }
    return NULL;
}

const char *model_balance(const struct model *model)
{
    const char *broken = NULL;

    for (uint32_t i = 0; i < MODEL_ORDERS && broken == NULL; i++) {
        broken = order_balance(model, i);
    }
    for (uint32_t a = 0; a < model->count && broken == NULL; a++) {
        for (uint32_t b = a + 1; b < model->count; b++) {
            if (is_same_coin(&model->payments[a].notice, &model->payments[b].notice)
                && is_effective(&model->payments[a]) && is_effective(&model->payments[b])) {
                broken = "a transaction has two effects";
            }
        }
    }
    return broken;
}
