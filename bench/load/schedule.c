#include "schedule.h"

enum { NS_PER_S = 1000000000, MILLI = 1000 };

/* Of the rate, in percent; a ramp's attempts in equal times are in the same proportion. */
static const uint32_t steps[SCHEDULE_PARTS_MAX] = {30, 60, 100};
enum { STEPS_SUM = 190 };

const char *profile_name(enum profile profile)
{
    static const char *const names[PROFILE_COUNT] = {"constant", "ramp", "spike"};
    return names[profile];
}

/* In whole seconds and a rest, so that no product overflows and no error adds up. */
static int64_t time_of(uint64_t count, uint64_t rate_milli)
{
    const uint64_t seconds = count * MILLI / rate_milli;
    const uint64_t rest = count * MILLI % rate_milli;

    return (int64_t)(seconds * NS_PER_S + rest * NS_PER_S / rate_milli);
}

static void make_ramp(struct schedule *schedule, uint32_t rate, uint64_t attempts)
{
    uint64_t done = 0;
    int64_t begin_ns = 0;

    schedule->part_count = SCHEDULE_PARTS_MAX;
    for (uint32_t i = 0; i < SCHEDULE_PARTS_MAX; i++) {
        struct schedule_part *part = &schedule->parts[i];
        const uint64_t count = attempts * steps[i] / STEPS_SUM;
        *part = (struct schedule_part){done, begin_ns, (uint64_t)rate * MILLI * steps[i] / 100};
        done += count;
        begin_ns += time_of(count, part->rate_milli);
    }
}

void schedule_init(struct schedule *schedule, enum profile profile, uint32_t rate,
                   uint64_t attempts, uint32_t thread, uint32_t threads)
{
    *schedule = (struct schedule){.thread = thread, .threads = threads, .part_count = 1};
    switch (profile) {
    case PROFILE_CONSTANT: schedule->parts[0].rate_milli = (uint64_t)rate * MILLI; break;
    case PROFILE_RAMP: make_ramp(schedule, rate, attempts); break;
    case PROFILE_SPIKE: schedule->parts[0].rate_milli = attempts * MILLI; break;
    case PROFILE_COUNT: break;
    }
}

uint64_t schedule_attempts_in(enum profile profile, uint32_t rate, double seconds)
{
    const double all = rate * seconds;

    return (uint64_t)(profile == PROFILE_RAMP ? all * STEPS_SUM / (100 * SCHEDULE_PARTS_MAX) : all);
}

int64_t schedule_due_ns(const struct schedule *schedule, uint64_t number)
{
    const struct schedule_part *part = &schedule->parts[schedule->part_count - 1];

    while (part->first > number) {
        part--;
    }
    return schedule->start_ns + part->begin_ns + time_of(number - part->first, part->rate_milli);
}

uint64_t schedule_number(const struct schedule *schedule, uint64_t n)
{
    return n * schedule->threads + schedule->thread;
}

uint64_t schedule_share(const struct schedule *schedule, uint64_t total)
{
    return total / schedule->threads + (schedule->thread < total % schedule->threads);
}
