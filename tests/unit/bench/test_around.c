#include "bench/load/around.h"

#include <criterion/criterion.h>

Test(around, an_order_s_bytes_are_told_for_many_orders_only)
{
    const struct around around = {.redis = "r", .redis_before = 1000, .redis_after = 301000};

    cr_assert_float_eq(around_bytes_per_order(&around, 2000), 150, 1e-9);
    cr_assert_eq(around_bytes_per_order(&around, 999), 0);
    cr_assert_eq(around_bytes_per_order(&around, 0), 0);
}

Test(around, what_was_not_asked_for_or_shrank_is_not_told)
{
    struct around around = {.redis_before = 1000, .redis_after = 301000};

    cr_assert_eq(around_bytes_per_order(&around, 2000), 0);
    around.redis = "r";
    around.redis_after = 10;
    cr_assert_eq(around_bytes_per_order(&around, 2000), 0);
    cr_assert_eq(around_settle_rate(&around), 0);
}

Test(around, nobody_is_asked_when_nobody_is_named)
{
    struct around around;

    cr_assert(around_begin(NULL, NULL, &around));
    cr_assert(around_end(&around));
}
