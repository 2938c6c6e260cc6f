#include "bench/load/schedule.h"

#include <criterion/criterion.h>

Test(schedule, attempts_of_one_thread_come_at_the_rate)
{
    const struct schedule schedule = {.start_ns = 1000, .rate = 1000, .thread = 0, .threads = 1};

    cr_assert_eq(schedule_due_ns(&schedule, 0), 1000);
    cr_assert_eq(schedule_due_ns(&schedule, 1), 1001000);
    cr_assert_eq(schedule_due_ns(&schedule, 1000), 1000001000);
}

Test(schedule, no_error_adds_up_at_an_odd_rate)
{
    const struct schedule schedule = {.start_ns = 0, .rate = 7, .thread = 0, .threads = 1};

    cr_assert_eq(schedule_due_ns(&schedule, 7 * 86400), INT64_C(86400000000000));
}

Test(schedule, a_month_at_the_highest_rate_does_not_overflow)
{
    const struct schedule schedule = {.start_ns = 0, .rate = 1000000, .thread = 0, .threads = 1};
    const uint64_t month_s = UINT64_C(30) * 86400;

    cr_assert_eq(schedule_due_ns(&schedule, month_s * 1000000), (int64_t)month_s * 1000000000);
}

Test(schedule, threads_share_the_attempts_without_gap_or_overlap)
{
    uint32_t seen[10] = {0};
    uint64_t shares = 0;

    for (uint32_t thread = 0; thread < 3; thread++) {
        const struct schedule schedule = {.rate = 10, .thread = thread, .threads = 3};
        const uint64_t share = schedule_share(&schedule, 10);
        shares += share;
        for (uint64_t n = 0; n < share; n++) {
            seen[schedule_number(&schedule, n)]++;
            cr_assert_eq(schedule_due_ns(&schedule, n),
                         (int64_t)schedule_number(&schedule, n) * 100000000);
        }
    }
    cr_assert_eq(shares, 10);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(seen[i], 1);
    }
}
