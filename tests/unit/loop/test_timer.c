#include "loop/timer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { MANY = 5000 };

struct alarm {
    struct timer timer;
    int64_t wanted_us, fired_us;
    int fired;
};

static struct loop *loop;
static int waited_for; /* alarms that end the loop */

static void begin(void)
{
    loop = loop_create(&(struct loop_options){.name = "test"});
    cr_assert_not_null(loop);
    waited_for = 0;
}

static void end(void)
{
    loop_destroy(loop);
}

TestSuite(timer, .init = begin, .fini = end, .timeout = 60);

static void on_alarm(void *arg)
{
    struct alarm *alarm = arg;

    alarm->fired_us = clock_mono_us();
    alarm->fired++;
    cr_assert_not(timer_is_running(&alarm->timer));
    waited_for--;
    if (waited_for == 0) {
        loop_stop(loop);
    }
}

static void start(struct alarm *alarm, int64_t wanted_us)
{
    timer_init(&alarm->timer, loop, on_alarm, alarm);
    alarm->wanted_us = wanted_us;
    timer_start_at(&alarm->timer, wanted_us);
    cr_assert(timer_is_running(&alarm->timer));
}

Test(timer, stopping_what_does_not_run_is_fine)
{
    struct timer zeroed = {0};
    struct alarm alarm;

    timer_stop(&zeroed);
    cr_assert_not(timer_is_running(&zeroed));
    timer_init(&alarm.timer, loop, on_alarm, &alarm);
    timer_stop(&alarm.timer);
    cr_assert_not(timer_is_running(&alarm.timer));
}

Test(timer, a_stopped_one_never_fires)
{
    struct alarm stopped = {.fired = 0}, last = {.fired = 0};

    start(&stopped, clock_mono_us() + 5000);
    timer_stop(&stopped.timer);
    cr_assert_not(timer_is_running(&stopped.timer));
    waited_for = 1;
    start(&last, clock_mono_us() + 30000);
    loop_run(loop);
    cr_assert_eq(stopped.fired, 0);
    cr_assert_eq(last.fired, 1);
}

Test(timer, the_past_fires_in_a_next_turn_but_not_at_once)
{
    struct alarm past = {.fired = 0}, negative = {.fired = 0};

    waited_for = 2;
    start(&past, clock_mono_us() - 1000000);
    start(&negative, -1);
    cr_assert_eq(past.fired, 0);
    loop_run(loop);
    cr_assert_eq(past.fired, 1);
    cr_assert_eq(negative.fired, 1);
}

Test(timer, never_early_and_about_in_time)
{
    static struct alarm alarms[MANY];
    int64_t now_us = clock_mono_us();

    srand(1);
    waited_for = MANY;
    for (int i = 0; i < MANY; i++) {
        start(&alarms[i], now_us + rand() % 300000);
    }
    loop_run(loop);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(alarms[i].fired, 1);
        cr_assert(alarms[i].fired_us >= alarms[i].wanted_us);
        /* Wide: the machine may be busy. The point is that none waits for another round. */
        cr_assert(alarms[i].fired_us < alarms[i].wanted_us + 3000000);
    }
}

Test(timer, more_than_one_round_of_the_wheel_away)
{
    struct alarm near = {.fired = 0}, far = {.fired = 0};
    int64_t now_us = clock_mono_us();

    waited_for = 2;
    start(&far, now_us + 4096000 + 200000);
    start(&near, now_us + 200000); /* in the same slot */
    loop_run(loop);
    cr_assert_eq(near.fired, 1);
    cr_assert(near.fired_us < far.wanted_us);
    cr_assert_eq(far.fired, 1);
    cr_assert(far.fired_us >= far.wanted_us);
}

Test(timer, a_restart_moves_it)
{
    struct alarm alarm = {.fired = 0};
    int64_t began_us = clock_mono_us();

    waited_for = 1;
    start(&alarm, began_us + 5000);
    timer_start_ms(&alarm.timer, 60);
    loop_run(loop);
    cr_assert_eq(alarm.fired, 1);
    cr_assert(alarm.fired_us >= began_us + 60000);
}

static struct alarm victim;

static void on_killer(void *arg)
{
    timer_stop(&victim.timer);
    on_alarm(arg);
}

Test(timer, one_that_is_due_too_can_still_be_stopped)
{
    struct alarm killer = {.fired = 0};
    int64_t past_us = clock_mono_us() - 1000;

    victim = (struct alarm){.fired = 0};
    start(&victim, past_us);
    timer_init(&killer.timer, loop, on_killer, &killer);
    timer_start_at(&killer.timer, past_us);
    waited_for = 1;
    loop_run(loop);
    /* Both are in one slot; the later one is looked at first. */
    cr_assert_eq(killer.fired, 1);
    cr_assert_eq(victim.fired, 0);
}

static void on_repeat(void *arg)
{
    struct alarm *alarm = arg;

    alarm->fired++;
    if (alarm->fired == 5) {
        loop_stop(loop);
        return;
    }
    timer_start_ms(&alarm->timer, 2);
}

Test(timer, it_may_be_started_again_in_its_own_callback)
{
    struct alarm alarm = {.fired = 0};

    timer_init(&alarm.timer, loop, on_repeat, &alarm);
    timer_start_ms(&alarm.timer, 0);
    loop_run(loop);
    cr_assert_eq(alarm.fired, 5);
}

static char order[64];

static void on_letter(void *arg)
{
    strncat(order, arg, 1);
    if (strlen(order) == 3) {
        loop_stop(loop);
    }
}

Test(timer, after_a_stall_the_earlier_ones_come_first)
{
    struct timer timers[3];
    char *letters[] = {"a", "b", "c"};
    int64_t now_us = clock_mono_us();

    for (int i = 2; i >= 0; i--) {
        timer_init(&timers[i], loop, on_letter, letters[i]);
        timer_start_at(&timers[i], now_us + 5000 * (i + 1));
    }
    while (clock_mono_us() < now_us + 20000) {
    }
    loop_run(loop);
    cr_assert_str_eq(order, "abc");
}

/* Random starts, stops and restarts against a plain model of what must have fired. */
Test(timer, random_moves_lose_and_repeat_nothing)
{
    enum { COUNT = 200, MOVES = 5000 };
    static struct alarm alarms[COUNT];
    struct alarm last = {.fired = 0};
    int64_t now_us = clock_mono_us();
    int running = 0;

    srand(4711);
    for (int i = 0; i < COUNT; i++) {
        timer_init(&alarms[i].timer, loop, on_alarm, &alarms[i]);
    }
    for (int i = 0; i < MOVES; i++) {
        struct alarm *alarm = &alarms[rand() % COUNT];

        if (rand() % 3 == 0) {
            timer_stop(&alarm->timer);
        } else {
            timer_start_at(&alarm->timer, now_us + rand() % 50000);
        }
    }
    for (int i = 0; i < COUNT; i++) {
        alarms[i].wanted_us = timer_is_running(&alarms[i].timer);
        running += timer_is_running(&alarms[i].timer);
    }
    waited_for = running + 1;
    start(&last, now_us + 100000);
    loop_run(loop);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(alarms[i].fired, (int)alarms[i].wanted_us);
    }
}
