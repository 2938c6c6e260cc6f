/* A load, turn by turn (PROTOCOL §4); each step leaves its name and figures in the guard row:
 *
 * step       does                                                       next      function
 * claimed    reads the sale; a first load (no epoch) begins at cutting  fencing   begin
 * fencing    closes the fence: nothing is decided from its reply on     waiting   guard_fence
 * waiting    Q: whoever was told of a win was told of one in the log    draining  turn_once
 * draining   outbox to the log, entry by entry; the log settled         cutting   guard_drain
 * cutting    the fence as it was left; then one transaction:            loading   step_cut
 *            epoch + 1, stock = total - sold, control
 * loading    orders, list and stock to Redis; the catalogue             opening   step_load
 * opening    announced by load_end; the relay applies it after hold     done      step_open
 *
 * Any failure ends in `failed`: the fence stays closed, nothing is sold, and the load can be asked
 * for again (guard_watch does so by itself). A turn that has to wait for time, for settling, for
 * the catalogue's writer or for the relay returns, and the other loads have theirs. */
#include "settlement/guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/catalogue_put.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_change.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"

enum {
    OPEN_LOOK_MS = 50,     /* between two looks at the state, and one more for each load in work */
    OPEN_WAIT_MS = 120000, /* since it was filled, until `open` is given up */
    CATALOGUE_WAIT_MS = 2 * GUARD_STALE_MS, /* a dead writer's claim runs out */
};

enum err guard_beat(struct guard_job *job, enum guard_step step, uint64_t done, uint64_t expected)
{
    const struct admin_actor actor = {.name = job->request.actor,
                                      .request_id = job->request.request_id};
    const bool is_new = step != job->progress.step;

    job->progress = (struct guard_progress){.step = step,
                                            .epoch = job->progress.epoch,
                                            .done = done,
                                            .expected = expected,
                                            .note = job->note,
                                            .actor = is_new ? &actor : NULL,
                                            .action = GUARD_STEP_ACTION};
    const enum err err = guard_store_progress(job->context->mysql, &job->claim, &job->progress);
    job->progress.actor = NULL;
    if (err == ERR_OK && is_new) {
        LOG_INFO("load_step", KV_U64("sale", job->claim.sale.value),
                 KV_STR("step", guard_step_name(step)), KV_U64("count", done),
                 KV_STR("actor", job->request.actor));
    }
    job->shared->beat(job->shared->beat_arg);
    return err;
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

static enum err cut(struct guard_job *job)
{
    enum err err = guard_beat(job, GUARD_STEP_CUTTING, 0, 0);

    err = err == ERR_OK ? mysql_link_ensure(job->context->mysql) : err;
    if (err == ERR_OK) {
        err = sale_store_raise_epoch(job->context->mysql, &job->claim, job->redis_epoch, &job->row);
    }
    if (err == ERR_RANGE) {
        return guard_failed(job, err, "no epoch is left: this sale was loaded %d times", EPOCH_MAX);
    }
    return err == ERR_OK ? err : guard_failed_by_mysql(job, err, "cutting");
}

static enum err step_cut(struct guard_job *job)
{
    enum err err = guard_look_at_fence(job);

    err = err == ERR_OK ? cut(job) : err;
    if (err != ERR_OK) {
        return err;
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

/* The catalogue has a claim of its own: two loads must not write it from two readings at once. One
 * writing serves all that were filled before it began. ERR_BUSY: another worker is at it. */
static enum err list_in_catalogue(struct guard_job *job)
{
    struct guard_shared *shared = job->shared;
    const int64_t now_us = waiter_now_us(job->context->waiter);

    if (shared->catalogue_us > job->filled_us) {
        return ERR_OK;
    }
    if (shared->catalogue_busy_us != 0
        && now_us - shared->catalogue_busy_us < (int64_t)GUARD_LOOK_MS * 1000) {
        return ERR_BUSY; /* asked a moment ago, for another load */
    }
    const enum err err = guard_write_catalogue(job->context, shared->beat, shared->beat_arg);
    shared->beat(shared->beat_arg);
    if (err == ERR_OK) {
        shared->catalogue_us = now_us > job->filled_us ? now_us : job->filled_us + 1;
        return ERR_OK;
    }
    shared->catalogue_busy_us = err == ERR_BUSY ? now_us : 0;
    if (err == ERR_BUSY && now_us - job->filled_us < (int64_t)CATALOGUE_WAIT_MS * 1000) {
        return ERR_BUSY;
    }
    if (err == ERR_RANGE) {
        return guard_failed(job, err,
                            "more than %d sales in the catalogue: lower catalogue.keep_days",
                            CATALOGUE_PUT_MAX);
    }
    (void)guard_failed(job, err, "writing the catalogue: %s", err_text(err));
    return err == ERR_BUSY ? ERR_TIMEOUT : err;
}

static enum err step_fill(struct guard_job *job)
{
    const enum err err = guard_fill(job);

    if (err == ERR_OK) {
        job->is_filled = true;
        job->filled_us = waiter_now_us(job->context->waiter);
    }
    return err == ERR_BUSY ? ERR_UNAVAILABLE : err; /* half of it is done: not simply again */
}

/* What the catalogue is written from must be after the load: so in the next turn. */
static enum err step_load(struct guard_job *job)
{
    enum err err = ERR_OK;

    if (!job->is_filled) {
        err = step_fill(job);
        return err == ERR_OK ? ERR_BUSY : err;
    }
    err = list_in_catalogue(job);
    if (err != ERR_OK) {
        return err;
    }
    FAILPOINT_PASS(catalogue_written);
    if (job->row.control != SALE_CONTROL_OPEN) {
        return ERR_OK;
    }
    err = sale_store_request_open(job->context->mysql, &job->claim, job->row.definition.epoch);
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "asking to open");
    }
    job->is_requested = true;
    err = guard_beat(job, GUARD_STEP_OPENING, job->filled, job->filled);
    job->wait_us = waiter_now_us(job->context->waiter)
                   + (int64_t)job->row.definition.times.hold_ms * 1000; /* not before */
    return err == ERR_OK ? ERR_OK : guard_failed_by_mysql(job, err, "opening");
}

/* ERR_BUSY: not open yet. */
static enum err step_open(struct guard_job *job)
{
    const struct guard_context *context = job->context;
    struct sale_look look = {0};

    if (!job->is_requested) {
        return ERR_OK;
    }
    const enum err err =
        sale_reader_look(context->redis, job->claim.sale, job->row.definition.epoch, &look);
    if (err == ERR_OK && look.answer != SALE_ANSWER_OK) {
        return guard_failed(job, ERR_FENCED, "Redis changed before the sale was open: %s",
                            sale_answer_name(look.answer));
    }
    if (err == ERR_OK && look.head.state != SALE_STATE_LOADED) {
        return ERR_OK;
    }
    const int64_t now_us = waiter_now_us(context->waiter);
    if (now_us - job->filled_us > (int64_t)OPEN_WAIT_MS * 1000) {
        return guard_failed(job, ERR_TIMEOUT,
                            "the relay did not open the sale: see the log of the worker that "
                            "relays");
    }
    job->wait_us = now_us + (int64_t)(OPEN_LOOK_MS + job->shared->job_count) * 1000;
    return ERR_BUSY;
}

static enum err begin(struct guard_job *job)
{
    enum err err = mysql_link_ensure(job->context->mysql);

    err = err == ERR_OK ? sale_store_read(job->context->mysql, job->claim.sale, &job->row) : err;
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "reading the sale");
    }
    if (job->row.definition.epoch == 0) {
        job->step = GUARD_STEP_CUTTING;
        return ERR_OK;
    }
    err = guard_check_dead(job); /* a sale that sells goes on selling */
    err = err == ERR_OK ? guard_check_outbox(job) : err;
    job->step = err == ERR_OK ? GUARD_STEP_FENCING : job->step;
    return err;
}

/* One step, or a part of it. ERR_BUSY: again, later; ERR_OK: at once. */
static enum err turn_once(struct guard_job *job)
{
    enum err err = ERR_OK;

    switch (job->step) {
    case GUARD_STEP_CLAIMED: return begin(job);
    case GUARD_STEP_FENCING:
        err = guard_fence(job);
        job->step = err == ERR_OK ? GUARD_STEP_WAITING : job->step;
        FAILPOINT_PASS(fence_closed);
        return err;
    case GUARD_STEP_WAITING: job->step = GUARD_STEP_DRAINING; return ERR_OK; /* wait_us is over */
    case GUARD_STEP_DRAINING:
        err = guard_drain(job);
        if (err == ERR_OK) {
            FAILPOINT_PASS(history_drained);
            job->step = GUARD_STEP_CUTTING;
        }
        return err;
    case GUARD_STEP_CUTTING:
        err = step_cut(job);
        FAILPOINT_PASS(epoch_raised);
        job->step = err == ERR_OK ? GUARD_STEP_LOADING : job->step;
        return err;
    case GUARD_STEP_LOADING:
        err = step_load(job);
        job->step = err == ERR_OK ? GUARD_STEP_OPENING : job->step;
        return err;
    case GUARD_STEP_OPENING:
        err = step_open(job);
        job->step = err == ERR_OK ? GUARD_STEP_DONE : job->step;
        return err;
    case GUARD_STEP_DONE:
    case GUARD_STEP_FAILED:
    case GUARD_STEP_COUNT: break;
    }
    UNREACHABLE();
}

/* Redis changed under the hands of this load, which is ours still: it begins again with a higher
 * epoch (PROTOCOL §4). A claim that is lost is found out by its first step. */
static bool begins_again(struct guard_job *job, enum err err)
{
    const bool was_redis = err == ERR_LOST || err == ERR_NOT_FOUND || err == ERR_FENCED;
    const bool in_load = job->step == GUARD_STEP_LOADING && !job->is_filled && was_redis;

    if ((!in_load && !job->is_moved) || ++job->tries >= GUARD_TRIES_MAX) {
        return false;
    }
    LOG_WARN("load_begins_again", KV_U64("sale", job->claim.sale.value), KV_STR("why", job->note),
             KV_STR("next", "loaded with a higher epoch"));
    job->step = GUARD_STEP_CLAIMED;
    job->filled = 0;
    job->is_moved = false;
    job->closed_epoch = 0;
    job->is_drained = false;
    free(job->ends);
    job->ends = NULL;
    return true;
}

static void tell_end(const struct guard_job *job, enum err noted)
{
    const uint32_t sale = job->claim.sale.value;

    if (job->result == ERR_OK) {
        LOG_INFO("load_done", KV_U64("sale", sale), KV_U64("epoch", job->row.definition.epoch),
                 KV_U64("orders", job->filled), KV_STR("actor", job->request.actor));
    } else if (noted == ERR_FENCED) {
        LOG_WARN("load_left", KV_U64("sale", sale), KV_STR("why", "another worker took it over"));
    } else {
        LOG_ERROR("load_failed", KV_U64("sale", sale), KV_STR("why", job->note),
                  KV_BOOL("noted", noted == ERR_OK),
                  KV_STR("next", "mend the cause; a sale that was loaded before is tried again"));
    }
}

/* The end is written until MySQL has it, or somebody else took over: a claim that nobody ends would
 * be loaded once more. */
static bool write_end(struct guard_job *job)
{
    const enum err result = job->result;
    const enum guard_step end = result == ERR_OK ? GUARD_STEP_DONE : GUARD_STEP_FAILED;
    enum err err = mysql_link_ensure(job->context->mysql);

    err = err == ERR_OK ? guard_beat(job, end, job->filled, job->filled) : err;
    if (err != ERR_OK && err != ERR_FENCED && !waiter_is_stopped(job->context->waiter)) {
        job->wait_us = waiter_now_us(job->context->waiter) + (int64_t)GUARD_BEAT_MS * 1000;
        return false;
    }
    metrics_add(job->context->shard, METRIC_loads_total, result == ERR_OK ? 0 : 1, 1);
    tell_end(job, err);
    return true;
}

/* What was asked for is done by the relay of another worker, or of the next one. */
static void tell_opening(struct guard_job *job)
{
    if (job->step == GUARD_STEP_OPENING) {
        (void)guard_failed(job, ERR_CLOSED,
                           "this worker was stopped while the sale was being opened: that goes on");
    }
}

/* True: over, but for its end. */
static bool go_on(struct guard_job *job)
{
    for (;;) {
        enum err err = ERR_CLOSED;
        if (guard_is_stopped(job)) {
            tell_opening(job); /* one that has not begun: its sale goes on selling */
        } else {
            if (waiter_now_us(job->context->waiter) < job->wait_us) {
                return false;
            }
            err = turn_once(job);
        }
        if (err == ERR_BUSY || (err != ERR_OK && begins_again(job, err))) {
            return false;
        }
        if (err != ERR_OK || job->step == GUARD_STEP_DONE) {
            job->result = err;
            return true;
        }
        if (job->step == GUARD_STEP_CUTTING) {
            return false; /* the long part: others may be ahead */
        }
    }
}

bool guard_job_turn(struct guard_job *job)
{
    if (!job->is_ending) {
        job->is_ending = go_on(job);
        job->wait_us = job->is_ending ? 0 : job->wait_us;
    }
    return job->is_ending
           && (waiter_now_us(job->context->waiter) >= job->wait_us
               || waiter_is_stopped(job->context->waiter))
           && write_end(job);
}

struct guard_job *guard_job_create(const struct guard_context *context, struct guard_shared *shared,
                                   const struct guard_request *request)
{
    struct guard_job *job = calloc(1, sizeof *job);

    if (job) {
        job->context = context;
        job->shared = shared;
        job->request = *request;
        job->claim = request->claim;
        job->step = GUARD_STEP_CLAIMED;
        job->progress.step = GUARD_STEP_CLAIMED;
        LOG_INFO("load_started", KV_U64("sale", job->claim.sale.value),
                 KV_STR("actor", job->request.actor), KV_STR("owner", context->owner));
    }
    return job;
}

void guard_job_destroy(struct guard_job *job)
{
    if (job) {
        free(job->ends);
        free(job);
    }
}
