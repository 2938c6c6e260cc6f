#include "support/fakes/fake_loop.h"

#include <stdlib.h>

#include "common/assert.h"
#include "loop/timer.h"

struct deferred {
    struct deferred *next;
    loop_fn *fn;
    void *arg;
};

struct loop {
    int64_t turn_us, clock_us;
    struct deferred *first, **end;
    struct timer *timers; /* in no order */
    uint64_t random;
};

struct loop *fake_loop_create(int64_t now_us)
{
    struct loop *loop = calloc(1, sizeof *loop);

    ASSERT(loop != NULL);
    loop->turn_us = loop->clock_us = now_us;
    loop->end = &loop->first;
    loop->random = 42;
    return loop;
}

void fake_loop_destroy(struct loop *loop)
{
    ASSERT(loop->first == NULL && loop->timers == NULL);
    free(loop);
}

static void run_deferred(struct loop *loop)
{
    struct deferred *call = loop->first;

    loop->first = NULL;
    loop->end = &loop->first;
    while (call != NULL) {
        struct deferred *next = call->next;
        call->fn(call->arg);
        free(call);
        call = next;
    }
}

static struct timer *earliest(const struct loop *loop)
{
    struct timer *found = NULL;

    for (struct timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        if (found == NULL || timer->due_us <= found->due_us) { /* started first, fires first */
            found = timer;
        }
    }
    return found;
}

void fake_loop_turn(struct loop *loop)
{
    struct timer *due;

    loop->turn_us = loop->clock_us;
    run_deferred(loop);
    while ((due = earliest(loop)) != NULL && due->due_us <= loop->turn_us) {
        timer_stop(due);
        due->fn(due->arg);
        run_deferred(loop);
    }
}

void fake_loop_advance_us(struct loop *loop, int64_t us)
{
    int64_t end_us = loop->clock_us + us;
    struct timer *due;

    while ((due = earliest(loop)) != NULL && due->due_us <= end_us) {
        loop->clock_us = due->due_us > loop->clock_us ? due->due_us : loop->clock_us;
        fake_loop_turn(loop);
    }
    loop->clock_us = end_us;
    fake_loop_turn(loop);
}

void fake_loop_stall_us(struct loop *loop, int64_t us)
{
    loop->clock_us += us;
}

uint32_t fake_loop_timer_count(const struct loop *loop)
{
    uint32_t count = 0;

    for (const struct timer *timer = loop->timers; timer != NULL; timer = timer->next) {
        count++;
    }
    return count;
}

/* loop/loop.h */

void loop_assert_owner(const struct loop *loop)
{
    ASSERT(loop != NULL);
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    struct deferred *call = calloc(1, sizeof *call);

    ASSERT(call != NULL);
    call->fn = fn;
    call->arg = arg;
    *loop->end = call;
    loop->end = &call->next;
}

enum err loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    loop_defer(loop, fn, arg);
    return ERR_OK;
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->turn_us;
}

int64_t loop_clock_us(const struct loop *loop)
{
    return loop->clock_us;
}

int64_t loop_wall_ms(const struct loop *loop)
{
    return loop->clock_us / 1000;
}

uint64_t loop_random(struct loop *loop)
{
    loop->random = loop->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return loop->random >> 11;
}

/* loop/timer.h */

void timer_init(struct timer *timer, struct loop *loop, loop_fn *fn, void *arg)
{
    *timer = (struct timer){.loop = loop, .fn = fn, .arg = arg};
}

void timer_stop(struct timer *timer)
{
    if (timer->prev == NULL) {
        return;
    }
    *timer->prev = timer->next;
    if (timer->next != NULL) {
        timer->next->prev = timer->prev;
    }
    timer->next = NULL;
    timer->prev = NULL;
}

void timer_start_at(struct timer *timer, int64_t due_us)
{
    timer_stop(timer);
    timer->due_us = due_us;
    timer->next = timer->loop->timers;
    timer->prev = &timer->loop->timers;
    if (timer->next != NULL) {
        timer->next->prev = &timer->next;
    }
    timer->loop->timers = timer;
}

void timer_start_ms(struct timer *timer, uint32_t delay_ms)
{
    timer_start_at(timer, timer->loop->turn_us + (int64_t)delay_ms * 1000);
}

bool timer_is_running(const struct timer *timer)
{
    return timer->prev != NULL;
}
