#include "bench/load/settle.h"

#include <criterion/criterion.h>

static const char metrics[] = "# HELP seckill_settled_records_total records settled, by result\n"
                              "seckill_settled_records_total{result=\"newer\"} 1\n"
                              "seckill_settled_records_total{result=\"new\"} 35000\n"
                              "seckill_settled_records_total{result=\"duplicate\"} 9\n"
                              "seckill_settle_duration_seconds_bucket{le=\"+Inf\"} 408\n"
                              "seckill_settle_duration_seconds_sum 11.159136\n"
                              "seckill_settle_duration_seconds_count 408\n";

Test(settle, new_records_and_the_time_of_their_transactions_are_read)
{
    struct settle settle;

    cr_assert(settle_parse(metrics, &settle));
    cr_assert_eq(settle.orders, 35000);
    cr_assert_float_eq(settle.busy_s, 11.159136, 1e-9);
}

Test(settle, what_is_not_the_worker_s_is_refused)
{
    struct settle settle;

    cr_assert_not(settle_parse("", &settle));
    cr_assert_not(settle_parse("seckill_settle_duration_seconds_sum 1\n", &settle));
    cr_assert_not(settle_parse("seckill_settled_records_total{result=\"new\"} x\n"
                               "seckill_settle_duration_seconds_sum 1\n",
                               &settle));
}

Test(settle, the_rate_is_that_of_a_busy_consumer)
{
    const struct settle before = {.orders = 1000, .busy_s = 1.5};
    const struct settle after = {.orders = 5000, .busy_s = 3.5};

    cr_assert_float_eq(settle_rate(&before, &after), 2000, 1e-9);
    cr_assert_eq(settle_rate(&after, &after), 0);
    cr_assert_eq(settle_rate(&after, &before), 0); /* the worker began anew */
}
