#include "bench/load/capacity.h"

#include <criterion/criterion.h>

static struct capacity_question question(void)
{
    return (struct capacity_question){
        .baseline_qps = 3000,
        .factor = 20,
        .headroom = 0.3,
        .orders = 1000000,
        .settle_within_s = 100,
        .reactors = 2,
        .consumers = 4,
        .engine_us = 28,
        .redis_us = 7,
        .bytes_per_order = 350,
        .orders_per_second = 2000,
    };
}

Test(capacity, the_arithmetic_is_that_of_the_readme)
{
    const struct capacity_question asked = question();
    struct capacity capacity;

    capacity_answer(&asked, &capacity);
    cr_assert_float_eq(capacity.peak_qps, 60000, 1e-6);
    cr_assert_float_eq(capacity.engine_cores, 1.68, 1e-9);
    cr_assert_float_eq(capacity.reactors_exact, 2.4, 1e-9);
    cr_assert_eq(capacity.reactors, 3);
    cr_assert_eq(capacity.engines, 2);
    cr_assert_float_eq(capacity.redis_cores, 0.42, 1e-9);
    cr_assert(capacity.redis_fits);
    cr_assert_float_eq(capacity.redis_bytes_exact, 5e8, 1e-3);
    cr_assert_eq(capacity.redis_mib, 477); /* 476.8 */
    cr_assert_float_eq(capacity.settle_per_second, 10000, 1e-9);
    cr_assert_float_eq(capacity.consumers_exact, 7.142857, 1e-6);
    cr_assert_eq(capacity.partitions, 8);
    cr_assert_eq(capacity.workers, 2);
}

Test(capacity, a_whole_number_is_not_rounded_up_by_a_hair)
{
    struct capacity_question asked = question();
    struct capacity capacity;

    asked.engine_us = 35; /* 60000 x 35 us = 2.1; 2.1 / 0.7 is 3.0000000000000004 */
    capacity_answer(&asked, &capacity);
    cr_assert_eq(capacity.reactors, 3);
    asked.engine_us = 35.001;
    capacity_answer(&asked, &capacity);
    cr_assert_eq(capacity.reactors, 4);
}

Test(capacity, the_smallest_sale_needs_one_of_each)
{
    struct capacity_question asked = question();
    struct capacity capacity;

    asked.baseline_qps = 0.1;
    asked.factor = 1;
    asked.orders = 1;
    capacity_answer(&asked, &capacity);
    cr_assert_eq(capacity.engines, 1);
    cr_assert_eq(capacity.redis_mib, 1);
    cr_assert_eq(capacity.partitions, 1);
    cr_assert_eq(capacity.workers, 1);
}

Test(capacity, a_sale_that_one_redis_thread_cannot_decide_does_not_fit)
{
    struct capacity_question asked = question();
    struct capacity capacity;

    asked.redis_us = 12; /* 0.72 of a core, 0.70 may be used */
    capacity_answer(&asked, &capacity);
    cr_assert_not(capacity.redis_fits);
    asked.redis_us = -1;
    capacity_answer(&asked, &capacity);
    cr_assert(capacity.redis_fits);
    cr_assert_lt(capacity.redis_cores, 0);
}

Test(capacity, huge_questions_do_not_wrap_around)
{
    struct capacity_question asked = question();
    struct capacity capacity;

    asked.baseline_qps = 1e9;
    asked.factor = 1e6;
    asked.orders = 1000000000;
    asked.orders_per_second = 0.001;
    capacity_answer(&asked, &capacity);
    cr_assert_eq(capacity.reactors, 1000000000);
    cr_assert_eq(capacity.engines, 500000000);
    cr_assert_eq(capacity.partitions, 1000000000);
}
