#include "bench/load/effort.h"

#include <criterion/criterion.h>

Test(effort, a_thread_that_works_is_busy)
{
    const struct effort_mark mark = effort_mark();
    volatile uint64_t sum = 0;

    for (uint32_t i = 0; i < 50000000; i++) {
        sum += i;
    }
    const struct effort effort = effort_since(&mark);
    cr_assert_eq(sum, UINT64_C(49999999) * 50000000 / 2);
    cr_assert(effort.busy > 0.01 && effort.busy < 1.05);
    cr_assert(effort.busy + effort.waited > 0.5, "%f %f", effort.busy, effort.waited);
}

Test(effort, the_worst_of_two_has_the_larger_of_both_shares)
{
    const struct effort worst = effort_worst((struct effort){.busy = 0.5, .waited = 0.1},
                                             (struct effort){.busy = 0.2, .waited = 0.3});

    cr_assert_float_eq(worst.busy, 0.5, 1e-9);
    cr_assert_float_eq(worst.waited, 0.3, 1e-9);
}

Test(effort, no_time_left_or_one_in_a_hundred_held_up_is_a_bottleneck)
{
    const struct effort easy = {.busy = 0.3, .waited = 0.1}, full = {.busy = 0.7, .waited = 0.25};

    cr_assert_not(effort_is_bottleneck(easy, 0, 1000));
    cr_assert_not(effort_is_bottleneck(easy, 10, 1000));
    cr_assert(effort_is_bottleneck(easy, 11, 1000));
    cr_assert(effort_is_bottleneck(full, 0, 1000));
}
