#include "bin/worker_threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
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
#include "settlement/kafka_watch.h"
#include "settlement/reaper.h"
#include "settlement/relay.h"
#include "settlement/settle_notices.h"
#include "settlement/settle_orders.h"
#include "settlement/settler.h"

enum { THREADS_MAX = 48 }; /* a shard each, of the 64 that a registry has */

struct row;

/* What a part is made of: its own, but for what `common` borrows. */
struct ground {
    const struct worker_threads_options *common;
    const struct row *row;
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
    void (*look)(const struct ground *ground, void *part, struct api_ops_causes *causes);
    const void *with; /* static, its functions know what; NULL: nothing */
};

struct thread {
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
#define DOORS_OF(name) .run = name##_door_run, .destroy = name##_door_destroy

DOORS(dead_relay)
DOORS(event_relay)
DOORS(kafka_watch)
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

static void look_event_relay(const struct ground *ground, void *part, struct api_ops_causes *causes)
{
    char why[EVENT_RELAY_TEXT_SIZE];

    (void)ground;
    if (event_relay_look(part, why)) {
        api_ops_cause_add(causes, "events", why);
    }
}

static void *make_kafka_watch(const struct ground *ground)
{
    return kafka_watch_create(&(struct kafka_watch_options){
        .waiter = ground->common->waiter,
        .conf = ground->common->conf,
        .shard = ground->shard,
    });
}

static void look_kafka_watch(const struct ground *ground, void *part, struct api_ops_causes *causes)
{
    struct kafka_watch_state state;

    kafka_watch_look(part, &state);
    if (state.away[0] != '\0') {
        api_ops_cause_add(causes, "kafka", state.away);
    }
    if (state.weak[0] != '\0' && ground->common->conf->strict) {
        api_ops_cause_add(causes, "kafka-durability", state.weak);
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

/* A topic whose records are settled. */
struct settler_row {
    const struct settle_kind *kind;
    size_t topic_at;          /* in struct conf: its name */
    const char *group_suffix; /* as settler_options */
    const char *client_name;
    enum metric lag_metric;
    const char *paused, *stopped; /* causes: it waits; one of its partitions is stopped */
};

static const struct settler_row orders = {
    .kind = &settle_orders_kind,
    .topic_at = offsetof(struct conf, kafka_orders_topic),
    .client_name = "seckill-worker",
    .lag_metric = METRIC_consumer_lag_records,
    .paused = "settling",
    .stopped = "partition-stopped",
};
/* A group of its own: a member that comes or goes disturbs no consumer of orders. */
static const struct settler_row notices = {
    .kind = &settle_notices_kind,
    .topic_at = offsetof(struct conf, kafka_notices_topic),
    .group_suffix = "-notices",
    .client_name = "seckill-worker-notices",
    .lag_metric = METRIC_notice_lag_records,
    .paused = "notices",
    .stopped = "notices-stopped",
};

static void *make_settler(const struct ground *ground)
{
    const struct settler_row *row = ground->row->with;
    const struct conf *conf = ground->common->conf;

    return settler_create(&(struct settler_options){
        .kind = row->kind,
        .topic = (const char *)conf + row->topic_at,
        .group = conf->worker_group,
        .group_suffix = row->group_suffix,
        .client_name = row->client_name,
        .lag_metric = row->lag_metric,
        .conf = conf,
        .mysql = ground->mysql,
        .waiter = ground->common->waiter,
        .owner = ground->common->owner,
        .index = ground->index,
        .shard = ground->shard,
    });
}

static uint32_t count_notices(const struct conf *conf)
{
    return conf->worker_notice_consumers;
}

static uint32_t count_orders(const struct conf *conf)
{
    return conf->worker_consumers;
}

static void look_settler(const struct ground *ground, void *part, struct api_ops_causes *causes)
{
    const struct settler_row *row = ground->row->with;
    struct settler_state state;

    settler_look(part, &state);
    if (state.is_paused) {
        api_ops_cause_add(causes, row->paused, state.why);
    }
    if (state.stopped_why[0] != '\0') {
        api_ops_cause_add(causes, row->stopped, state.stopped_why);
    }
}

/* In the order of their start; the docs name them (ARCHITECTURE, threads). */
static const struct row rows[] = {
    {.create = make_dead_relay, DOORS_OF(dead_relay)},
    {.create = make_event_relay, DOORS_OF(event_relay), .look = look_event_relay},
    {.create = make_kafka_watch, DOORS_OF(kafka_watch), .look = look_kafka_watch},
    {.create = make_settler,
     DOORS_OF(settler),
     .count = count_orders,
     .look = look_settler,
     .with = &orders},
    {.create = make_settler,
     DOORS_OF(settler),
     .count = count_notices,
     .look = look_settler,
     .with = &notices},
    {.create = make_reaper, DOORS_OF(reaper)},
    {.create = make_relay, DOORS_OF(relay), .needs_redis = true},
};

/* --- their life --- */

/* False: no memory; what is there is destroyed with the rest. */
static bool make_thread(struct worker_threads *threads, const struct row *row, uint32_t index)
{
    ASSERT(threads->count < THREADS_MAX);
    struct thread *thread = &threads->threads[threads->count++];

    thread->ground = (struct ground){
        .common = &threads->options,
        .row = row,
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

    thread->ground.row->run(thread->part);
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
        thread->ground.row->destroy(thread->part);
        mysql_link_destroy(thread->ground.mysql);
        redis_blocking_destroy(thread->ground.redis);
    }
    free(threads);
}

void worker_threads_causes(struct worker_threads *threads, struct api_ops_causes *causes)
{
    for (uint32_t i = 0; i < threads->count; i++) {
        struct thread *thread = &threads->threads[i];
        if (thread->ground.row->look) {
            thread->ground.row->look(&thread->ground, thread->part, causes);
        }
    }
}
