#include "bin/worker_guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "ledger/mysql_link.h"
#include "settlement/guard_watch.h"

/* What a thread has of its own. */
struct part {
    struct mysql_link *mysql;     /* owned; NULL for `ping` */
    struct redis_blocking *redis; /* owned */
    pthread_t thread;
    bool is_started;
};

struct worker_guard {
    struct part ping, load, look;
    struct redis_watch *redis; /* owned */
    struct guard_loads *loads; /* owned */
    struct guard_watch *watch; /* owned */
};

static struct guard_context context_of(const struct worker_guard_options *options,
                                       struct part *part)
{
    part->mysql = mysql_link_create(options->mysql);
    part->redis = redis_blocking_create(options->redis);
    return (struct guard_context){
        .mysql = part->mysql,
        .redis = part->redis,
        .waiter = options->waiter,
        .conf = options->conf,
        .owner = options->owner,
        .shard = metrics_shard(options->metrics),
    };
}

static void make_ping(struct worker_guard *guard, const struct worker_guard_options *options)
{
    guard->ping.redis = redis_blocking_create(options->redis);
    const struct redis_watch_options watch = {
        .redis = guard->ping.redis,
        .waiter = options->waiter,
        .shard = metrics_shard(options->metrics),
    };
    guard->redis = guard->ping.redis ? redis_watch_create(&watch) : NULL;
}

struct worker_guard *worker_guard_create(const struct worker_guard_options *options)
{
    struct worker_guard *guard = calloc(1, sizeof *guard);

    if (!guard) {
        return NULL;
    }
    const struct guard_context load = context_of(options, &guard->load);
    const struct guard_context look = context_of(options, &guard->look);
    make_ping(guard, options);
    if (guard->redis && load.mysql && load.redis && look.mysql && look.redis) {
        guard->loads = guard_loads_create(&load);
        guard->watch = guard->loads ? guard_watch_create(&look, guard->loads) : NULL;
    }
    if (!guard->watch) {
        worker_guard_destroy(guard);
        return NULL;
    }
    return guard;
}

static void *ping_thread(void *arg)
{
    redis_watch_run(arg);
    return NULL;
}

static void *load_thread(void *arg)
{
    guard_loads_run(arg);
    mysql_link_thread_end();
    return NULL;
}

static void *look_thread(void *arg)
{
    guard_watch_run(arg);
    mysql_link_thread_end();
    return NULL;
}

static void start(struct part *part, void *(*run)(void *arg), void *arg)
{
    part->is_started = pthread_create(&part->thread, NULL, run, arg) == 0;
}

enum err worker_guard_start(struct worker_guard *guard)
{
    start(&guard->ping, ping_thread, guard->redis);
    start(&guard->load, load_thread, guard->loads);
    start(&guard->look, look_thread, guard->watch);
    return guard->ping.is_started && guard->load.is_started && guard->look.is_started
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static void join(struct part *part)
{
    if (part->is_started) {
        pthread_join(part->thread, NULL);
    }
}

static void finish(struct part *part)
{
    mysql_link_destroy(part->mysql);
    redis_blocking_destroy(part->redis);
}

void worker_guard_destroy(struct worker_guard *guard)
{
    if (!guard) {
        return;
    }
    join(&guard->ping);
    join(&guard->look);
    join(&guard->load);
    redis_watch_destroy(guard->redis);
    guard_watch_destroy(guard->watch);
    guard_loads_destroy(guard->loads);
    finish(&guard->ping);
    finish(&guard->load);
    finish(&guard->look);
    free(guard);
}

struct guard_loads *worker_guard_loads(struct worker_guard *guard)
{
    return guard->loads;
}

bool worker_guard_is_redis_away(struct worker_guard *guard,
                                char ret_why[static REDIS_WATCH_TEXT_SIZE])
{
    return redis_watch_is_away(guard->redis, ret_why);
}

uint32_t worker_guard_blocked(struct worker_guard *guard, char ret_why[static GUARD_WHY_SIZE])
{
    const uint32_t blocked = guard_watch_blocked(guard->watch, ret_why);

    return blocked > 0 ? blocked : guard_loads_stuck(guard->loads, ret_why);
}
