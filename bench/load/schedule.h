/* schedule: when each attempt is meant to be sent.
 * Why:    latency counts from the intended time, so that a server that stalls cannot slow down the
 *         clock that measures it.
 * Never:  reads a clock; catches up by skipping.
 * Thread: any. */
#pragma once

#include <stdint.h>

enum profile {
    PROFILE_CONSTANT,
    PROFILE_RAMP,  /* 30 %, 60 %, 100 % of the rate, a third of the time each */
    PROFILE_SPIKE, /* all in the first second */
    PROFILE_COUNT
};
const char *profile_name(enum profile profile); /* "ramp"; static */

enum { SCHEDULE_PARTS_MAX = 3, SCHEDULE_SPIKE_MAX = 10000000 };

/* From attempt `first` on, at `begin_ns` after the start, at a constant rate. */
struct schedule_part {
    uint64_t first;
    int64_t begin_ns;
    uint64_t rate_milli; /* attempts in 1000 s; at least 1, at most SCHEDULE_SPIKE_MAX * 1000 */
};
/* Threads share the attempts in turns: thread t of T has the attempts t, t+T, t+2T… */
struct schedule {
    int64_t start_ns;
    uint32_t thread, threads;
    uint32_t part_count;
    struct schedule_part parts[SCHEDULE_PARTS_MAX];
};

/* `rate` attempts a second, all threads together, at least 1; `attempts` in all, at least 1, which
 * a constant rate does not ask for. start_ns is 0 until the caller sets it. */
void schedule_init(struct schedule *schedule, enum profile profile, uint32_t rate,
                   uint64_t attempts, uint32_t thread, uint32_t threads);
/* How many attempts a profile has in that time; a spike: as many as at a constant rate. */
uint64_t schedule_attempts_in(enum profile profile, uint32_t rate, double seconds);
/* The time of an attempt, by its number among those of all threads. */
int64_t schedule_due_ns(const struct schedule *schedule, uint64_t number);
/* The number of the thread's nth attempt (n from 0). */
uint64_t schedule_number(const struct schedule *schedule, uint64_t n);
/* How many of `total` attempts are this thread's. */
uint64_t schedule_share(const struct schedule *schedule, uint64_t total);
