#include "support/run_until.h"

#include "loop/loop.h"
#include "loop/timer.h"

enum { LOOK_EVERY_MS = 2 };

struct waiting {
    struct loop *loop;
    struct timer timer;
    bool (*is_true)(void *arg);
    void *arg;
    int64_t deadline_us;
    bool came_true;
};

static void on_look(void *arg)
{
    struct waiting *waiting = arg;

    waiting->came_true = waiting->is_true(waiting->arg);
    if (waiting->came_true || loop_clock_us(waiting->loop) >= waiting->deadline_us) {
        loop_stop(waiting->loop);
        return;
    }
    timer_start_ms(&waiting->timer, LOOK_EVERY_MS);
}

bool run_until(struct loop *loop, bool (*is_true)(void *arg), void *arg, uint32_t timeout_ms)
{
    struct waiting waiting = {
        .loop = loop,
        .is_true = is_true,
        .arg = arg,
        .deadline_us = loop_clock_us(loop) + (int64_t)timeout_ms * 1000,
    };

    timer_init(&waiting.timer, loop, on_look, &waiting);
    timer_start_ms(&waiting.timer, 0);
    loop_run(loop);
    timer_stop(&waiting.timer);
    return waiting.came_true;
}
