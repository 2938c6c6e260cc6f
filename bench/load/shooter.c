/* One thread, in time order:
 *
 * open        all connections; each that fails tells why, and the start is given up
 * wait        for `go`, the same for all threads
 * on_tick     sends what is due, as far as connections are free
 * on_sent     gives the connection up, when that is what its buyer does
 * on_answer   counts, then sends what is due already (open loop), or the next one (closed loop)
 * on_sweep    each 50 ms: time-outs, connections that are down or idle for long, the end */
#include "shooter.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shooter_state.h"

enum { SWEEP_US = 50000, OPEN_TIMEOUT_S = 15, RESERVED_MAX = 4 << 20 };

int64_t shooter_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SHOOTER_NS_PER_S + now.tv_nsec;
}

/* --- the thread --- */

/* True: all are open. */
static bool open_all(struct shooter *shooter)
{
    const int64_t until_ns = shooter_now_ns() + (int64_t)OPEN_TIMEOUT_S * SHOOTER_NS_PER_S;
    struct pool *pool = &shooter->pool;

    while (!pool_is_open(pool)) {
        if (!pool_open_more(pool)) {
            return false;
        }
        event_base_loop(shooter->base, EVLOOP_ONCE);
        if (pool->trouble[0]) {
            return false;
        }
        if (shooter_now_ns() > until_ns) {
            snprintf(pool->trouble, sizeof pool->trouble, "only %u of %u connections opened",
                     pool->open_count, pool->count);
            return false;
        }
    }
    return true;
}

static bool may_begin(const struct shooter *shooter)
{
    return !shooter->ring || token_ring_is_full(shooter->ring);
}

static void begin(struct shooter *shooter)
{
    const struct run *run = shooter->run;
    const int64_t wait_us = (run->start_ns - shooter_now_ns()) / SHOOTER_NS_PER_US;

    shooter->schedule.start_ns = run->start_ns;
    timeline_begin(shooter->timeline, run->start_ns);
    atomic_store(&shooter->phase, SHOOTER_RUNNING);
    shooter_tick_in(shooter, wait_us > 0 ? wait_us : 0);
    const struct effort_mark mark = effort_mark();
    event_base_dispatch(shooter->base);
    shooter->tally.effort = effort_since(&mark);
    timeline_end(shooter->timeline);
}

void *shooter_run(void *arg)
{
    struct shooter *shooter = arg;
    const struct timeval pause = {0, SWEEP_US};

    event_add(shooter->sweep, &pause);
    if (!open_all(shooter)) {
        atomic_store(&shooter->phase, SHOOTER_FAILED);
        return NULL;
    }
    while (!may_begin(shooter) && !atomic_load(&shooter->run->stop)) {
        event_base_loop(shooter->base, EVLOOP_ONCE); /* the sweep's timer wakes it */
    }
    atomic_store(&shooter->phase, SHOOTER_READY);
    while (!atomic_load(&shooter->run->go) && !atomic_load(&shooter->run->stop)) {
        event_base_loop(shooter->base, EVLOOP_ONCE);
    }
    begin(shooter);
    atomic_store(&shooter->phase, SHOOTER_DONE);
    return NULL;
}

enum shooter_phase shooter_phase(const struct shooter *shooter)
{
    return (enum shooter_phase)atomic_load(&shooter->phase);
}

const char *shooter_trouble(const struct shooter *shooter)
{
    return shooter->pool.trouble;
}

struct tally *shooter_tally(struct shooter *shooter)
{
    return &shooter->tally;
}

struct timeline *shooter_timeline(struct shooter *shooter)
{
    return shooter->timeline;
}

/* --- making --- */

static bool make_loop(struct shooter *shooter)
{
    struct event_config *config = event_config_new();

    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
        shooter->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!shooter->base) {
        return false;
    }
    shooter->tick = event_new(shooter->base, -1, 0, shooter_on_tick, shooter);
    shooter->sweep = event_new(shooter->base, -1, EV_PERSIST, shooter_on_sweep, shooter);
    shooter->buffer = malloc(CONNECTION_BUFFER_SIZE);
    return shooter->tick && shooter->sweep && shooter->buffer;
}

static bool make_pool(struct shooter *shooter)
{
    const struct connection_group group = {
        .base = shooter->base,
        .events = shooter_events,
        .arg = shooter,
        .buffer = shooter->buffer,
    };
    return pool_init(&shooter->pool, shooter->run->options, &shooter->schedule, &group);
}

static bool make_ring(struct shooter *shooter)
{
    const struct token_ring_options ring = {
        .crowd = shooter->run->maker->crowd,
        .plan = shooter->run->plan,
        .schedule = shooter->schedule,
        .attempts = shooter->share,
    };
    if (!ring.crowd || !shooter->run->options->sign_live) {
        return true;
    }
    shooter->ring = token_ring_create(&ring);
    return shooter->ring != NULL;
}

/* Of the whole profile; a constant rate has no end. */
static uint64_t profile_attempts(const struct run *run)
{
    const struct options *options = run->options;

    return run->attempts != UINT64_MAX
               ? run->attempts
               : schedule_attempts_in(options->profile, options->rate, options->duration_s);
}

static bool make_tally(struct shooter *shooter)
{
    const uint64_t expected = shooter->share < RESERVED_MAX ? shooter->share : RESERVED_MAX;

    return !shooter->run->options->keep_told
           || tally_reserve(&shooter->tally, (size_t)expected + 1);
}

struct shooter *shooter_create(const struct run *run, uint32_t thread)
{
    struct shooter *shooter = calloc(1, sizeof *shooter);
    const struct options *options = run->options;

    if (!shooter) {
        return NULL;
    }
    shooter->run = run;
    schedule_init(&shooter->schedule, options->profile, options->rate, profile_attempts(run),
                  thread, options->threads);
    shooter->share = run->attempts == UINT64_MAX
                         ? UINT64_MAX
                         : schedule_share(&shooter->schedule, run->attempts);
    shooter->timeline = timeline_create();
    if (!shooter->timeline || !make_loop(shooter) || !make_pool(shooter) || !make_ring(shooter)
        || !make_tally(shooter)) {
        shooter_destroy(shooter);
        return NULL;
    }
    return shooter;
}

void shooter_destroy(struct shooter *shooter)
{
    if (!shooter) {
        return;
    }
    for (uint32_t i = 0; shooter->pool.connections && i < shooter->pool.count; i++) {
        free(shooter->pool.connections[i].retry);
    }
    token_ring_destroy(shooter->ring);
    retries_finish(&shooter->retries);
    retries_finish(&shooter->followups);
    pool_finish(&shooter->pool);
    if (shooter->tick) {
        event_free(shooter->tick);
    }
    if (shooter->sweep) {
        event_free(shooter->sweep);
    }
    if (shooter->base) {
        event_base_free(shooter->base);
    }
    timeline_destroy(shooter->timeline);
    tally_finish(&shooter->tally);
    free(shooter->buffer);
    free(shooter);
}
