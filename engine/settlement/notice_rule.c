#include "settlement/notice_rule.h"

#include <string.h>

#include "common/assert.h"

/* With a row of the order, and without any other doubt:
 *
 * notice     PENDING      PAID               CLOSED      REFUNDED    VOIDED      QUARANTINED
 * paid       pay          refund due         refund due  refund due  refund due  PARKED
 * cancel     close        ignored            ignored     ignored     ignored     PARKED
 * refunded   (no payment) refund order       payment     payment     payment     PARKED
 *
 * refunded: "payment" marks a payment without effect as REFUNDED; of one that paid the order, and
 * the order is REFUNDED already, it is what was to come. Without a row: PARKED, or the end of it
 * when the order's history was cut. */

enum { VERSION = 1 }; /* of notices that this build judges */

static struct notice_verdict verdict(enum payment_state state, enum payment_reason reason,
                                     enum notice_effect effect)
{
    return (struct notice_verdict){.state = state, .reason = reason, .effect = effect};
}

static struct notice_verdict quarantine(enum payment_reason reason)
{
    return verdict(PAYMENT_QUARANTINED, reason, NOTICE_EFFECT_NONE);
}

static struct notice_verdict ignore(enum payment_reason reason)
{
    return verdict(PAYMENT_IGNORED, reason, NOTICE_EFFECT_NONE);
}

static struct notice_verdict park(void)
{
    return verdict(PAYMENT_PARKED, PAYMENT_REASON_NONE, NOTICE_EFFECT_NONE);
}

static struct notice_verdict refund_due(enum payment_reason reason)
{
    return verdict(PAYMENT_REFUND_DUE, reason, NOTICE_EFFECT_REFUND_DUE);
}

static struct notice_verdict apply(enum notice_effect effect)
{
    return verdict(PAYMENT_APPLIED, PAYMENT_REASON_NONE, effect);
}

static bool is_money_of(const struct notice *notice)
{
    return notice->kind == NOTICE_KIND_PAID || notice->kind == NOTICE_KIND_REFUNDED;
}

/* A version only appends fields and kinds: what names no order, or is of a kind that has no effect,
 * is so in every version. A kind that we do not know may have one. */
bool notice_rule_is_newer(const struct notice *notice)
{
    const bool is_idle = notice->kind == NOTICE_KIND_FAILED
                         || (notice->kind == NOTICE_KIND_OTHER && !notice->is_kind_unknown);

    return notice->version > VERSION && notice->order_no.value != 0 && !is_idle;
}

bool notice_rule_is_plain(const struct notice *notice, struct notice_verdict *ret_verdict)
{
    const bool is_money = is_money_of(notice);

    ASSERT(!notice_rule_is_newer(notice));
    if (notice->kind == NOTICE_KIND_FAILED || notice->kind == NOTICE_KIND_OTHER) {
        *ret_verdict = ignore(PAYMENT_REASON_NONE);
        return true;
    }
    if (notice->order_no.value == 0) {
        *ret_verdict = quarantine(PAYMENT_REASON_ORDER);
        return true;
    }
    if (is_money && !notice->has_amount) {
        *ret_verdict = quarantine(PAYMENT_REASON_AMOUNT);
        return true;
    }
    if (is_money && notice->transaction_id[0] == '\0') {
        *ret_verdict = quarantine(PAYMENT_REASON_NO_TRANSACTION);
        return true;
    }
    return false;
}

/* --- paid --- */

static struct notice_verdict judge_paid(const struct notice *notice, const struct order_row *order)
{
    const struct order_record *record = &order->record;

    if (strcmp(notice->currency, record->currency) != 0) {
        return quarantine(PAYMENT_REASON_CURRENCY);
    }
    if (notice->amount != record->unit_price * record->quantity) {
        return quarantine(PAYMENT_REASON_AMOUNT);
    }
    switch (order->state) {
    case ORDER_STATE_PENDING: return apply(NOTICE_EFFECT_PAY);
    case ORDER_STATE_PAID: return refund_due(PAYMENT_REASON_SECOND);
    case ORDER_STATE_CLOSED: return refund_due(PAYMENT_REASON_CLOSED);
    case ORDER_STATE_REFUNDED: return refund_due(PAYMENT_REASON_REFUNDED);
    case ORDER_STATE_VOIDED: return refund_due(PAYMENT_REASON_VOIDED);
    case ORDER_STATE_QUARANTINED:
    case ORDER_STATE_COUNT: break;
    }
    UNREACHABLE();
}

/* --- cancel --- */

static struct notice_verdict judge_cancel(const struct notice *notice,
                                          const struct order_row *order)
{
    if (!buyer_equal(&notice->buyer, &order->record.buyer)) {
        return quarantine(PAYMENT_REASON_BUYER);
    }
    switch (order->state) {
    case ORDER_STATE_PENDING: return apply(NOTICE_EFFECT_CLOSE);
    case ORDER_STATE_PAID: return ignore(PAYMENT_REASON_PAID);
    case ORDER_STATE_CLOSED: return ignore(PAYMENT_REASON_CLOSED);
    case ORDER_STATE_REFUNDED: return ignore(PAYMENT_REASON_REFUNDED);
    case ORDER_STATE_VOIDED: return ignore(PAYMENT_REASON_VOIDED);
    case ORDER_STATE_QUARANTINED:
    case ORDER_STATE_COUNT: break;
    }
    UNREACHABLE();
}

/* --- refunded --- */

/* Whole, or a human must see to it: a part of the money is no state of an order. */
static struct notice_verdict judge_refund(const struct notice_case *which)
{
    const struct notice *notice = which->notice;
    const struct payment_row *payment = which->payment;

    if (which->is_refunded) { /* the key of its transaction says so once more */
        return verdict(PAYMENT_APPLIED, PAYMENT_REASON_REFUNDED, NOTICE_EFFECT_NONE);
    }
    if (payment == NULL) {
        return quarantine(PAYMENT_REASON_NO_PAYMENT);
    }
    if (strcmp(notice->currency, payment->notice.currency) != 0) {
        return quarantine(PAYMENT_REASON_CURRENCY);
    }
    if (notice->amount != payment->notice.amount) {
        return quarantine(PAYMENT_REASON_AMOUNT);
    }
    if (payment->state != PAYMENT_APPLIED) {
        return apply(NOTICE_EFFECT_REFUND_PAYMENT);
    }
    if (which->order != NULL && which->order->state == ORDER_STATE_PAID) {
        return apply(NOTICE_EFFECT_REFUND_ORDER);
    }
    return verdict(PAYMENT_APPLIED, PAYMENT_REASON_REFUNDED, NOTICE_EFFECT_NONE);
}

/* What is QUARANTINED is no measure of anything until somebody has decided about it. */
static struct notice_verdict judge_with_row(const struct notice_case *which)
{
    if (which->order->state == ORDER_STATE_QUARANTINED) {
        return park();
    }
    if (which->notice->kind == NOTICE_KIND_PAID) {
        return judge_paid(which->notice, which->order);
    }
    if (which->notice->kind == NOTICE_KIND_CANCEL) {
        return judge_cancel(which->notice, which->order);
    }
    ASSERT(which->notice->kind == NOTICE_KIND_REFUNDED);
    return judge_refund(which);
}

static struct notice_verdict judge_without_row(const struct notice_case *which)
{
    if (which->is_unknown_sale) {
        return quarantine(PAYMENT_REASON_ORDER);
    }
    if (!which->is_cut) {
        return park();
    }
    if (which->notice->kind == NOTICE_KIND_PAID) {
        return refund_due(PAYMENT_REASON_EPOCH);
    }
    if (which->notice->kind == NOTICE_KIND_CANCEL) {
        return ignore(PAYMENT_REASON_EPOCH);
    }
    return judge_refund(which);
}

struct notice_verdict notice_rule_judge(const struct notice_case *which)
{
    struct notice_verdict plain;

    if (notice_rule_is_plain(which->notice, &plain)) {
        return plain;
    }
    if (which->is_behind) {
        return park();
    }
    return which->order != NULL ? judge_with_row(which) : judge_without_row(which);
}

/* --- which payment --- */

void notice_rule_match(struct notice_match *match, const struct notice *notice,
                       const struct payment_row *row)
{
    const bool is_open = row->state == PAYMENT_APPLIED || row->state == PAYMENT_REFUND_DUE;

    if (row->state == PAYMENT_APPLIED && notice_rule_is_of_one(notice, &row->notice)
        && notice_rule_is_same(notice, &row->notice)) {
        match->is_refunded = true;
    }
    if (row->notice.kind != NOTICE_KIND_PAID || !row->notice.has_amount
        || strcmp(row->notice.provider, notice->provider) != 0) {
        return;
    }
    if (notice->transaction_id[0] == '\0'
        || strcmp(row->notice.transaction_id, notice->transaction_id) != 0) {
        match->other = is_open ? *row : match->other;
        match->other_count += is_open;
        return;
    }
    match->is_known = true;
    if (is_open || (row->state == PAYMENT_QUARANTINED && !match->has_exact)) {
        match->exact = *row;
        match->has_exact = true;
    }
}

const struct payment_row *notice_rule_matched(const struct notice_match *match)
{
    if (match->has_exact) {
        return &match->exact;
    }
    return !match->is_known && match->other_count == 1 ? &match->other : NULL;
}

bool notice_rule_is_of_one(const struct notice *a, const struct notice *b)
{
    return a->transaction_id[0] != '\0' && a->kind == b->kind
           && strcmp(a->transaction_id, b->transaction_id) == 0
           && strcmp(a->provider, b->provider) == 0;
}

bool notice_rule_is_same(const struct notice *a, const struct notice *b)
{
    return a->kind == b->kind && a->order_no.value == b->order_no.value
           && a->has_amount == b->has_amount && a->amount == b->amount
           && strcmp(a->currency, b->currency) == 0 && buyer_equal(&a->buyer, &b->buyer);
}
