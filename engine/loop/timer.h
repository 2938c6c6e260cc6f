/* timer: a point in time on a loop.
 * Why:    thousands of deadlines at O(1): a hashed wheel of 1 ms slots over one libevent timer.
 * Never:  fires early; fires after timer_stop().
 * Thread: loop.  Memory: inside the caller's object; stopped before that is freed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

struct timer {
    struct timer *next, **prev; /* private */
    struct loop *loop;          /* borrowed */
    int64_t due_us;
    loop_fn *fn;
    void *arg;
};

void timer_init(struct timer *timer, struct loop *loop, loop_fn *fn, void *arg);
/* Fires once at the monotonic time `due_us` (in the past: in the next turn). Restarts if running.
 */
void timer_start_at(struct timer *timer, int64_t due_us);
void timer_start_ms(struct timer *timer, uint32_t delay_ms);
void timer_stop(struct timer *timer); /* fine when not running, or only zeroed */
bool timer_is_running(const struct timer *timer);
