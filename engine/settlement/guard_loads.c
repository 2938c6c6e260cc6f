#include "settlement/guard_loads.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"

enum {
    IDLE_MS = 50,    /* between two turns, or two looks at what was submitted */
    SLICE_MS = 1000, /* of cutting and filling, until the catalogue is written for those done */
    BEATS_TOLD_S = 10,
};

struct guard_loads {
    struct guard_context context;
    struct guard_shared shared;
    struct guard_job **jobs; /* owned, GUARD_LOADS_MAX */
    struct sale_id *sales;   /* owned, GUARD_LOADS_MAX: of the jobs, for their beats */
    int64_t beaten_us;
    pthread_mutex_t mutex;             /* of all below */
    struct guard_request *inbox;       /* owned, GUARD_LOADS_MAX */
    uint32_t inbox_count, taken_count; /* taken: jobs in work */
    uint32_t stuck_count;
    char why[GUARD_WHY_SIZE];
};

/* All claims at once: none may look dead while another load works or waits. */
static void beat(void *arg)
{
    struct guard_loads *loads = arg;
    const int64_t now_us = waiter_now_us(loads->context.waiter);

    if (loads->shared.job_count == 0 || now_us - loads->beaten_us < (int64_t)GUARD_BEAT_MS * 1000) {
        return;
    }
    loads->beaten_us = now_us;
    uint32_t count = 0;
    for (uint32_t i = 0; i < loads->shared.job_count; i++) {
        if (loads->jobs[i]) {
            loads->sales[count++] = loads->jobs[i]->claim.sale;
        }
    }
    const enum err err =
        guard_store_beat(loads->context.mysql, loads->context.owner, loads->sales, count);
    if (err != ERR_OK) {
        LOG_WARN_EVERY(BEATS_TOLD_S, "loads_not_beaten", KV_STR("error", err_name(err)),
                       KV_U64("loads", count),
                       KV_STR("next", "beaten again; another worker may take them over"));
    }
}

struct guard_loads *guard_loads_create(const struct guard_context *context)
{
    struct guard_loads *loads = calloc(1, sizeof *loads);

    if (!loads) {
        return NULL;
    }
    pthread_mutex_init(&loads->mutex, NULL);
    loads->context = *context;
    loads->shared.beat = beat;
    loads->shared.beat_arg = loads;
    loads->jobs = calloc(GUARD_LOADS_MAX, sizeof(struct guard_job *));
    loads->sales = calloc(GUARD_LOADS_MAX, sizeof *loads->sales);
    loads->inbox = calloc(GUARD_LOADS_MAX, sizeof *loads->inbox);
    if (!loads->jobs || !loads->sales || !loads->inbox) {
        guard_loads_destroy(loads);
        return NULL;
    }
    return loads;
}

void guard_loads_destroy(struct guard_loads *loads)
{
    if (!loads) {
        return;
    }
    for (uint32_t i = 0; i < loads->shared.job_count; i++) {
        guard_job_destroy(loads->jobs[i]);
    }
    guard_log_destroy(loads->shared.log);
    pthread_mutex_destroy(&loads->mutex);
    free(loads->jobs);
    free(loads->sales);
    free(loads->inbox);
    free(loads);
}

enum err guard_loads_submit(struct guard_loads *loads, const struct guard_request *request)
{
    enum err err = ERR_BUSY;

    pthread_mutex_lock(&loads->mutex);
    if (loads->inbox_count + loads->taken_count < GUARD_LOADS_MAX) {
        loads->inbox[loads->inbox_count++] = *request;
        err = ERR_OK;
    }
    pthread_mutex_unlock(&loads->mutex);
    return err;
}

/* No memory for one: its claim runs out, and the watch finds it. */
static void take_inbox(struct guard_loads *loads)
{
    struct guard_shared *shared = &loads->shared;

    pthread_mutex_lock(&loads->mutex);
    for (uint32_t i = 0; i < loads->inbox_count; i++) {
        struct guard_job *job = guard_job_create(&loads->context, shared, &loads->inbox[i]);
        if (job) {
            ASSERT(shared->job_count < GUARD_LOADS_MAX);
            loads->jobs[shared->job_count++] = job;
        }
    }
    loads->inbox_count = 0;
    loads->taken_count = shared->job_count;
    pthread_mutex_unlock(&loads->mutex);
}

static void show(struct guard_loads *loads)
{
    uint32_t stuck = 0;

    pthread_mutex_lock(&loads->mutex);
    for (uint32_t i = 0; i < loads->shared.job_count; i++) {
        const struct guard_job *job = loads->jobs[i];
        if (job->is_stuck && stuck++ == 0) {
            (void)snprintf(loads->why, sizeof loads->why, "sale %u %.150s", job->claim.sale.value,
                           job->note);
        }
    }
    loads->stuck_count = stuck;
    loads->taken_count = loads->shared.job_count;
    pthread_mutex_unlock(&loads->mutex);
    metrics_set(loads->context.shard, METRIC_loads_running, 0, loads->shared.job_count);
    metrics_set(loads->context.shard, METRIC_loads_blocked, 0, stuck);
}

uint32_t guard_loads_stuck(struct guard_loads *loads, char ret_why[static GUARD_WHY_SIZE])
{
    pthread_mutex_lock(&loads->mutex);
    const uint32_t count = loads->stuck_count;
    memcpy(ret_why, loads->why, sizeof loads->why);
    pthread_mutex_unlock(&loads->mutex);
    return count;
}

/* Those done with are taken out, the order of the others stays. Cutting and filling has a slice of
 * time: sales that are filled are listed and opened before the rest is cut. */
static bool turn_all(struct guard_loads *loads)
{
    struct guard_shared *shared = &loads->shared;
    const int64_t end_us = waiter_now_us(loads->context.waiter) + (int64_t)SLICE_MS * 1000;
    bool does_drain = false;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < shared->job_count; i++) {
        struct guard_job *job = loads->jobs[i];
        const bool is_long = job->step == GUARD_STEP_CUTTING;
        const bool waits = is_long && waiter_now_us(loads->context.waiter) > end_us;
        beat(loads);
        if (!waits && guard_job_turn(job)) {
            loads->jobs[i] = NULL;
            guard_job_destroy(job);
            continue;
        }
        does_drain = does_drain || job->step == GUARD_STEP_DRAINING;
    }
    for (uint32_t i = 0; i < shared->job_count; i++) {
        if (loads->jobs[i]) {
            loads->jobs[kept++] = loads->jobs[i];
        }
    }
    shared->job_count = kept;
    if (!does_drain) {
        guard_log_destroy(shared->log);
        shared->log = NULL;
    }
    return kept > 0;
}

bool guard_loads_turn(struct guard_loads *loads)
{
    take_inbox(loads);
    const bool has_work = turn_all(loads);
    show(loads);
    return has_work;
}

void guard_loads_run(struct guard_loads *loads)
{
    do {
        (void)guard_loads_turn(loads);
    } while (waiter_sleep_ms(loads->context.waiter, IDLE_MS));
    (void)guard_loads_turn(loads); /* what is left is told as failed */
}
