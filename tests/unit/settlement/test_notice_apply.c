#include <criterion/criterion.h>

#include "common/metrics.h"
#include "settlement/notice_apply.h"
#include "settlement/notice_tell.h"
#include "support/fakes/fake_payments.h"
#include "support/notices.h"

static const struct order_no order_no = {((uint64_t)7 << 40) | ((uint64_t)1 << 26) | 1};
static const struct notice_place place = {.topic = "notices", .part = 2, .offset = 9};

static enum err try_apply(struct mysql_link *link, const struct notice *notice,
                          struct notice_applied *applied)
{
    cr_assert(mysql_link_begin(link) == ERR_OK);
    const enum err err = notice_apply_in(link, notice, &place, applied);
    if (err != ERR_OK) {
        mysql_link_rollback(link);
        return err;
    }
    return mysql_link_commit(link);
}

static enum notice_result apply(struct mysql_link *link, const struct notice *notice)
{
    struct notice_applied applied;

    cr_assert(try_apply(link, notice, &applied) == ERR_OK);
    cr_assert(applied.part == 2 && applied.offset == 9);
    return applied.result;
}

static uint32_t join(struct mysql_link *link, struct notice_joined *joined)
{
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(notice_apply_parked_in(link, order_no, joined) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    return joined->count;
}

Test(notice_apply, an_error_leaves_nothing)
{
    static const struct {
        enum fake_payments_call call;
        enum err err;
    } faults[] = {{FAKE_PAYMENTS_LOCK, ERR_BUSY},
                  {FAKE_PAYMENTS_PUT, ERR_LOST},
                  {FAKE_PAYMENTS_EVENT, ERR_UNAVAILABLE}};
    const struct notice notice = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct mysql_link *link = fake_payments_create();
        struct notice_applied applied;
        fake_payments_add(link, order_no);
        fake_payments_fail(link, faults[i].call, faults[i].err, 1);
        cr_assert(try_apply(link, &notice, &applied) == faults[i].err);
        cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_PENDING);
        cr_assert(link->books.payment_count == 0 && link->books.event_count == 0);
        cr_assert(apply(link, &notice) == NOTICE_APPLIED);
        fake_payments_destroy(link);
    }
}

Test(notice_apply, an_event_that_is_known_has_no_second_effect)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice notice = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice again = notice_of(NOTICE_KIND_PAID, order_no, "e2", "t1");

    fake_payments_add(link, order_no);
    cr_assert(apply(link, &notice) == NOTICE_APPLIED);
    cr_assert(apply(link, &notice) == NOTICE_REPEATED);
    cr_assert(apply(link, &again) == NOTICE_REPEATED, "the transaction under another event");
    cr_assert(link->books.payment_count == 1 && link->books.event_count == 1);
    cr_assert(fake_payments_order(link, order_no)->version == 2);
    fake_payments_destroy(link);
}

Test(notice_apply, a_second_transaction_is_given_back)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice first = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice second = notice_of(NOTICE_KIND_PAID, order_no, "e2", "t2");

    fake_payments_add(link, order_no);
    cr_assert(apply(link, &first) == NOTICE_APPLIED);
    cr_assert(apply(link, &second) == NOTICE_REFUND_DUE);
    cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_PAID);
    cr_assert_str_eq(link->books.events[1].verb, "order.refund_due");
    cr_assert(link->books.events[1].version == 3, "the shop drops what is not newer");
    fake_payments_destroy(link);
}

Test(notice_apply, a_transaction_that_says_two_things_is_set_aside)
{
    struct mysql_link *link = fake_payments_create();
    const struct order_no other = {order_no.value + 1};
    const struct notice notice = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice wrong = notice_of(NOTICE_KIND_PAID, other, "e2", "t1");
    struct notice_applied applied;

    fake_payments_add(link, order_no);
    fake_payments_add(link, other);
    cr_assert(apply(link, &notice) == NOTICE_APPLIED);
    cr_assert(try_apply(link, &wrong, &applied) == ERR_OK);
    cr_assert(applied.result == NOTICE_QUARANTINED);
    cr_assert(applied.reason == PAYMENT_REASON_TRANSACTION);
    cr_assert(fake_payments_order(link, other)->state == ORDER_STATE_PENDING);
    fake_payments_destroy(link);
}

Test(notice_apply, an_event_that_says_something_else_is_told_and_has_no_effect)
{
    struct mysql_link *link = fake_payments_create();
    struct metrics *metrics = metrics_create();
    struct metrics_shard *shard = metrics_shard(metrics);
    const struct order_no other = {order_no.value + 1};
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice others[] = {notice_of(NOTICE_KIND_PAID, other, "e1", "t1"),
                                    notice_of(NOTICE_KIND_PAID, order_no, "e1", "t2"),
                                    notice_of(NOTICE_KIND_REFUNDED, order_no, "e1", "t1")};
    struct notice_applied applied;

    fake_payments_add(link, order_no);
    fake_payments_add(link, other);
    for (size_t i = 0; i < 2; i++) { /* the same, again, is nothing to be told */
        cr_assert(try_apply(link, &paid, &applied) == ERR_OK && !applied.differs);
        notice_applied_tell(&applied, shard);
    }
    for (size_t i = 0; i < 3; i++) {
        cr_assert(try_apply(link, &others[i], &applied) == ERR_OK);
        cr_assert(applied.result == NOTICE_REPEATED && applied.differs, "%zu", i);
        notice_applied_tell(&applied, shard);
    }
    cr_assert(link->books.payment_count == 1 && link->books.event_count == 1);
    cr_assert(fake_payments_order(link, other)->state == ORDER_STATE_PENDING);
    cr_assert(metrics_value(metrics, METRIC_payment_trouble_total, LABEL_PAYMENT_TROUBLE_EVENT)
              == 3);
    metrics_destroy(metrics);
    fake_payments_destroy(link);
}

Test(notice_apply, before_the_row_it_is_parked_and_joined_in_the_order_of_arrival)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice cancel = notice_cancel(order_no, "ann");
    struct notice_joined joined;

    cr_assert(apply(link, &paid) == NOTICE_PARKED);
    cr_assert(join(link, &joined) == 0);
    fake_payments_add(link, order_no);
    cr_assert(apply(link, &cancel) == NOTICE_PARKED, "it came later, and waits behind");
    cr_assert(join(link, &joined) == 2);
    cr_assert(joined.applied[0].result == NOTICE_APPLIED);
    cr_assert(joined.applied[1].result == NOTICE_IGNORED);
    cr_assert(joined.applied[1].reason == PAYMENT_REASON_PAID);
    cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_PAID);
    cr_assert(join(link, &joined) == 0);
    fake_payments_destroy(link);
}

Test(notice_apply, a_quarantined_order_keeps_its_notices_waiting)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    struct notice_joined joined;

    fake_payments_add(link, order_no)->state = ORDER_STATE_QUARANTINED;
    cr_assert(apply(link, &paid) == NOTICE_PARKED);
    cr_assert(join(link, &joined) == 0);
    fake_payments_order(link, order_no)->state = ORDER_STATE_VOIDED;
    cr_assert(join(link, &joined) == 1 && joined.applied[0].result == NOTICE_REFUND_DUE);
    fake_payments_destroy(link);
}

static void commit_row_and_cut(struct mysql_link *link)
{
    fake_payments_add(link, order_no);
    link->epoch = 2;
}

/* The row was committed after it was looked for, and the sale cut after that: it is no payment of
 * an order that will not come. */
Test(notice_apply, a_row_that_came_while_it_was_looked_for_is_seen)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");

    link->meanwhile = commit_row_and_cut;
    cr_assert(apply(link, &paid) == NOTICE_APPLIED);
    cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_PAID);
    fake_payments_destroy(link);
}

Test(notice_apply, what_was_paid_for_a_cut_history_is_given_back_each_with_its_version)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice first = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice second = notice_of(NOTICE_KIND_PAID, order_no, "e2", "t2");
    struct notice_joined joined;

    cr_assert(apply(link, &first) == NOTICE_PARKED);
    link->epoch = 2;
    cr_assert(join(link, &joined) == 1 && joined.applied[0].result == NOTICE_REFUND_DUE);
    cr_assert(apply(link, &second) == NOTICE_REFUND_DUE);
    cr_assert(link->books.events[0].version == 1 && link->books.events[1].version == 2);
    fake_payments_destroy(link);
}

Test(notice_apply, a_refund_marks_the_payment_that_was_due)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice back = notice_of(NOTICE_KIND_REFUNDED, order_no, "e2", "t1");

    fake_payments_add(link, order_no)->state = ORDER_STATE_CLOSED;
    cr_assert(apply(link, &paid) == NOTICE_REFUND_DUE);
    cr_assert(apply(link, &back) == NOTICE_APPLIED);
    cr_assert(link->books.payments[0].state == PAYMENT_REFUNDED);
    cr_assert(link->books.payments[0].reason == PAYMENT_REASON_CLOSED);
    cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_CLOSED);
    fake_payments_destroy(link);
}

Test(notice_apply, a_refund_under_another_event_is_a_repetition)
{
    static const enum order_state states[] = {ORDER_STATE_PENDING, ORDER_STATE_CLOSED};
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    const struct notice back = notice_of(NOTICE_KIND_REFUNDED, order_no, "e2", "t1");
    const struct notice again = notice_of(NOTICE_KIND_REFUNDED, order_no, "e3", "t1");

    for (size_t i = 0; i < 2; i++) { /* of what paid its order, of what was due */
        struct mysql_link *link = fake_payments_create();
        fake_payments_add(link, order_no)->state = states[i];
        (void)apply(link, &paid);
        cr_assert(apply(link, &back) == NOTICE_APPLIED);
        cr_assert(apply(link, &again) == NOTICE_REPEATED, "%zu", i);
        cr_assert(link->books.payment_count == 2);
        fake_payments_destroy(link);
    }
}

/* What waits claims its transaction; once it turns out to be nothing, what came behind it and said
 * something else is what counts. */
Test(notice_apply, what_waited_and_did_not_fit_gives_its_transaction_free)
{
    static const enum notice_kind kinds[] = {NOTICE_KIND_PAID, NOTICE_KIND_REFUNDED};
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e0", "t1");
    struct notice_joined joined;

    for (size_t i = 0; i < 2; i++) {
        struct mysql_link *link = fake_payments_create();
        struct notice part = notice_of(kinds[i], order_no, "e1", "t1");
        const struct notice whole = notice_of(kinds[i], order_no, "e2", "t1");
        part.amount = 40;
        if (kinds[i] == NOTICE_KIND_REFUNDED) {
            cr_assert(apply(link, &paid) == NOTICE_PARKED);
        }
        cr_assert(apply(link, &part) == NOTICE_PARKED);
        cr_assert(apply(link, &whole) == NOTICE_QUARANTINED, "which of them is it?");
        fake_payments_add(link, order_no);
        const uint32_t count = join(link, &joined);
        cr_assert(count == (i == 0 ? 2 : 3));
        cr_assert(joined.applied[count - 2].reason == PAYMENT_REASON_AMOUNT);
        cr_assert(joined.applied[count - 1].result == NOTICE_APPLIED);
        cr_assert(fake_payments_order(link, order_no)->state
                  == (i == 0 ? ORDER_STATE_PAID : ORDER_STATE_REFUNDED));
        fake_payments_destroy(link);
    }
}

Test(notice_apply, what_waited_and_counts_keeps_its_transaction)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    struct notice wrong = notice_of(NOTICE_KIND_PAID, order_no, "e2", "t1");
    struct notice_joined joined;

    wrong.amount = 40;
    cr_assert(apply(link, &paid) == NOTICE_PARKED);
    cr_assert(apply(link, &wrong) == NOTICE_QUARANTINED);
    fake_payments_add(link, order_no);
    cr_assert(join(link, &joined) == 1 && joined.applied[0].result == NOTICE_APPLIED);
    cr_assert(link->books.payments[1].state == PAYMENT_QUARANTINED);
    cr_assert(link->books.payments[1].reason == PAYMENT_REASON_TRANSACTION);
    fake_payments_destroy(link);
}

Test(notice_apply, a_whole_refund_counts_after_a_part_was_set_aside)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice paid = notice_of(NOTICE_KIND_PAID, order_no, "e1", "t1");
    struct notice back = notice_of(NOTICE_KIND_REFUNDED, order_no, "e2", "t1");

    fake_payments_add(link, order_no);
    cr_assert(apply(link, &paid) == NOTICE_APPLIED);
    back.amount = 40;
    cr_assert(apply(link, &back) == NOTICE_QUARANTINED);
    back = notice_of(NOTICE_KIND_REFUNDED, order_no, "e3", "t1");
    cr_assert(apply(link, &back) == NOTICE_APPLIED);
    cr_assert(fake_payments_order(link, order_no)->state == ORDER_STATE_REFUNDED);
    cr_assert(fake_payments_order(link, order_no)->reason == ORDER_REASON_PROVIDER);
    cr_assert(link->books.sold == 1, "its unit is kept");
    fake_payments_destroy(link);
}

Test(notice_apply, locks_are_asked_for_in_order)
{
    struct mysql_link *link = fake_payments_create();
    const struct notice notices[] = {
        notice_cancel((struct order_no){order_no.value + 2}, "ann"),
        notice_of(NOTICE_KIND_OTHER, (struct order_no){0}, "e", ""),
        notice_cancel((struct order_no){order_no.value + 1}, "ann"),
        notice_of(NOTICE_KIND_PAID, order_no, "e2", "t"),
    };
    const struct notice *const list[] = {&notices[0], &notices[1], &notices[2], &notices[3]};

    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(notice_apply_lock_in(link, list, 4) == ERR_OK, "the fake asserts the order");
    mysql_link_rollback(link);
    fake_payments_destroy(link);
}
