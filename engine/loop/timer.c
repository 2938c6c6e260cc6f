/* The wheel has one slot for each of the next 4096 milliseconds; a timer further away waits in its
 * slot and is passed over until its time has come. A bit per slot tells which are not empty, so the
 * next wake-up is found without looking at timers. */
#include "loop/timer.h"

#include "common/assert.h"
#include "loop/timer_wheel.h"

#include <event2/event.h>
#include <stdlib.h>

enum { SLOT_COUNT = 4096, WORD_BITS = 64, WORD_COUNT = SLOT_COUNT / WORD_BITS, US_PER_MS = 1000 };

struct timer_wheel {
    struct loop *loop;         /* borrowed: the owner */
    struct event *event;       /* owned; fires at armed_ms */
    int64_t armed_ms;          /* INT64_MAX: not armed */
    int64_t done_ms;           /* all slots up to this time were looked at */
    uint64_t used[WORD_COUNT]; /* a bit per slot that is not empty */
    struct timer *slots[SLOT_COUNT];
};

/* The first millisecond at which the timer may fire. */
static int64_t due_ms(int64_t due_us)
{
    return due_us <= 0 ? 0 : (due_us + US_PER_MS - 1) / US_PER_MS;
}

static uint32_t slot_of(int64_t ms)
{
    return (uint32_t)((uint64_t)ms % SLOT_COUNT);
}

static void arm(struct timer_wheel *wheel, int64_t at_ms)
{
    int64_t wait_us = at_ms * US_PER_MS - loop_clock_us(wheel->loop);
    struct timeval wait;

    if (wait_us < 0) {
        wait_us = 0;
    }
    wait = (struct timeval){.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
    ASSERT(event_add(wheel->event, &wait) == 0);
    wheel->armed_ms = at_ms;
}

/* The time of the first slot after `from_ms` that is not empty; INT64_MAX: all are empty. */
static int64_t next_used_ms(const struct timer_wheel *wheel, int64_t from_ms)
{
    uint32_t start = slot_of(from_ms + 1);

    for (uint32_t i = 0; i <= WORD_COUNT; i++) {
        uint32_t word = (start / WORD_BITS + i) % WORD_COUNT;
        uint64_t bits = wheel->used[word];

        if (i == 0) {
            bits &= UINT64_MAX << start % WORD_BITS;
        }
        if (bits != 0) {
            uint32_t slot = word * WORD_BITS + (uint32_t)__builtin_ctzll(bits);
            return from_ms + 1 + (slot + SLOT_COUNT - start) % SLOT_COUNT;
        }
    }
    return INT64_MAX;
}

static void unlink_timer(struct timer *timer)
{
    *timer->prev = timer->next;
    if (timer->next) {
        timer->next->prev = timer->prev;
    }
    timer->next = NULL;
    timer->prev = NULL;
}

static void link_timer(struct timer *timer, struct timer **list)
{
    timer->next = *list;
    if (timer->next) {
        timer->next->prev = &timer->next;
    }
    timer->prev = list;
    *list = timer;
}

/* Moves what is due from a slot to the end of a list; `tail` is where its last `next` is. */
static struct timer **collect(struct timer_wheel *wheel, uint32_t slot, int64_t now_ms,
                              struct timer **tail)
{
    struct timer *next;

    for (struct timer *timer = wheel->slots[slot]; timer; timer = next) {
        next = timer->next;
        if (due_ms(timer->due_us) <= now_ms) {
            unlink_timer(timer);
            link_timer(timer, tail);
            tail = &timer->next;
        }
    }
    if (!wheel->slots[slot]) {
        wheel->used[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
    }
    return tail;
}

static void on_wheel(evutil_socket_t fd, short what, void *arg)
{
    struct timer_wheel *wheel = arg;
    int64_t now_ms = loop_clock_us(wheel->loop) / US_PER_MS;
    int64_t next_ms;
    struct timer *due = NULL;
    struct timer **tail = &due;

    (void)fd;
    (void)what;
    wheel->armed_ms = INT64_MAX;
    /* Slots of more than one round ago are the same slots again. */
    if (now_ms - wheel->done_ms > SLOT_COUNT) {
        wheel->done_ms = now_ms - SLOT_COUNT;
    }
    for (;;) {
        int64_t ms = next_used_ms(wheel, wheel->done_ms);
        if (ms > now_ms) {
            break;
        }
        tail = collect(wheel, slot_of(ms), now_ms, tail);
        wheel->done_ms = ms;
    }
    if (now_ms > wheel->done_ms) {
        wheel->done_ms = now_ms;
    }
    /* A callback may stop or restart any timer, those on this list too: so always the first. */
    while (due) {
        struct timer *timer = due;
        unlink_timer(timer);
        timer->fn(timer->arg);
    }
    next_ms = next_used_ms(wheel, wheel->done_ms);
    if (next_ms < wheel->armed_ms) {
        arm(wheel, next_ms);
    }
}

struct timer_wheel *timer_wheel_create(struct loop *loop)
{
    struct timer_wheel *wheel = calloc(1, sizeof *wheel);

    if (!wheel) {
        return NULL;
    }
    wheel->loop = loop;
    wheel->armed_ms = INT64_MAX;
    wheel->done_ms = loop_clock_us(loop) / US_PER_MS;
    wheel->event = event_new(loop_event_base(loop), -1, 0, on_wheel, wheel);
    if (!wheel->event) {
        free(wheel);
        return NULL;
    }
    return wheel;
}

void timer_wheel_destroy(struct timer_wheel *wheel)
{
    if (!wheel) {
        return;
    }
    event_free(wheel->event);
    free(wheel);
}

void timer_init(struct timer *timer, struct loop *loop, loop_fn *fn, void *arg)
{
    *timer = (struct timer){.loop = loop, .fn = fn, .arg = arg};
}

void timer_start_at(struct timer *timer, int64_t due_us)
{
    struct timer_wheel *wheel = loop_timer_wheel(timer->loop);
    int64_t at_ms = due_ms(due_us);
    uint32_t slot;

    loop_assert_owner(timer->loop);
    timer_stop(timer);
    timer->due_us = due_us;
    /* The past has no slot any more: the next one that will be looked at. */
    if (at_ms <= wheel->done_ms) {
        at_ms = wheel->done_ms + 1;
    }
    slot = slot_of(at_ms);
    link_timer(timer, &wheel->slots[slot]);
    wheel->used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
    if (at_ms < wheel->armed_ms) {
        arm(wheel, at_ms);
    }
}

void timer_start_ms(struct timer *timer, uint32_t delay_ms)
{
    timer_start_at(timer, loop_clock_us(timer->loop) + (int64_t)delay_ms * US_PER_MS);
}

void timer_stop(struct timer *timer)
{
    if (timer->prev) {
        loop_assert_owner(timer->loop);
        /* The slot's bit stays: the wheel clears it when it comes by. */
        unlink_timer(timer);
    }
}

bool timer_is_running(const struct timer *timer)
{
    return timer->prev != NULL;
}
