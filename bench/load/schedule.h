/* schedule: when each attempt is meant to be sent.
 * Why:    latency counts from the intended time, so that a server that stalls cannot slow down the
 *         clock that measures it.
 * Never:  reads a clock; catches up by skipping.
 * Thread: any. */
#pragma once

#include <stdint.h>

/* A constant rate that the threads share in turns: thread t of T has the attempts t, t+T, t+2T… */
struct schedule {
    int64_t start_ns;
    uint32_t rate; /* attempts a second, all threads together; at least 1 */
    uint32_t thread, threads;
};

/* The time of the thread's nth attempt (n from 0). */
int64_t schedule_due_ns(const struct schedule *schedule, uint64_t n);
/* The attempt's number among those of all threads. */
uint64_t schedule_number(const struct schedule *schedule, uint64_t n);
/* How many of `total` attempts are this thread's. */
uint64_t schedule_share(const struct schedule *schedule, uint64_t total);
