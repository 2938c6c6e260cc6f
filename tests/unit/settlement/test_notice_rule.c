#include <criterion/criterion.h>
#include <signal.h>

#include "settlement/notice_rule.h"
#include "support/notices.h"

static const struct order_no order_no = {((uint64_t)7 << 40) | ((uint64_t)3 << 26) | 1};

static struct order_row order_in(enum order_state state)
{
    return (struct order_row){.record = {.order_no = order_no,
                                         .buyer = {3, "ann"},
                                         .quantity = 2,
                                         .unit_price = 50,
                                         .currency = "CNY"},
                              .state = state,
                              .version = 1};
}

static void assert_verdict(struct notice_verdict verdict, enum payment_state state,
                           enum payment_reason reason, enum notice_effect effect)
{
    cr_assert(verdict.state == state && verdict.reason == reason && verdict.effect == effect,
              "%d %d %d", (int)verdict.state, (int)verdict.reason, (int)verdict.effect);
}

static struct notice_verdict judge(const struct notice *notice, enum order_state state)
{
    const struct order_row row = order_in(state);
    const struct notice_case which = {.notice = notice, .order = &row};

    return notice_rule_judge(&which);
}

/* --- what does not match --- */

Test(notice_rule, what_does_not_match_changes_nothing)
{
    struct notice notice = notice_of(NOTICE_KIND_PAID, order_no, "e", "t");

    for (int state = 0; state < ORDER_STATE_COUNT; state++) {
        if (state == ORDER_STATE_QUARANTINED) {
            continue; /* it waits for the decision */
        }
        notice.amount = 99;
        assert_verdict(judge(&notice, (enum order_state)state), PAYMENT_QUARANTINED,
                       PAYMENT_REASON_AMOUNT, NOTICE_EFFECT_NONE);
        notice.amount = 100;
        notice.currency[2] = 'Z';
        assert_verdict(judge(&notice, (enum order_state)state), PAYMENT_QUARANTINED,
                       PAYMENT_REASON_CURRENCY, NOTICE_EFFECT_NONE);
        notice.currency[2] = 'Y';
    }
    notice.has_amount = false;
    assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_QUARANTINED, PAYMENT_REASON_AMOUNT,
                   NOTICE_EFFECT_NONE);
    notice = notice_of(NOTICE_KIND_PAID, (struct order_no){0}, "e", "t");
    assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_QUARANTINED, PAYMENT_REASON_ORDER,
                   NOTICE_EFFECT_NONE);
    notice = notice_cancel(order_no, "bob");
    assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_QUARANTINED, PAYMENT_REASON_BUYER,
                   NOTICE_EFFECT_NONE);
}

/* It could be told neither from its repetition under another event id, nor from a second one. */
Test(notice_rule, money_without_a_transaction_changes_nothing)
{
    const enum notice_kind kinds[] = {NOTICE_KIND_PAID, NOTICE_KIND_REFUNDED};

    for (size_t i = 0; i < 2; i++) {
        const struct notice notice = notice_of(kinds[i], order_no, "e", "");
        for (int state = 0; state < ORDER_STATE_COUNT; state++) {
            assert_verdict(judge(&notice, (enum order_state)state), PAYMENT_QUARANTINED,
                           PAYMENT_REASON_NO_TRANSACTION, NOTICE_EFFECT_NONE);
        }
    }
}

Test(notice_rule, a_newer_version_is_never_judged)
{
    const enum notice_kind kinds[] = {NOTICE_KIND_PAID, NOTICE_KIND_REFUNDED, NOTICE_KIND_CANCEL};

    for (size_t i = 0; i < 3; i++) {
        struct notice notice = notice_of(kinds[i], order_no, "e", "t");
        cr_assert_not(notice_rule_is_newer(&notice));
        notice.version = 2;
        cr_assert(notice_rule_is_newer(&notice), "its dead letter holds its order");
    }
}

Test(notice_rule, a_kind_that_only_a_newer_engine_knows_is_never_judged)
{
    struct notice notice = notice_of(NOTICE_KIND_OTHER, order_no, "e", "t");

    notice.version = 2;
    notice.is_kind_unknown = true;
    cr_assert(notice_rule_is_newer(&notice), "it may be money");
    notice.order_no.value = 0;
    cr_assert_not(notice_rule_is_newer(&notice), "there is no order to hold");
}

Test(notice_rule, a_newer_version_without_order_or_effect_is_as_any)
{
    struct notice notice = notice_of(NOTICE_KIND_PAID, (struct order_no){0}, "e", "t");

    notice.version = 2;
    cr_assert_not(notice_rule_is_newer(&notice), "a letter of no order would stop every close");
    assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_QUARANTINED, PAYMENT_REASON_ORDER,
                   NOTICE_EFFECT_NONE);
    for (int i = 0; i < 2; i++) {
        notice = notice_of(i == 0 ? NOTICE_KIND_OTHER : NOTICE_KIND_FAILED, order_no, "e", "");
        notice.version = 2;
        cr_assert_not(notice_rule_is_newer(&notice), "it says itself that it is of no effect");
        assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_IGNORED, PAYMENT_REASON_NONE,
                       NOTICE_EFFECT_NONE);
    }
}

/* --- the table --- */

Test(notice_rule, money_counts_once_and_never_opens_an_ended_order)
{
    static const struct {
        enum order_state from;
        enum payment_state state;
        enum payment_reason reason;
        enum notice_effect effect;
    } cases[] = {
        {ORDER_STATE_PENDING, PAYMENT_APPLIED, PAYMENT_REASON_NONE, NOTICE_EFFECT_PAY},
        {ORDER_STATE_PAID, PAYMENT_REFUND_DUE, PAYMENT_REASON_SECOND, NOTICE_EFFECT_REFUND_DUE},
        {ORDER_STATE_CLOSED, PAYMENT_REFUND_DUE, PAYMENT_REASON_CLOSED, NOTICE_EFFECT_REFUND_DUE},
        {ORDER_STATE_REFUNDED, PAYMENT_REFUND_DUE, PAYMENT_REASON_REFUNDED,
         NOTICE_EFFECT_REFUND_DUE},
        {ORDER_STATE_VOIDED, PAYMENT_REFUND_DUE, PAYMENT_REASON_VOIDED, NOTICE_EFFECT_REFUND_DUE},
        {ORDER_STATE_QUARANTINED, PAYMENT_PARKED, PAYMENT_REASON_NONE, NOTICE_EFFECT_NONE},
    };
    const struct notice notice = notice_of(NOTICE_KIND_PAID, order_no, "e", "t");

    cr_assert(sizeof cases / sizeof cases[0] == ORDER_STATE_COUNT);
    for (size_t i = 0; i < ORDER_STATE_COUNT; i++) {
        assert_verdict(judge(&notice, cases[i].from), cases[i].state, cases[i].reason,
                       cases[i].effect);
    }
}

Test(notice_rule, a_cancel_closes_what_is_not_paid_alone)
{
    const struct notice notice = notice_cancel(order_no, "ann");

    assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_APPLIED, PAYMENT_REASON_NONE,
                   NOTICE_EFFECT_CLOSE);
    assert_verdict(judge(&notice, ORDER_STATE_PAID), PAYMENT_IGNORED, PAYMENT_REASON_PAID,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_CLOSED), PAYMENT_IGNORED, PAYMENT_REASON_CLOSED,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_REFUNDED), PAYMENT_IGNORED, PAYMENT_REASON_REFUNDED,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_VOIDED), PAYMENT_IGNORED, PAYMENT_REASON_VOIDED,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_QUARANTINED), PAYMENT_PARKED, PAYMENT_REASON_NONE,
                   NOTICE_EFFECT_NONE);
}

Test(notice_rule, failures_and_unknown_types_have_no_effect_whatever_they_lack)
{
    const enum notice_kind kinds[] = {NOTICE_KIND_FAILED, NOTICE_KIND_OTHER};

    for (size_t i = 0; i < 2; i++) {
        struct notice notice = notice_of(kinds[i], (struct order_no){0}, "e", "");
        notice.has_amount = false;
        assert_verdict(judge(&notice, ORDER_STATE_PENDING), PAYMENT_IGNORED, PAYMENT_REASON_NONE,
                       NOTICE_EFFECT_NONE);
    }
}

Test(notice_rule, without_a_row_it_waits_until_none_can_come)
{
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e", "t");
    const struct notice cancel = notice_cancel(order_no, "ann");
    struct notice_case which = {.notice = &paid};

    assert_verdict(notice_rule_judge(&which), PAYMENT_PARKED, PAYMENT_REASON_NONE,
                   NOTICE_EFFECT_NONE);
    which.is_cut = true;
    assert_verdict(notice_rule_judge(&which), PAYMENT_REFUND_DUE, PAYMENT_REASON_EPOCH,
                   NOTICE_EFFECT_REFUND_DUE);
    which.notice = &cancel;
    assert_verdict(notice_rule_judge(&which), PAYMENT_IGNORED, PAYMENT_REASON_EPOCH,
                   NOTICE_EFFECT_NONE);
    which = (struct notice_case){.notice = &paid, .is_unknown_sale = true};
    assert_verdict(notice_rule_judge(&which), PAYMENT_QUARANTINED, PAYMENT_REASON_ORDER,
                   NOTICE_EFFECT_NONE);
}

Test(notice_rule, it_waits_behind_what_came_before_it)
{
    const struct notice notice = notice_cancel(order_no, "ann");
    const struct order_row row = order_in(ORDER_STATE_PENDING);
    const struct notice_case which = {.notice = &notice, .order = &row, .is_behind = true};

    assert_verdict(notice_rule_judge(&which), PAYMENT_PARKED, PAYMENT_REASON_NONE,
                   NOTICE_EFFECT_NONE);
}

/* --- a provider's refund --- */

static struct notice_verdict judge_refund(uint64_t amount, enum payment_state payment,
                                          enum order_state state)
{
    const struct order_row row = order_in(state);
    const struct payment_row paid = {.notice = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t"),
                                     .state = payment};
    struct notice notice = notice_of(NOTICE_KIND_REFUNDED, order_no, "e2", "t");
    const struct notice_case which = {.notice = &notice, .order = &row, .payment = &paid};

    notice.amount = amount;
    return notice_rule_judge(&which);
}

Test(notice_rule, only_a_whole_refund_of_a_known_payment_counts)
{
    struct notice notice = notice_of(NOTICE_KIND_REFUNDED, order_no, "e2", "t");

    assert_verdict(judge_refund(40, PAYMENT_APPLIED, ORDER_STATE_PAID), PAYMENT_QUARANTINED,
                   PAYMENT_REASON_AMOUNT, NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_PAID), PAYMENT_QUARANTINED, PAYMENT_REASON_NO_PAYMENT,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge(&notice, ORDER_STATE_QUARANTINED), PAYMENT_PARKED, PAYMENT_REASON_NONE,
                   NOTICE_EFFECT_NONE);
    assert_verdict(judge_refund(100, PAYMENT_APPLIED, ORDER_STATE_PAID), PAYMENT_APPLIED,
                   PAYMENT_REASON_NONE, NOTICE_EFFECT_REFUND_ORDER);
    assert_verdict(judge_refund(100, PAYMENT_APPLIED, ORDER_STATE_REFUNDED), PAYMENT_APPLIED,
                   PAYMENT_REASON_REFUNDED, NOTICE_EFFECT_NONE);
    for (int state = 0; state < ORDER_STATE_COUNT; state++) {
        if (state != ORDER_STATE_QUARANTINED) {
            assert_verdict(judge_refund(100, PAYMENT_REFUND_DUE, (enum order_state)state),
                           PAYMENT_APPLIED, PAYMENT_REASON_NONE, NOTICE_EFFECT_REFUND_PAYMENT);
        }
    }
}

static struct payment_row payment(uint64_t id, const char *transaction, enum payment_state state)
{
    return (struct payment_row){.id = id,
                                .notice = notice_of(NOTICE_KIND_PAID, order_no, "e", transaction),
                                .state = state};
}

static uint64_t matched(const struct notice *notice, const struct payment_row *rows, size_t count)
{
    struct notice_match match = {.other_count = 0};

    for (size_t i = 0; i < count; i++) {
        notice_rule_match(&match, notice, &rows[i]);
    }
    const struct payment_row *row = notice_rule_matched(&match);
    return row != NULL ? row->id : 0;
}

Test(notice_rule, a_refund_is_of_the_payment_that_its_transaction_names)
{
    struct notice notice = notice_of(NOTICE_KIND_REFUNDED, order_no, "e", "b");
    const struct payment_row rows[] = {payment(1, "a", PAYMENT_APPLIED),
                                       payment(2, "b", PAYMENT_REFUND_DUE),
                                       payment(3, "c", PAYMENT_REFUNDED)};

    cr_assert(matched(&notice, rows, 3) == 2);
    notice.transaction_id[0] = 'c';
    cr_assert(matched(&notice, rows, 3) == 0, "it was returned before");
    notice.transaction_id[0] = 'x';
    cr_assert(matched(&notice, rows, 3) == 0, "it may be either");
    cr_assert(matched(&notice, rows, 1) == 1, "there is no other");
    notice.transaction_id[0] = '\0';
    cr_assert(matched(&notice, rows, 1) == 1);
    notice.provider[0] = 'x';
    cr_assert(matched(&notice, rows, 1) == 0, "it is another provider's");
}

Test(notice_rule, a_payment_that_was_set_aside_is_returned_by_its_name_alone)
{
    const struct notice notice = notice_of(NOTICE_KIND_REFUNDED, order_no, "e", "b");
    const struct payment_row aside[] = {payment(1, "b", PAYMENT_QUARANTINED),
                                        payment(2, "b", PAYMENT_REFUND_DUE)};
    const struct payment_row other = payment(3, "x", PAYMENT_QUARANTINED);

    cr_assert(matched(&notice, aside, 1) == 1);
    cr_assert(matched(&notice, aside, 2) == 2);
    cr_assert(matched(&notice, &other, 1) == 0);
}
