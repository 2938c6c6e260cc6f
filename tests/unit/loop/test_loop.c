#include "loop/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/metrics.h"

static struct loop *loop;
static char trace[256]; /* a letter for each callback that ran */

static void begin(void)
{
    loop = loop_create(&(struct loop_options){.name = "test"});
    cr_assert_not_null(loop);
    trace[0] = '\0';
}

static void end(void)
{
    loop_destroy(loop);
}

TestSuite(loop, .init = begin, .fini = end, .timeout = 60);

static void note(void *arg)
{
    strncat(trace, arg, sizeof trace - strlen(trace) - 1);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void run_until_idle(void)
{
    loop_stop(loop);
    loop_run(loop);
}

Test(loop, posting_to_a_loop_that_is_going_is_refused)
{
    struct loop *other = loop_create(&(struct loop_options){.name = "other"});

    cr_assert_eq(loop_post(other, note, "a"), ERR_OK);
    loop_defer(other, note, "b");
    loop_destroy(other);
    cr_assert_str_eq(trace, "ab");
}

static enum err posted_late;

static void post_late(void *arg)
{
    posted_late = loop_post(arg, note, "late");
}

Test(loop, while_it_is_destroyed_nothing_can_be_posted)
{
    struct loop *other = loop_create(&(struct loop_options){.name = "other"});

    cr_assert_eq(loop_post(other, post_late, other), ERR_OK);
    loop_destroy(other);
    cr_assert_eq(posted_late, ERR_CLOSED);
    cr_assert_str_eq(trace, "");
}

static void *assert_owner(void *arg)
{
    loop_assert_owner(arg);
    return NULL;
}

Test(loop, another_thread_is_not_the_owner, .signal = SIGABRT)
{
    pthread_t thread;

    run_until_idle();
    pthread_create(&thread, NULL, assert_owner, loop);
    pthread_join(thread, NULL);
}

Test(loop, before_it_ran_anyone_may_be_the_owner)
{
    pthread_t thread;

    pthread_create(&thread, NULL, assert_owner, loop);
    pthread_join(thread, NULL);
}

Test(loop, destroying_nothing_is_fine)
{
    loop_destroy(NULL);
    loop_watch_destroy(NULL);
}

Test(loop, watching_nothing_aborts, .signal = SIGABRT)
{
    (void)loop_watch_create(loop, 0, 0, NULL, NULL);
}

Test(loop, a_descriptor_that_cannot_be_watched_is_null)
{
    /* epoll takes no regular files. */
    FILE *file = tmpfile();

    cr_assert_null(loop_watch_create(loop, fileno(file), LOOP_READ, NULL, NULL));
    fclose(file);
}

Test(loop, deferred_calls_run_in_order_and_never_at_once)
{
    loop_defer(loop, note, "a");
    loop_defer(loop, note, "b");
    cr_assert_str_eq(trace, "");
    run_until_idle();
    cr_assert_str_eq(trace, "ab");
}

static void defer_more(void *arg)
{
    note(arg);
    loop_defer(loop, note, "d");
    cr_assert_eq(loop_post(loop, note, "p"), ERR_OK);
}

Test(loop, what_a_deferred_call_defers_runs_in_the_next_turn)
{
    loop_defer(loop, defer_more, "a");
    loop_defer(loop, note, "b");
    run_until_idle();
    cr_assert_str_eq(trace, "ab");
    run_until_idle();
    cr_assert_str_eq(trace, "abpd");
}

Test(loop, many_deferred_calls_all_run)
{
    static int count;
    struct loop *other = loop_create(&(struct loop_options){.name = "other"});

    for (int i = 0; i < 200; i++) {
        loop_defer(other, note, "x");
        count++;
    }
    loop_stop(other);
    loop_run(other);
    cr_assert_eq(strlen(trace), 200);
    loop_destroy(other);
}

Test(loop, a_stop_before_the_run_ends_it_after_one_turn)
{
    loop_stop(loop);
    loop_run(loop);
    loop_defer(loop, stop, loop); /* the first stop is used up */
    loop_run(loop);
}

static atomic_int received;
enum { POSTS = 20000, POSTERS = 4 };

static void receive(void *arg)
{
    (void)arg;
    loop_assert_owner(loop);
    if (atomic_fetch_add(&received, 1) + 1 == POSTS * POSTERS) {
        loop_stop(loop);
    }
}

static void *post_many(void *arg)
{
    for (int i = 0; i < POSTS; i++) {
        cr_assert_eq(loop_post(arg, receive, NULL), ERR_OK);
    }
    return NULL;
}

Test(loop, posts_of_all_threads_arrive_once_each)
{
    pthread_t threads[POSTERS];

    for (int i = 0; i < POSTERS; i++) {
        pthread_create(&threads[i], NULL, post_many, loop);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    run_until_idle();
    cr_assert_eq(received, POSTS * POSTERS);
}

static void *stop_soon(void *arg)
{
    loop_stop(arg);
    return NULL;
}

Test(loop, another_thread_can_stop_it)
{
    pthread_t thread;

    pthread_create(&thread, NULL, stop_soon, loop);
    loop_run(loop);
    pthread_join(thread, NULL);
}

struct pair {
    int ends[2];
    struct loop_watch *watch;
    int events, calls;
};

static void on_readable(void *arg, int what)
{
    struct pair *pair = arg;
    char byte;

    pair->events |= what;
    pair->calls++;
    cr_assert_eq(read(pair->ends[0], &byte, 1), 1);
    if (byte == 'q') {
        loop_stop(loop);
    }
}

Test(loop, a_watch_is_level_triggered_and_persistent)
{
    struct pair pair = {0};

    cr_assert_eq(pipe(pair.ends), 0);
    pair.watch = loop_watch_create(loop, pair.ends[0], LOOP_READ, on_readable, &pair);
    cr_assert_eq(write(pair.ends[1], "abq", 3), 3);
    loop_run(loop);
    cr_assert_eq(pair.calls, 3);
    cr_assert_eq(pair.events, LOOP_READ);
    loop_watch_destroy(pair.watch);
    cr_assert_eq(write(pair.ends[1], "x", 1), 1);
    run_until_idle();
    cr_assert_eq(pair.calls, 3);
}

static void on_writable(void *arg, int what)
{
    struct pair *pair = arg;

    pair->events |= what;
    pair->calls++;
    loop_watch_destroy(pair->watch);
    loop_stop(loop);
}

Test(loop, a_watch_may_be_destroyed_in_its_own_callback)
{
    struct pair pair = {0};

    cr_assert_eq(pipe(pair.ends), 0);
    pair.watch = loop_watch_create(loop, pair.ends[1], LOOP_WRITE, on_writable, &pair);
    loop_run(loop);
    run_until_idle();
    cr_assert_eq(pair.calls, 1);
    cr_assert_eq(pair.events, LOOP_WRITE);
}

static void on_signal(void *arg)
{
    note(arg);
    loop_stop(loop);
}

Test(loop, a_signal_runs_on_the_loop)
{
    struct loop_watch *watch = loop_signal_create(loop, SIGUSR1, on_signal, "s");

    cr_assert_not_null(watch);
    raise(SIGUSR1);
    loop_run(loop);
    cr_assert_str_eq(trace, "s");
    loop_watch_destroy(watch);
}

static void look_at_the_time(void *arg)
{
    int64_t *times = arg;

    times[0] = loop_now_us(loop);
    while (loop_clock_us(loop) <= times[0]) {
    }
    times[1] = loop_now_us(loop);
    times[2] = loop_clock_us(loop);
}

Test(loop, the_time_of_a_turn_stands_still_and_the_clock_does_not)
{
    int64_t first[3], second[3];

    loop_defer(loop, look_at_the_time, first);
    run_until_idle();
    loop_defer(loop, look_at_the_time, second);
    run_until_idle();
    cr_assert_eq(first[0], first[1]);
    cr_assert(first[2] > first[0]);
    cr_assert(second[0] >= first[2]);
    cr_assert(llabs(loop_wall_ms(loop) - clock_wall_ms()) < 5000);
}

Test(loop, a_turn_is_measured)
{
    struct metrics *metrics = metrics_create();
    struct loop *other =
        loop_create(&(struct loop_options){.name = "other", .shard = metrics_shard(metrics)});
    int64_t times[3];
    struct loop *before = loop;

    loop = other;
    loop_defer(other, look_at_the_time, times);
    run_until_idle();
    loop = before;
    cr_assert_eq(metrics_value(metrics, METRIC_loop_stall_seconds, 0), 1);
    loop_destroy(other);
    metrics_destroy(metrics);
}

Test(loop, random_numbers_differ)
{
    struct loop *other = loop_create(&(struct loop_options){.name = "other"});

    cr_assert_neq(loop_random(loop), loop_random(loop));
    cr_assert_neq(loop_random(loop), loop_random(other));
    loop_destroy(other);
}

Test(loop, the_event_base_is_there)
{
    cr_assert_not_null(loop_event_base(loop));
}
