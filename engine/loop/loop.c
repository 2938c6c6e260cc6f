/* A turn of the loop: wait for events, run them, then run what was deferred by then. The wait does
 * not happen while something is deferred. Calls from other threads come through one eventfd. */
#include "loop/loop.h"

#include "common/assert.h"
#include "common/clock.h"
#include "common/metrics.h"
#include "loop/timer_wheel.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

struct call {
    loop_fn *fn;
    void *arg;
};

struct call_list {
    struct call *calls; /* owned */
    size_t count, capacity;
};

struct turn {
    int64_t start_us; /* 0: nobody asked for the time in this turn yet */
};

struct loop {
    const char *name;            /* borrowed static text */
    struct metrics_shard *shard; /* borrowed or NULL */
    struct event_base *base;     /* owned */
    struct event *wake;          /* owned; reads wake_fd */
    int wake_fd;                 /* owned; -1: none */
    struct timer_wheel *wheel;   /* owned */
    struct turn *turn;           /* owned; apart, so that a const loop may note the time */
    uint64_t random_state;
    struct call_list deferred; /* for the end of this turn */
    struct call_list running;  /* being run: apart, as what it defers belongs to the next turn */

    atomic_bool stopping;
    atomic_bool owned; /* `owner` is set */
    pthread_t owner;

    pthread_mutex_t lock;    /* of what is below */
    struct call_list posted; /* by any thread */
    bool closed;
};

struct loop_watch {
    struct event *event; /* owned */
    loop_watch_fn *watch_fn;
    loop_fn *signal_fn;
    void *arg;
};

static bool call_list_add(struct call_list *list, loop_fn *fn, void *arg)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        struct call *calls = reallocarray(list->calls, capacity, sizeof *calls);

        if (!calls) {
            return false;
        }
        list->calls = calls;
        list->capacity = capacity;
    }
    list->calls[list->count++] = (struct call){fn, arg};
    return true;
}

static void call_list_run(struct call_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        list->calls[i].fn(list->calls[i].arg);
    }
    list->count = 0;
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t size;

    /* EAGAIN: the counter is full, so the loop is awake. */
    do {
        size = write(loop->wake_fd, &one, sizeof one);
    } while (size < 0 && errno == EINTR);
    ASSERT(size == (ssize_t)sizeof one || errno == EAGAIN);
}

static void run_posted(struct loop *loop)
{
    struct call_list taken;

    pthread_mutex_lock(&loop->lock);
    taken = loop->posted;
    loop->posted = (struct call_list){0};
    pthread_mutex_unlock(&loop->lock);
    call_list_run(&taken);
    free(taken.calls);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof count) < 0) {
        ASSERT(errno == EAGAIN || errno == EINTR);
    }
    run_posted(loop);
}

static struct event_base *create_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (!config) {
        return NULL;
    }
    /* One thread owns the base; deadlines are ours, by the precise clock, so the cache has no use.
     */
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0
        && event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME) == 0) {
        base = event_base_new_with_config(config);
    }
    event_config_free(config);
    return base;
}

struct loop *loop_create(const struct loop_options *options)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop) {
        return NULL;
    }
    loop->name = options->name;
    loop->shard = options->shard;
    loop->wake_fd = -1;
    if (pthread_mutex_init(&loop->lock, NULL) != 0) {
        free(loop);
        return NULL;
    }
    if (getrandom(&loop->random_state, sizeof loop->random_state, 0)
        != (ssize_t)sizeof loop->random_state) {
        goto fail;
    }
    loop->turn = calloc(1, sizeof *loop->turn);
    loop->base = create_base();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!loop->turn || !loop->base || loop->wake_fd < 0) {
        goto fail;
    }
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (!loop->wake || event_add(loop->wake, NULL) != 0) {
        goto fail;
    }
    loop->wheel = timer_wheel_create(loop);
    if (!loop->wheel) {
        goto fail;
    }
    return loop;

fail:
    loop_destroy(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (!loop) {
        return;
    }
    pthread_mutex_lock(&loop->lock);
    loop->closed = true;
    pthread_mutex_unlock(&loop->lock);
    run_posted(loop);
    while (loop->deferred.count > 0) {
        struct call_list now = loop->deferred;

        loop->deferred = (struct call_list){0};
        call_list_run(&now);
        free(now.calls);
    }
    timer_wheel_destroy(loop->wheel);
    if (loop->wake) {
        event_free(loop->wake);
    }
    if (loop->base) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        (void)close(loop->wake_fd);
    }
    free(loop->deferred.calls);
    free(loop->running.calls);
    free(loop->turn);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

static void run_deferred(struct loop *loop)
{
    struct call_list now = loop->deferred;

    loop->deferred = loop->running;
    loop->running = now;
    call_list_run(&loop->running);
}

static void end_turn(struct loop *loop)
{
    if (loop->turn->start_us != 0) {
        int64_t length_us = clock_mono_us() - loop->turn->start_us;

        metrics_observe_us(loop->shard, METRIC_loop_stall_seconds, 0, (uint64_t)length_us);
        loop->turn->start_us = 0;
    }
}

void loop_run(struct loop *loop)
{
    loop->owner = pthread_self();
    atomic_store(&loop->owned, true);
    do {
        /* ONCE in both cases: without it libevent polls on as long as any event is active, and
         * under load what was deferred would never run. */
        int how = loop->deferred.count > 0 || atomic_load(&loop->stopping)
                      ? EVLOOP_ONCE | EVLOOP_NONBLOCK
                      : EVLOOP_ONCE;

        /* -1 comes of epoll itself: nothing here can go on. */
        ASSERT(event_base_loop(loop->base, how) != -1);
        run_deferred(loop);
        end_turn(loop);
    } while (!atomic_load(&loop->stopping));
    atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

void loop_assert_owner(const struct loop *loop)
{
    ASSERT(!atomic_load(&loop->owned) || pthread_equal(loop->owner, pthread_self()));
}

void loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
    loop_assert_owner(loop);
    ASSERT(call_list_add(&loop->deferred, fn, arg));
}

enum err loop_post(struct loop *loop, loop_fn *fn, void *arg)
{
    enum err err = ERR_OK;
    bool first = false;

    pthread_mutex_lock(&loop->lock);
    if (loop->closed) {
        err = ERR_CLOSED;
    } else if (!call_list_add(&loop->posted, fn, arg)) {
        err = ERR_NO_MEMORY;
    } else {
        first = loop->posted.count == 1;
    }
    pthread_mutex_unlock(&loop->lock);
    if (first) {
        wake(loop);
    }
    return err;
}

int64_t loop_now_us(const struct loop *loop)
{
    if (loop->turn->start_us == 0) {
        loop->turn->start_us = clock_mono_us();
    }
    return loop->turn->start_us;
}

int64_t loop_clock_us(const struct loop *loop)
{
    (void)loop;
    return clock_mono_us();
}

int64_t loop_wall_ms(const struct loop *loop)
{
    (void)loop;
    return clock_wall_ms();
}

/* splitmix64 */
uint64_t loop_random(struct loop *loop)
{
    uint64_t z;

    loop->random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = loop->random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;

    (void)fd;
    watch->watch_fn(watch->arg,
                    (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    struct loop_watch *watch = arg;

    (void)fd;
    (void)what;
    watch->signal_fn(watch->arg);
}

static struct loop_watch *watch_create(struct loop *loop, int fd, short what, event_callback_fn fn,
                                       struct loop_watch wanted)
{
    struct loop_watch *watch = malloc(sizeof *watch);

    loop_assert_owner(loop);
    if (!watch) {
        return NULL;
    }
    *watch = wanted;
    watch->event = event_new(loop->base, fd, what, fn, watch);
    if (!watch->event || event_add(watch->event, NULL) != 0) {
        loop_watch_destroy(watch);
        return NULL;
    }
    return watch;
}

struct loop_watch *loop_watch_create(struct loop *loop, int fd, int what, loop_watch_fn *fn,
                                     void *arg)
{
    short events = EV_PERSIST;

    ASSERT(fd >= 0 && what != 0 && (what & ~(LOOP_READ | LOOP_WRITE)) == 0);
    events |= what & LOOP_READ ? EV_READ : 0;
    events |= what & LOOP_WRITE ? EV_WRITE : 0;
    return watch_create(loop, fd, events, on_watch,
                        (struct loop_watch){.watch_fn = fn, .arg = arg});
}

struct loop_watch *loop_signal_create(struct loop *loop, int signal_number, loop_fn *fn, void *arg)
{
    return watch_create(loop, signal_number, EV_SIGNAL | EV_PERSIST, on_signal,
                        (struct loop_watch){.signal_fn = fn, .arg = arg});
}

void loop_watch_destroy(struct loop_watch *watch)
{
    if (!watch) {
        return;
    }
    if (watch->event) {
        event_free(watch->event);
    }
    free(watch);
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

struct timer_wheel *loop_timer_wheel(struct loop *loop)
{
    return loop->wheel;
}
