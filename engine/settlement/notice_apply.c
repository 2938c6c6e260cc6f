#include "settlement/notice_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/mysql_link.h"
#include "ledger/order_life.h"
#include "ledger/order_settle.h"
#include "settlement/notice_rule.h"

/* notice_apply_in():
 *
 *   of a plain kind, or unreadable     nothing is looked for
 *   look()                             the order's row, locked (a cancel: its sku's row before it);
 *                                      without one: the sale's epoch, then the row once more
 *   notice_rule_judge()                what it does
 *   put()                              its own row first: a key of payments has the last word on
 *                                      whether it counts
 *   effect()                           the order's move, or another payment's
 *
 * Who comes twice at once waits for the order's row, and then finds the event's key taken. */

static const char *const result_names[NOTICE_RESULT_COUNT] = {
#define X(name, text) [NOTICE_##name] = text,
    NOTICE_RESULTS(X)
#undef X
};

const char *notice_result_name(enum notice_result result)
{
    ASSERT((unsigned)result < NOTICE_RESULT_COUNT);
    return result_names[result];
}

/* What is known of a notice's order. */
struct sight {
    bool has_row;
    struct order_held held;
    bool is_unknown_sale, is_cut;
};

static enum order_units units_for(bool may_close)
{
    return may_close ? ORDER_UNITS_OF_PENDING : ORDER_UNITS_NEVER;
}

/* The epoch first, then the row: whoever sees a newer epoch sees every row of the older one that
 * counts, and one that was just committed is not taken for missing. */
static enum err look_again(struct mysql_link *link, struct order_no order_no,
                           enum order_units units, struct sight *sight)
{
    uint32_t epoch = 0;
    enum err err = order_life_epoch(link, order_no_sale(order_no), &epoch);

    if (err == ERR_NOT_FOUND) {
        sight->is_unknown_sale = true;
        return ERR_OK;
    }
    err = err == ERR_OK ? order_life_lock_in(link, order_no, units, &sight->held) : err;
    if (err == ERR_NOT_FOUND) {
        sight->is_cut = epoch > order_no_epoch(order_no);
        return ERR_OK;
    }
    sight->has_row = err == ERR_OK;
    return err;
}

static enum err look(struct mysql_link *link, struct order_no order_no, enum order_units units,
                     struct sight *sight)
{
    *sight = (struct sight){.has_row = false};
    enum err err = order_life_lock_in(link, order_no, units, &sight->held);
    if (err == ERR_NOT_FOUND) {
        return look_again(link, order_no, units, sight);
    }
    sight->has_row = err == ERR_OK;
    return err;
}

/* --- what it does --- */

struct matching {
    const struct notice *notice;
    struct notice_match match;
};

static enum err on_payment(void *arg, const struct payment_row *row)
{
    struct matching *matching = arg;

    notice_rule_match(&matching->match, matching->notice, row);
    return ERR_OK;
}

struct decision {
    struct notice_verdict verdict;
    uint64_t payment_id;              /* REFUND_PAYMENT: which, */
    enum payment_state payment_state; /* and its state until now */
    enum payment_reason payment_reason;
};

static enum err judge(struct mysql_link *link, const struct notice *notice,
                      const struct sight *sight, bool is_behind, struct decision *ret_decision)
{
    struct matching matching = {.notice = notice};
    struct notice_case which = {
        .notice = notice,
        .order = sight->has_row ? &sight->held.row : NULL,
        .is_unknown_sale = sight->is_unknown_sale,
        .is_cut = sight->is_cut,
        .is_behind = is_behind,
    };
    enum err err = ERR_OK;

    if (notice->kind == NOTICE_KIND_REFUNDED && !is_behind) {
        err = payment_store_lock_of_in(link, notice->order_no, on_payment, &matching);
        which.payment = notice_rule_matched(&matching.match);
        which.is_refunded = matching.match.is_refunded;
    }
    if (err == ERR_OK) {
        *ret_decision = (struct decision){.verdict = notice_rule_judge(&which)};
    }
    if (err == ERR_OK && which.payment != NULL) {
        ret_decision->payment_id = which.payment->id;
        ret_decision->payment_state = which.payment->state;
        ret_decision->payment_reason = which.payment->reason;
    }
    return err;
}

/* --- its effect --- */

/* Of an order without a row, `notice`'s own row is among those that are counted; two that come at
 * once count one after the other. Its row may come after that, VOIDED, and goes on from there. */
static enum err refund_due(struct mysql_link *link, struct sight *sight,
                           const struct notice *notice)
{
    const bool is_late = sight->has_row && sight->held.row.reason == ORDER_REASON_EPOCH;
    uint32_t count = 0;
    enum err err = ERR_OK;

    if (!sight->has_row) {
        err = order_life_lock_sale_in(link, order_no_sale(notice->order_no));
    }
    if (err == ERR_OK && (!sight->has_row || is_late)) {
        err = payment_store_due_count(link, notice->order_no, &count);
    }
    if (err != ERR_OK) {
        return err;
    }
    return sight->has_row ? order_life_refund_due_in(link, &sight->held, notice, count)
                          : order_life_refund_due_alone_in(link, notice, count);
}

static enum err effect(struct mysql_link *link, struct sight *sight, const struct notice *notice,
                       const struct decision *decision)
{
    enum err err = ERR_OK;

    switch (decision->verdict.effect) {
    case NOTICE_EFFECT_NONE: return ERR_OK;
    case NOTICE_EFFECT_PAY: return order_life_pay_in(link, &sight->held);
    case NOTICE_EFFECT_CLOSE: return order_life_close_in(link, &sight->held, ORDER_REASON_CANCEL);
    case NOTICE_EFFECT_REFUND_DUE: return refund_due(link, sight, notice);
    case NOTICE_EFFECT_REFUND_ORDER:
        return order_life_refund_in(link, &sight->held, ORDER_REASON_PROVIDER);
    case NOTICE_EFFECT_REFUND_PAYMENT:
        err = payment_store_move_in(link, decision->payment_id, decision->payment_state,
                                    PAYMENT_REFUNDED, decision->payment_reason);
        return err == ERR_NOT_FOUND ? ERR_BUSY : err;
    }
    UNREACHABLE();
}

/* --- its row --- */

static enum notice_result result_of(enum payment_state state)
{
    switch (state) {
    case PAYMENT_PARKED: return NOTICE_PARKED;
    case PAYMENT_APPLIED: return NOTICE_APPLIED;
    case PAYMENT_IGNORED: return NOTICE_IGNORED;
    case PAYMENT_REFUND_DUE: return NOTICE_REFUND_DUE;
    case PAYMENT_QUARANTINED: return NOTICE_QUARANTINED;
    case PAYMENT_REFUNDED: /* becomes so later, never at first */
    case PAYMENT_STATE_COUNT: break;
    }
    UNREACHABLE();
}

static struct notice_applied applied_of(const struct payment_row *row)
{
    struct notice_applied applied = {.result = result_of(row->state),
                                     .reason = row->reason,
                                     .kind = row->notice.kind,
                                     .order_no = row->notice.order_no,
                                     .part = row->part,
                                     .offset = row->offset};

    memcpy(applied.provider, row->notice.provider, sizeof applied.provider);
    return applied;
}

/* Whether a key has found it to be known. */
struct known {
    bool is_repeated;
    bool differs; /* as in notice_applied */
};

/* A key has refused `row`: which, is told by reading back (M5). What it says of its event or its
 * transaction may be something else than what is known: a human must see to that. */
static enum err refused(struct mysql_link *link, struct payment_row *row, struct known *known)
{
    const struct notice *notice = &row->notice;
    struct payment_row other;

    enum err err = payment_store_by_event(link, notice->provider, notice->event_id, &other);
    if (err == ERR_OK) {
        known->is_repeated = true;
        known->differs = !notice_rule_is_same(notice, &other.notice)
                         || strcmp(notice->transaction_id, other.notice.transaction_id) != 0;
    } else if (err == ERR_NOT_FOUND) {
        err = payment_store_by_claim(link, notice->provider, notice->transaction_id, notice->kind,
                                     &other);
        known->is_repeated = err == ERR_OK && notice_rule_is_same(notice, &other.notice);
    }
    if (err != ERR_OK || known->is_repeated) {
        return err == ERR_NOT_FOUND ? ERR_BUSY : err; /* who was in the way is gone: again */
    }
    row->state = PAYMENT_QUARANTINED;
    row->reason = PAYMENT_REASON_TRANSACTION;
    err = payment_store_put_in(link, row);
    return err == ERR_CONFLICT ? ERR_BUSY : err;
}

static enum err put(struct mysql_link *link, struct payment_row *row, struct known *ret_known)
{
    const enum err err = payment_store_put_in(link, row);

    *ret_known = (struct known){.is_repeated = false};
    return err == ERR_CONFLICT ? refused(link, row, ret_known) : err;
}

/* --- one notice --- */

static void fill_row(struct payment_row *row, const struct notice *notice,
                     const struct notice_place *place)
{
    *row = (struct payment_row){.notice = *notice, .part = place->part, .offset = place->offset};
    ASSERT(strlen(place->topic) < sizeof row->topic);
    snprintf(row->topic, sizeof row->topic, "%s", place->topic);
}

/* Everything about a notice that is not plain; `row` and `decision` are ready to be written. */
static enum err decide(struct mysql_link *link, const struct notice *notice, struct sight *sight,
                       struct decision *decision)
{
    struct payment_parked parked = {.count = 0};
    enum err err =
        look(link, notice->order_no, units_for(notice->kind == NOTICE_KIND_CANCEL), sight);

    err = err == ERR_OK ? payment_store_parked_of(link, notice->order_no, &parked) : err;
    return err == ERR_OK ? judge(link, notice, sight, parked.count > 0, decision) : err;
}

enum err notice_apply_in(struct mysql_link *link, const struct notice *notice,
                         const struct notice_place *place, struct notice_applied *ret_applied)
{
    struct sight sight = {.has_row = false};
    struct decision decision = {.payment_id = 0};
    struct payment_row row;
    struct known known = {.is_repeated = false};
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    fill_row(&row, notice, place);
    if (!notice_rule_is_plain(notice, &decision.verdict)) {
        err = decide(link, notice, &sight, &decision);
    }
    row.state = decision.verdict.state;
    row.reason = decision.verdict.reason;
    err = err == ERR_OK ? put(link, &row, &known) : err;
    /* Set aside by a key: no effect then. */
    const bool has_effect = !known.is_repeated && row.state == decision.verdict.state;
    if (err == ERR_OK && has_effect) {
        err = effect(link, &sight, notice, &decision);
    }
    if (err == ERR_OK) {
        *ret_applied = applied_of(&row);
        ret_applied->result = known.is_repeated ? NOTICE_REPEATED : ret_applied->result;
        ret_applied->differs = known.differs;
    }
    return err;
}

/* --- those that were parked --- */

struct parked_job {
    struct payment_row *rows; /* owned */
    uint32_t count;
};

/* It was set aside because one of `rows` claimed its transaction. */
static bool is_behind_one(const struct payment_row *row, const struct payment_row *rows,
                          uint32_t count)
{
    bool is_so = false;

    for (uint32_t i = 0; i < count; i++) {
        is_so |= notice_rule_is_of_one(&rows[i].notice, &row->notice);
    }
    return is_so && row->state == PAYMENT_QUARANTINED && row->reason == PAYMENT_REASON_TRANSACTION;
}

static enum err keep_parked(void *arg, const struct payment_row *row)
{
    struct parked_job *job = arg;
    const bool is_one = row->state == PAYMENT_PARKED || is_behind_one(row, job->rows, job->count);

    if (is_one && job->count < NOTICE_JOIN_MAX) {
        job->rows[job->count++] = *row;
    }
    return ERR_OK;
}

/* Of one that was set aside: is nobody left who claims its transaction, and has no refund taken it
 * meanwhile? */
static enum err is_free(struct mysql_link *link, const struct payment_row *row, bool *ret_free)
{
    const struct notice *notice = &row->notice;
    struct payment_row now, other;
    enum err err = payment_store_by_event(link, notice->provider, notice->event_id, &now);

    *ret_free = err == ERR_OK && now.state == PAYMENT_QUARANTINED;
    if (*ret_free) {
        err = payment_store_by_claim(link, notice->provider, notice->transaction_id, notice->kind,
                                     &other);
        *ret_free = err == ERR_NOT_FOUND;
        err = *ret_free ? ERR_OK : err;
    }
    return err;
}

/* One that stays PARKED ends the order's turn: what came after it waits behind it. */
static enum err join_one(struct mysql_link *link, struct sight *sight,
                         const struct payment_row *row, struct notice_joined *joined,
                         bool *ret_stays)
{
    struct payment_row after = *row;
    struct decision decision;
    bool can = true;
    enum err err = ERR_OK;

    *ret_stays = false;
    if (row->state == PAYMENT_QUARANTINED) {
        err = is_free(link, row, &can);
    }
    if (err != ERR_OK || !can) {
        return err;
    }
    *ret_stays = row->notice.kind == NOTICE_KIND_CANCEL && sight->has_row
                 && sight->held.row.state == ORDER_STATE_PENDING
                 && !sight->held.has_units; /* came since we looked: next time */
    if (*ret_stays) {
        return ERR_OK;
    }
    err = judge(link, &row->notice, sight, false, &decision);
    *ret_stays = err == ERR_OK && decision.verdict.state == PAYMENT_PARKED;
    if (err != ERR_OK || *ret_stays) {
        return err;
    }
    after.state = decision.verdict.state;
    after.reason = decision.verdict.reason;
    if (after.state == row->state) { /* set aside for another reason: it was told of */
        return ERR_OK;
    }
    err = payment_store_move_in(link, row->id, row->state, after.state, after.reason);
    err = err == ERR_NOT_FOUND ? ERR_BUSY : err;
    err = err == ERR_OK ? effect(link, sight, &row->notice, &decision) : err;
    if (err == ERR_OK) {
        joined->applied[joined->count++] = applied_of(&after);
    }
    return err;
}

enum err notice_apply_parked_in(struct mysql_link *link, struct order_no order_no,
                                struct notice_joined *ret_joined)
{
    struct parked_job job = {.rows = malloc(sizeof *job.rows * NOTICE_JOIN_MAX)};
    struct payment_parked parked;
    struct sight sight;
    bool stays = false;

    if (job.rows == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(mysql_link_in_transaction(link));
    ret_joined->count = 0;
    enum err err = payment_store_parked_of(link, order_no, &parked);
    err = err == ERR_OK ? look(link, order_no, units_for(parked.has_cancel), &sight) : err;
    err = err == ERR_OK ? payment_store_lock_of_in(link, order_no, keep_parked, &job) : err;
    for (uint32_t i = 0; i < job.count && err == ERR_OK && !stays; i++) {
        err = join_one(link, &sight, &job.rows[i], ret_joined, &stays);
    }
    free(job.rows);
    return err;
}

/* --- many at once --- */

static int compare_numbers(const void *a, const void *b)
{
    const struct order_no *left = a, *right = b;

    return left->value < right->value ? -1 : left->value > right->value;
}

static_assert((int)NOTICE_LOCK_MAX == (int)ORDER_LOCK_MAX, "what is locked for a batch is a batch");

enum err notice_apply_lock_in(struct mysql_link *link, const struct notice *const *notices,
                              size_t count)
{
    struct order_no numbers[NOTICE_LOCK_MAX], cancels[NOTICE_LOCK_MAX];
    size_t number_count = 0, cancel_count = 0;

    ASSERT(count <= NOTICE_LOCK_MAX);
    for (size_t i = 0; i < count; i++) {
        struct notice_verdict plain;
        if (notice_rule_is_plain(notices[i], &plain)) {
            continue;
        }
        numbers[number_count++] = notices[i]->order_no;
        if (notices[i]->kind == NOTICE_KIND_CANCEL) {
            cancels[cancel_count++] = notices[i]->order_no;
        }
    }
    qsort(numbers, number_count, sizeof numbers[0], compare_numbers);
    qsort(cancels, cancel_count, sizeof cancels[0], compare_numbers);
    const struct order_locks locks = {.order_nos = numbers,
                                      .count = number_count,
                                      .cancels = cancels,
                                      .cancel_count = cancel_count};
    return order_life_lock_many_in(link, &locks);
}
