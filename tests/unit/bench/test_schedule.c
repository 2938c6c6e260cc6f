#include "bench/load/schedule.h"

#include <criterion/criterion.h>

static struct schedule make(enum profile profile, uint32_t rate, uint64_t attempts)
{
    struct schedule schedule;

    schedule_init(&schedule, profile, rate, attempts, 0, 1);
    return schedule;
}

Test(schedule, attempts_come_at_the_rate)
{
    struct schedule schedule = make(PROFILE_CONSTANT, 1000, 1);

    schedule.start_ns = 1000;
    cr_assert_eq(schedule_due_ns(&schedule, 0), 1000);
    cr_assert_eq(schedule_due_ns(&schedule, 1), 1001000);
    cr_assert_eq(schedule_due_ns(&schedule, 1000), 1000001000);
}

Test(schedule, no_error_adds_up_at_an_odd_rate)
{
    const struct schedule schedule = make(PROFILE_CONSTANT, 7, 1);

    cr_assert_eq(schedule_due_ns(&schedule, 7 * 86400), INT64_C(86400000000000));
}

Test(schedule, a_month_at_the_highest_rate_does_not_overflow)
{
    const struct schedule schedule = make(PROFILE_CONSTANT, 1000000, 1);
    const uint64_t month_s = UINT64_C(30) * 86400;

    cr_assert_eq(schedule_due_ns(&schedule, month_s * 1000000), (int64_t)month_s * 1000000000);
}

Test(schedule, a_ramp_has_three_equal_times_at_30_60_and_100_percent)
{
    const uint64_t all = schedule_attempts_in(PROFILE_RAMP, 1000, 30);
    const struct schedule schedule = make(PROFILE_RAMP, 1000, all);
    uint64_t in_second[30] = {0};

    cr_assert_eq(all, 19000);
    for (uint64_t i = 0; i < all; i++) {
        in_second[schedule_due_ns(&schedule, i) / 1000000000]++;
    }
    for (uint32_t second = 0; second < 30; second++) {
        const uint64_t wanted = second < 10 ? 300 : second < 20 ? 600 : 1000;
        cr_assert_eq(in_second[second], wanted);
    }
}

Test(schedule, a_ramp_never_goes_back_whatever_the_number_of_attempts)
{
    for (uint64_t all = 1; all < 60; all++) {
        const struct schedule schedule = make(PROFILE_RAMP, 10, all);
        int64_t last_ns = 0;
        for (uint64_t i = 0; i < all + 5; i++) {
            cr_assert_geq(schedule_due_ns(&schedule, i), last_ns);
            last_ns = schedule_due_ns(&schedule, i);
        }
    }
}

Test(schedule, a_spike_is_over_in_one_second)
{
    const struct schedule schedule = make(PROFILE_SPIKE, 1, SCHEDULE_SPIKE_MAX);

    cr_assert_eq(schedule_due_ns(&schedule, 0), 0);
    cr_assert_eq(schedule_due_ns(&schedule, SCHEDULE_SPIKE_MAX / 2), 500000000);
    cr_assert_eq(schedule_due_ns(&schedule, SCHEDULE_SPIKE_MAX - 1), 999999900);
}

Test(schedule, threads_share_the_attempts_without_gap_or_overlap)
{
    uint32_t seen[10] = {0};
    uint64_t shares = 0;

    for (uint32_t thread = 0; thread < 3; thread++) {
        struct schedule schedule;
        schedule_init(&schedule, PROFILE_CONSTANT, 10, 10, thread, 3);
        const uint64_t share = schedule_share(&schedule, 10);
        shares += share;
        for (uint64_t n = 0; n < share; n++) {
            seen[schedule_number(&schedule, n)]++;
        }
    }
    cr_assert_eq(shares, 10);
    for (uint32_t i = 0; i < 10; i++) {
        cr_assert_eq(seen[i], 1);
    }
}
