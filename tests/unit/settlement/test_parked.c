#include <criterion/criterion.h>

#include "common/metrics.h"
#include "settlement/notice_apply.h"
#include "settlement/parked.h"
#include "settlement/settle.h"
#include "support/fakes/fake_payments.h"
#include "support/notices.h"

static struct order_no number(uint32_t seq)
{
    return (struct order_no){((uint64_t)7 << 40) | ((uint64_t)1 << 26) | seq};
}

static void park(struct mysql_link *link, uint32_t seq)
{
    const struct notice_place place = {.topic = "notices", .part = 0, .offset = seq};
    struct notice_applied applied;
    char event[16];

    snprintf(event, sizeof event, "e%u", seq);
    const struct notice notice = notice_of(NOTICE_KIND_PAID, number(seq), event, event);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(notice_apply_in(link, &notice, &place, &applied) == ERR_OK);
    cr_assert(applied.result == NOTICE_PARKED);
    cr_assert(mysql_link_commit(link) == ERR_OK);
}

Test(parked, mysql_that_is_away_ends_the_sweep)
{
    struct mysql_link *link = fake_payments_create();
    struct settle_turn turn = {.goes_on = NULL};
    struct parked_stats stats;

    fake_payments_fail(link, FAKE_PAYMENTS_SEARCH, ERR_UNAVAILABLE, 1);
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_UNAVAILABLE && stats.orders == 0);
    for (uint32_t seq = 1; seq <= 2; seq++) {
        park(link, seq);
        fake_payments_add(link, number(seq));
    }
    fake_payments_fail(link, FAKE_PAYMENTS_EVENT, ERR_LOST, 1);
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_LOST);
    cr_assert(stats.orders == 1 && stats.failed == 1 && stats.joined == 0);
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
    cr_assert(fake_payments_order(link, number(2))->state == ORDER_STATE_PAID, "behind the failed");
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
    cr_assert(fake_payments_order(link, number(1))->state == ORDER_STATE_PAID);
    fake_payments_destroy(link);
}

Test(parked, an_order_that_cannot_be_joined_keeps_no_other_one_back)
{
    struct mysql_link *link = fake_payments_create();
    struct settle_turn turn = {.goes_on = NULL};
    struct parked_stats stats;

    for (uint32_t seq = 1; seq <= 3; seq++) {
        park(link, seq);
        fake_payments_add(link, number(seq));
    }
    fake_payments_fail(link, FAKE_PAYMENTS_EVENT, ERR_RANGE, 1);
    cr_assert(parked_sweep(link, 1, &turn, NULL, &stats) == ERR_OK, "one, and that one fails");
    cr_assert(stats.failed == 1 && stats.joined == 0 && stats.is_more);
    cr_assert(parked_sweep(link, 1, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
    cr_assert(fake_payments_order(link, number(1))->state == ORDER_STATE_PENDING);
    cr_assert(fake_payments_order(link, number(2))->state == ORDER_STATE_PAID);
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
    cr_assert(!stats.is_more && turn.after.value == 0, "then it begins anew");
    cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
    fake_payments_destroy(link);
}

static bool is_over(void *arg)
{
    (void)arg;
    return false;
}

Test(parked, a_round_whose_time_is_over_is_gone_on_with_in_the_next)
{
    struct mysql_link *link = fake_payments_create();
    struct settle_turn turn = {.goes_on = is_over};
    struct parked_stats stats;

    for (uint32_t seq = 1; seq <= 3; seq++) {
        park(link, seq);
        fake_payments_add(link, number(seq));
    }
    for (uint32_t seq = 1; seq <= 3; seq++) { /* one each: there is no round without any */
        cr_assert(parked_sweep(link, 10, &turn, NULL, &stats) == ERR_OK && stats.joined == 1);
        cr_assert(fake_payments_order(link, number(seq))->state == ORDER_STATE_PAID);
        cr_assert(stats.is_more == (seq < 3));
    }
    fake_payments_destroy(link);
}

Test(parked, what_waits_is_shown)
{
    struct mysql_link *link = fake_payments_create();
    struct metrics *metrics = metrics_create();
    struct metrics_shard *shard = metrics_shard(metrics);
    struct settle_turn turn = {.goes_on = NULL};
    struct parked_stats stats;

    park(link, 1);
    park(link, 2);
    fake_payments_add(link, number(2));
    cr_assert(parked_sweep(link, 10, &turn, shard, &stats) == ERR_OK);
    cr_assert(stats.orders == 1 && stats.joined == 1 && stats.failed == 0);
    cr_assert(metrics_value(metrics, METRIC_payments_parked, 0) == 1);
    cr_assert(metrics_value(metrics, METRIC_payments_parked_oldest_seconds, 0) == 1500);
    cr_assert(metrics_value(metrics, METRIC_notices_settled_total, LABEL_NOTICE_APPLIED) == 1);
    metrics_destroy(metrics);
    fake_payments_destroy(link);
}
