#include "bin/worker_threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/api_ops.h"
#include "common/assert.h"
#include "common/conf.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "ledger/mysql_link.h"
#include "settlement/dead_relay.h"
#include "settlement/event_relay.h"
#include "settlement/reaper.h"
#include "settlement/relay.h"
#include "settlement/settle_notices.h"
#include "settlement/settle_orders.h"
#include "settlement/settler.h"

enum { THREADS_MAX = 48 }; /* a shard each, of the 64 that a registry has */

/* What a part is made of: its own, but for what `common` borrows. */
struct ground {
    const struct worker_threads_options *common;
    uint32_t index;               /* among those of its row */
    struct mysql_link *mysql;     /* owned */
    struct redis_blocking *redis; /* owned; NULL: the row needs none */
    struct metrics_shard *shard;  /* borrowed: the registry's */
};

struct row {
    uint32_t (*count)(const struct conf *conf); /* NULL: one thread */
    bool needs_redis;
    void *(*create)(const struct ground *ground); /* NULL: no memory */
    void (*run)(void *part);                      /* until the waiter is stopped */
    void (*destroy)(void *part);                  /* NULL is fine */
    /* Adds what keeps the worker from being ready; NULL: nothing ever does. Thread: any. */
    void (*look)(void *part, struct api_ops_causes *causes);
};

struct thread {
    const struct row *row;
    struct ground ground;
    void *part; /* owned */
    pthread_t thread;
    bool is_started;
};

struct worker_threads {
    struct worker_threads_options options;
    struct thread threads[THREADS_MAX];
    uint32_t count;
};

/* --- the rows --- */

/* NAME_run() and NAME_destroy() as a row has them. */
#define DOORS(name)                                                                                \
    static void name##_door_run(void *part)                                                        \
    {                                                                                              \
        name##_run(part);                                                                          \
    }                                                                                              \
    static void name##_door_destroy(void *part)                                                    \
    {                                                                                              \
        name##_destroy(part);                                                                      \
    }

DOORS(dead_relay)
DOORS(event_relay)
DOORS(reaper)
DOORS(relay)
DOORS(settler)

static void *make_dead_relay(const struct ground *ground)
{
    return dead_relay_create(&(struct dead_relay_options){
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .conf = ground->common->conf,
        .shard = ground->shard,
    });
}

static void *make_reaper(const struct ground *ground)
{
    return reaper_create(&(struct reaper_options){
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .conf = ground->common->conf,
        .shard = ground->shard,
    });
}

static void *make_event_relay(const struct ground *ground)
{
    return event_relay_create(&(struct event_relay_options){
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .conf = ground->common->conf,
        .shard = ground->shard,
    });
}

static void look_event_relay(void *part, struct api_ops_causes *causes)
{
    char why[EVENT_RELAY_TEXT_SIZE];

    if (event_relay_look(part, why)) {
        api_ops_cause_add(causes, "events", why);
    }
}

static void *make_relay(const struct ground *ground)
{
    return relay_create(&(struct relay_options){
        .mysql = ground->mysql,
        .redis = ground->redis,
        .waiter = ground->common->waiter,
        .conf = ground->common->conf,
        .shard = ground->shard,
    });
}

static void *make_orders_settler(const struct ground *ground)
{
    return settler_create(&(struct settler_options){
        .kind = &settle_orders_kind,
        .topic = ground->common->conf->kafka_orders_topic,
        .group = ground->common->conf->worker_group,
        .client_name = "seckill-worker",
        .lag_metric = METRIC_consumer_lag_records,
        .conf = ground->common->conf,
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .owner = ground->common->owner,
        .index = ground->index,
        .shard = ground->shard,
    });
}

/* A group of its own: a member that comes or goes disturbs no consumer of orders. */
static void *make_notices_settler(const struct ground *ground)
{
    return settler_create(&(struct settler_options){
        .kind = &settle_notices_kind,
        .topic = ground->common->conf->kafka_notices_topic,
        .group = ground->common->conf->worker_group,
        .group_suffix = "-notices",
        .client_name = "seckill-worker-notices",
        .lag_metric = METRIC_notice_lag_records,
        .conf = ground->common->conf,
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .owner = ground->common->owner,
        .index = ground->index,
        .shard = ground->shard,
    });
}

static uint32_t count_notices_settlers(const struct conf *conf)
{
    return conf->worker_notice_consumers;
}

static uint32_t count_orders_settlers(const struct conf *conf)
{
    return conf->worker_consumers;
}

static void look_settler(void *part, struct api_ops_causes *causes, const char *paused,
                         const char *stopped)
{
    struct settler_state state;

    settler_look(part, &state);
    if (state.is_paused) {
        api_ops_cause_add(causes, paused, state.why);
    }
    if (state.stopped_why[0] != '\0') {
        api_ops_cause_add(causes, stopped, state.stopped_why);
    }
}

static void look_orders_settler(void *part, struct api_ops_causes *causes)
{
    look_settler(part, causes, "settling", "partition-stopped");
}

static void look_notices_settler(void *part, struct api_ops_causes *causes)
{
    look_settler(part, causes, "notices", "notices-stopped");
}

/* In the order of their start; the docs name them (ARCHITECTURE, threads). */
static const struct row rows[] = {
    {NULL, false, make_dead_relay, dead_relay_door_run, dead_relay_door_destroy, NULL},
    {NULL, false, make_event_relay, event_relay_door_run, event_relay_door_destroy,
     look_event_relay},
    {count_orders_settlers, false, make_orders_settler, settler_door_run, settler_door_destroy,
     look_orders_settler},
    {count_notices_settlers, false, make_notices_settler, settler_door_run, settler_door_destroy,
     look_notices_settler},
    {NULL, false, make_reaper, reaper_door_run, reaper_door_destroy, NULL},
    {NULL, true, make_relay, relay_door_run, relay_door_destroy, NULL},
};

/* --- their life --- */

/* False: no memory; what is there is destroyed with the rest. */
static bool make_thread(struct worker_threads *threads, const struct row *row, uint32_t index)
{
    ASSERT(threads->count < THREADS_MAX);
    struct thread *thread = &threads->threads[threads->count++];

    thread->row = row;
    thread->ground = (struct ground){
        .common = &threads->options,
        .index = index,
        .mysql = mysql_link_create(threads->options.mysql),
        .redis = row->needs_redis ? redis_blocking_create(threads->options.redis) : NULL,
        .shard = metrics_shard(threads->options.metrics),
    };
    if (!thread->ground.mysql || !thread->ground.shard
        || (row->needs_redis && !thread->ground.redis)) {
        return false;
    }
    thread->part = row->create(&thread->ground);
    return thread->part != NULL;
}

struct worker_threads *worker_threads_create(const struct worker_threads_options *options)
{
    struct worker_threads *threads = calloc(1, sizeof *threads);

    if (!threads) {
        return NULL;
    }
    threads->options = *options;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t count = rows[i].count ? rows[i].count(options->conf) : 1;
        for (uint32_t index = 0; index < count; index++) {
            if (!make_thread(threads, &rows[i], index)) {
                worker_threads_destroy(threads);
                return NULL;
            }
        }
    }
    return threads;
}

static void *thread_main(void *arg)
{
    struct thread *thread = arg;

    thread->row->run(thread->part);
    mysql_link_thread_end();
    return NULL;
}

enum err worker_threads_start(struct worker_threads *threads)
{
    for (uint32_t i = 0; i < threads->count; i++) {
        struct thread *thread = &threads->threads[i];
        if (pthread_create(&thread->thread, NULL, thread_main, thread) != 0) {
            return ERR_NO_MEMORY;
        }
        thread->is_started = true;
    }
    return ERR_OK;
}

void worker_threads_destroy(struct worker_threads *threads)
{
    if (!threads) {
        return;
    }
    for (uint32_t i = 0; i < threads->count; i++) {
        if (threads->threads[i].is_started) {
            pthread_join(threads->threads[i].thread, NULL);
        }
    }
    for (uint32_t i = 0; i < threads->count; i++) {
        struct thread *thread = &threads->threads[i];
        thread->row->destroy(thread->part);
        mysql_link_destroy(thread->ground.mysql);
        redis_blocking_destroy(thread->ground.redis);
    }
    free(threads);
}

void worker_threads_causes(struct worker_threads *threads, struct api_ops_causes *causes)
{
    for (uint32_t i = 0; i < threads->count; i++) {
        if (threads->threads[i].row->look) {
            threads->threads[i].row->look(threads->threads[i].part, causes);
        }
    }
}
