/* A load, step by step (PROTOCOL §4); each step leaves its name and figures in the guard row:
 *
 * step       does                                                       function
 * fencing    clears meta.replid: nothing is decided from its reply on   step_fence
 * waiting    Q: whoever was told of a win was told of one in the log    step_wait
 * draining   outbox to the log, entry by entry; the log settled         step_drain
 * cutting    one transaction: epoch + 1, stock = total - sold, control  step_cut
 * loading    orders, list and stock to Redis; the catalogue             guard_fill, write_catalogue
 * opening    announced by load_end; the relay applies it after hold     step_open
 *
 * A first load (no epoch in MySQL) begins at cutting. Any failure ends in `failed`: the fence stays
 * closed, nothing is sold, and the load can be asked for again. */
#include "settlement/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_change.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"

enum {
    CLOSE_TRIES_MAX = 3,  /* the epoch found is closed by the second */
    OPEN_LOOKS_MAX = 600, /* looks at the state until `open` is given up: two minutes */
    CATALOGUE_LOOKS_MAX = 2 * GUARD_STALE_MS / GUARD_LOOK_MS, /* a dead writer's claim runs out */
};

enum err guard_beat(struct guard_job *job, enum guard_step step, uint64_t done, uint64_t expected)
{
    job->progress.step = step;
    job->progress.done = done;
    job->progress.expected = expected;
    job->progress.note = job->note;
    const enum err err = guard_store_progress(job->context->mysql, &job->claim, &job->progress);
    if (err != ERR_OK) {
        return err;
    }
    /* Loads that wait behind this one have no thread: a second worker must not think them dead. */
    const enum err waiting = guard_store_beat_waiting(job->context->mysql, job->context->owner);
    if (waiting != ERR_OK) {
        LOG_DEBUG("waiting_loads_not_beaten", KV_STR("cause", err_name(waiting)));
    }
    return ERR_OK;
}

enum err guard_failed(struct guard_job *job, enum err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(job->note, sizeof job->note, format, arguments);
    va_end(arguments);
    return err;
}

bool guard_is_stopped(struct guard_job *job)
{
    if (!waiter_is_stopped(job->context->waiter)) {
        return false;
    }
    (void)guard_failed(job, ERR_CLOSED, "this worker was stopped");
    return true;
}

enum err guard_failed_by_mysql(struct guard_job *job, enum err err, const char *what)
{
    return guard_failed(job, err, "%s: %s (MySQL: %s)", what, err_text(err),
                        mysql_link_error_text(job->context->mysql));
}

enum err guard_failed_by_redis(struct guard_job *job, enum err err, const char *what)
{
    return guard_failed(job, err, "%s: %s (Redis: %s)", what, err_text(err),
                        redis_blocking_trouble(job->context->redis));
}

/* Engines answer by the D that the sale was loaded with, so the Q that belongs to it is waited for,
 * whatever the settings say now (PROTOCOL §3.9). Without a meta there is only ours. */
static enum err read_guard_time(struct guard_job *job)
{
    struct sale_meta meta = {0};
    const enum err err = sale_reader_meta(job->context->redis, job->claim.sale, &meta);

    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_PARSE) {
        return guard_failed_by_redis(job, err, "reading Q");
    }
    job->guard_ms = job->context->conf->sale_guard_ms;
    if (err == ERR_OK && meta.times.guard_ms > job->guard_ms) {
        job->guard_ms = meta.times.guard_ms;
    }
    return ERR_OK;
}

/* The claim is proven, then epochs up to MySQL's are closed: a loader that is stopped in between
 * finds the higher epoch of whoever took over, and does not touch it. A higher epoch under a claim
 * that is still ours is one that MySQL forgot (a backup was put back): it is closed as well. */
static enum err close_fence(struct guard_job *job, struct sale_reply *reply)
{
    const struct guard_context *context = job->context;
    uint32_t epoch = job->row.definition.epoch;
    enum err err = ERR_FENCED;

    for (int i = 0; i < CLOSE_TRIES_MAX && err == ERR_FENCED && epoch > 0; i++) {
        err = guard_beat(job, GUARD_STEP_FENCING, 0, 0);
        if (err != ERR_OK) {
            return guard_failed_by_mysql(job, err, "fencing");
        }
        err = sale_loader_close_fence(context->redis, job->claim.sale, epoch, reply);
        epoch = reply->head.epoch;
    }
    return err == ERR_OK ? err : guard_failed_by_redis(job, err, "close_fence");
}

static enum err step_fence(struct guard_job *job)
{
    struct sale_reply reply = {0};
    const enum err err = close_fence(job, &reply);

    /* No meta, or garbage in its place: nothing can be decided there (fail closed). The outbox may
     * still stand. */
    if (err == ERR_OK || err == ERR_NOT_FOUND || err == ERR_PARSE) {
        job->redis_epoch = err == ERR_OK ? reply.head.epoch : 0;
        job->note[0] = '\0';
        return read_guard_time(job);
    }
    return err;
}

static enum err step_wait(struct guard_job *job)
{
    const struct guard_context *context = job->context;
    const uint32_t guard_ms = job->guard_ms;
    const int64_t until_us = waiter_now_us(context->waiter) + (int64_t)guard_ms * 1000;

    for (;;) {
        const int64_t left_us = until_us - waiter_now_us(context->waiter);
        if (left_us <= 0) {
            return ERR_OK;
        }
        const enum err err =
            guard_beat(job, GUARD_STEP_WAITING, guard_ms - (uint64_t)left_us / 1000, guard_ms);
        if (err != ERR_OK) {
            return guard_failed_by_mysql(job, err, "waiting");
        }
        const uint32_t left_ms = (uint32_t)(left_us / 1000) + 1;
        if (!waiter_sleep_ms(context->waiter, left_ms < GUARD_BEAT_MS ? left_ms : GUARD_BEAT_MS)) {
            return guard_failed(job, ERR_CLOSED, "this worker was stopped");
        }
    }
}

static enum err step_cut(struct guard_job *job)
{
    enum err err = guard_beat(job, GUARD_STEP_CUTTING, 0, 0);

    err = err == ERR_OK ? mysql_link_ensure(job->context->mysql) : err;
    if (err == ERR_OK) {
        err = sale_store_raise_epoch(job->context->mysql, &job->claim, job->redis_epoch, &job->row);
    }
    if (err == ERR_RANGE) {
        return guard_failed(job, err, "no epoch is left: this sale was loaded %d times", EPOCH_MAX);
    }
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "cutting");
    }
    job->progress.epoch = job->row.definition.epoch;
    job->row.definition.times = (struct sale_times){
        .deadline_ms = job->context->conf->sale_deadline_ms,
        .lease_ms = job->context->conf->sale_lease_ms,
        .hold_ms = job->context->conf->sale_hold_ms,
        .guard_ms = job->context->conf->sale_guard_ms,
    };
    LOG_INFO("sale_cut", KV_U64("sale", job->claim.sale.value),
             KV_U64("epoch", job->row.definition.epoch));
    return ERR_OK;
}

/* The catalogue has a claim of its own: two loads must not write it from two readings at once. */
static enum err write_catalogue(struct guard_job *job)
{
    enum err err = ERR_BUSY;

    for (int look = 0; look < CATALOGUE_LOOKS_MAX && err == ERR_BUSY; look++) {
        err = guard_write_catalogue(job->context);
        if (err == ERR_BUSY) {
            const enum err beaten = guard_beat(job, GUARD_STEP_LOADING, job->filled, job->filled);
            err = beaten == ERR_OK ? err : beaten;
            if (!waiter_sleep_ms(job->context->waiter, GUARD_LOOK_MS)) {
                return guard_failed(job, ERR_CLOSED, "this worker was stopped");
            }
        }
    }
    if (err == ERR_RANGE) {
        return guard_failed(job, err,
                            "more than %d sales in the catalogue: lower catalogue.keep_days",
                            CATALOGUE_PUT_MAX);
    }
    return err == ERR_OK ? err : guard_failed(job, err, "writing the catalogue: %s", err_text(err));
}

static enum err step_open(struct guard_job *job)
{
    const struct guard_context *context = job->context;
    struct sale_look look = {0};

    if (job->row.control != SALE_CONTROL_OPEN) {
        return ERR_OK;
    }
    enum err err = sale_store_request_open(context->mysql, &job->claim, job->row.definition.epoch);
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "asking to open");
    }
    for (int i = 0; i < OPEN_LOOKS_MAX; i++) {
        err = sale_reader_look(context->redis, job->claim.sale, job->row.definition.epoch, &look);
        if (err == ERR_OK && look.answer != SALE_ANSWER_OK) {
            return guard_failed(job, ERR_FENCED, "Redis changed before the sale was open: %s",
                                sale_answer_name(look.answer));
        }
        if (err == ERR_OK && look.head.state != SALE_STATE_LOADED) {
            return ERR_OK;
        }
        err = guard_beat(job, GUARD_STEP_OPENING, job->filled, job->filled);
        if (err != ERR_OK || !waiter_sleep_ms(context->waiter, GUARD_LOOK_MS)) {
            return guard_failed(job, err == ERR_OK ? ERR_CLOSED : err, "opening was cut short");
        }
    }
    return guard_failed(job, ERR_TIMEOUT,
                        "the relay did not open the sale: see the log of the worker that relays");
}

static enum err run(struct guard_job *job)
{
    if (guard_is_stopped(job)) {
        return ERR_CLOSED; /* a load that waited for its turn: its sale goes on selling */
    }
    enum err err = mysql_link_ensure(job->context->mysql);
    err = err == ERR_OK ? sale_store_read(job->context->mysql, job->claim.sale, &job->row) : err;
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "reading the sale");
    }
    if (job->row.definition.epoch > 0) {
        err = step_fence(job);
        FAILPOINT_PASS(fence_closed);
        err = err == ERR_OK ? step_wait(job) : err;
        err = err == ERR_OK ? guard_drain(job) : err;
        FAILPOINT_PASS(history_drained);
    }
    err = err == ERR_OK ? step_cut(job) : err;
    FAILPOINT_PASS(epoch_raised);
    err = err == ERR_OK ? guard_fill(job) : err;
    err = err == ERR_OK ? write_catalogue(job) : err;
    FAILPOINT_PASS(catalogue_written);
    return err == ERR_OK ? step_open(job) : err;
}

static enum err log_claim(const struct guard_context *context, struct sale_id sale,
                          const struct admin_actor *actor)
{
    enum err err = mysql_link_begin(context->mysql);

    if (err != ERR_OK) {
        return err;
    }
    err = admin_log_put(context->mysql, actor, "load", sale, "");
    if (err == ERR_OK) {
        return mysql_link_commit(context->mysql);
    }
    mysql_link_rollback(context->mysql);
    return err;
}

enum err guard_claim_sale(const struct guard_context *context, struct sale_id sale,
                          const struct admin_actor *actor, struct guard_claim *ret_claim)
{
    struct sale_row row;
    struct guard_claim claim;

    enum err err = mysql_link_ensure(context->mysql);
    err = err == ERR_OK ? sale_store_read(context->mysql, sale, &row) : err;
    if (err == ERR_OK) {
        err = guard_store_claim(context->mysql, sale, context->owner, GUARD_STALE_MS, &claim);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = log_claim(context, sale, actor);
    if (err != ERR_OK) {
        /* Given back, if MySQL still answers; else it runs out. */
        const struct guard_progress none = {.step = GUARD_STEP_FAILED,
                                            .note = "the admin log could not be written"};
        if (mysql_link_ensure(context->mysql) == ERR_OK) {
            const enum err freed = guard_store_progress(context->mysql, &claim, &none);
            LOG_INFO("claim_given_back", KV_U64("sale", sale.value),
                     KV_STR("result", err_name(freed)));
        }
        return err;
    }
    *ret_claim = claim;
    return ERR_OK;
}

enum err guard_load(const struct guard_context *context, const struct guard_claim *claim)
{
    struct guard_job job = {.context = context, .claim = *claim};

    LOG_INFO("load_started", KV_U64("sale", claim->sale.value), KV_STR("owner", context->owner));
    const enum err err = run(&job);
    const enum guard_step end = err == ERR_OK ? GUARD_STEP_DONE : GUARD_STEP_FAILED;
    enum err told = mysql_link_ensure(context->mysql);
    told = told == ERR_OK ? guard_beat(&job, end, job.filled, job.filled) : told;
    metrics_add(context->shard, METRIC_loads_total, err == ERR_OK ? 0 : 1, 1);
    if (err == ERR_OK) {
        LOG_INFO("load_done", KV_U64("sale", claim->sale.value),
                 KV_U64("epoch", job.row.definition.epoch), KV_U64("orders", job.filled));
    } else {
        LOG_ERROR("load_failed", KV_U64("sale", claim->sale.value), KV_STR("why", job.note),
                  KV_BOOL("noted", told == ERR_OK), KV_STR("next", "mend the cause, load again"));
    }
    return err;
}
