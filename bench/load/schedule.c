#include "schedule.h"

enum { NS_PER_S = 1000000000 };

uint64_t schedule_number(const struct schedule *schedule, uint64_t n)
{
    return n * schedule->threads + schedule->thread;
}

/* In whole seconds and a rest, so that no product overflows and no error adds up. */
int64_t schedule_due_ns(const struct schedule *schedule, uint64_t n)
{
    const uint64_t number = schedule_number(schedule, n);
    const uint64_t seconds = number / schedule->rate;
    const uint64_t rest = number % schedule->rate;

    return schedule->start_ns + (int64_t)(seconds * NS_PER_S + rest * NS_PER_S / schedule->rate);
}

uint64_t schedule_share(const struct schedule *schedule, uint64_t total)
{
    return total / schedule->threads + (schedule->thread < total % schedule->threads);
}
