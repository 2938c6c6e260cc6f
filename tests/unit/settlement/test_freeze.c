#include <criterion/criterion.h>
#include <string.h>

#include "common/metrics.h"
#include "settlement/freeze.h"
#include "support/fakes/fake_ledger.h"

enum { SALE = 7 };

static const struct sale_id sale = {SALE};
static const struct freeze_cause cause = {FREEZE_PROMISE(I1), .by = "audit", .found = "6 of 5"};

static struct mysql_link *set_up(void)
{
    struct mysql_link *link = fake_ledger_create();

    fake_ledger_add_sale(link, SALE, 1, 5);
    return link;
}

Test(freeze, it_stops_the_sale_with_actor_promise_and_cause)
{
    struct mysql_link *link = set_up();
    struct metrics *metrics = metrics_create();
    struct metrics_shard *shard = metrics_shard(metrics);
    enum freeze_result result = FREEZE_NOTHING;

    cr_assert(freeze_sale(link, sale, &cause, shard, &result) == ERR_OK);
    cr_assert(result == FREEZE_DONE && link->data.frozen[0]);
    cr_assert_str_eq(link->data.why[0], "audit I1: 6 of 5");
    cr_assert(metrics_value(metrics, METRIC_invariant_violations_total, LABEL_INVARIANT_I1) == 1);
    cr_assert(freeze_sale(link, sale, &cause, shard, &result) == ERR_OK);
    cr_assert(result == FREEZE_ALREADY);
    metrics_destroy(metrics);
    fake_ledger_destroy(link);
}

Test(freeze, where_nothing_is_sold_the_alarm_is_given_all_the_same)
{
    struct mysql_link *link = set_up();
    struct metrics *metrics = metrics_create();
    struct metrics_shard *shard = metrics_shard(metrics);
    enum freeze_result result = FREEZE_DONE;

    link->data.ended[0] = true;
    cr_assert(freeze_sale(link, sale, &cause, shard, &result) == ERR_OK);
    cr_assert(result == FREEZE_NOTHING && !link->data.frozen[0]);
    cr_assert(freeze_sale(link, (struct sale_id){SALE + 1}, &cause, shard, NULL) == ERR_OK);
    cr_assert(metrics_value(metrics, METRIC_invariant_violations_total, LABEL_INVARIANT_I1) == 2);
    metrics_destroy(metrics);
    fake_ledger_destroy(link);
}

Test(freeze, a_database_that_is_away_is_told_and_counts_nothing)
{
    static const enum fake_call calls[] = {FAKE_BEGIN, FAKE_CONTROL, FAKE_COMMIT};
    struct mysql_link *link = set_up();
    struct metrics *metrics = metrics_create();
    enum freeze_result result = FREEZE_NOTHING;

    for (size_t i = 0; i < 3; i++) {
        fake_ledger_fail(link, calls[i], ERR_UNAVAILABLE, 1);
        cr_assert(freeze_sale(link, sale, &cause, metrics_shard(metrics), &result)
                  == ERR_UNAVAILABLE);
        cr_assert(result == FREEZE_NOTHING && !link->data.frozen[0]);
    }
    cr_assert(metrics_value(metrics, METRIC_invariant_violations_total, LABEL_INVARIANT_I1) == 0);
    metrics_destroy(metrics);
    fake_ledger_destroy(link);
}
