/* guard_fence: steps 0 and 1 of a load. The fence is closed, Q is found out; and before the cut the
 * fence must be as it was left (PROTOCOL §4). */
#include "settlement/guard_job.h"

#include <string.h>

#include "common/conf.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_settings.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"
#include "settlement/latch.h"

enum {
    CLOSE_TRIES_MAX = 3, /* the epoch found is closed by the second */
    SETTINGS_TOLD_S = 60,
    LAG_MAX_MS = 3000, /* the longest min-replicas-max-lag that is allowed */
};

/* A server that answers, and does not let its settings be read. */
static bool is_forbidden(const struct guard_job *job, enum err err)
{
    return err == ERR_IO || err == ERR_PARSE
           || (err == ERR_REFUSED
               && strncmp(redis_blocking_trouble(job->context->redis), "NOPERM", 6) == 0);
}

/* With replicas this primary may be a new one: an old one that was cut off decides until it has
 * missed its replicas for so long. Where nobody tells, there may be replicas. */
static enum err read_replica_wait(struct guard_job *job, uint32_t *ret_ms)
{
    struct redis_settings settings;

    const enum err err = redis_settings_read(job->context->redis, &settings);
    if (is_forbidden(job, err)) {
        LOG_WARN_EVERY(SETTINGS_TOLD_S, "redis_settings_unread",
                       KV_STR("redis", redis_blocking_trouble(job->context->redis)),
                       KV_STR("next", "loads as with replicas: 4 s more"));
        *ret_ms = LAG_MAX_MS + 1000;
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return guard_failed_by_redis(job, err, "reading the settings of replicas");
    }
    const bool has_replicas = settings.replicas > 0 || settings.min_replicas_to_write > 0;
    *ret_ms = has_replicas ? (settings.min_replicas_max_lag_s + 1) * 1000 : 0;
    return ERR_OK;
}

static enum err add_replica_wait(struct guard_job *job)
{
    struct guard_shared *shared = job->shared;
    const int64_t now_us = waiter_now_us(job->context->waiter);
    enum err err = ERR_OK;

    if (shared->replica_us == 0 || now_us - shared->replica_us >= (int64_t)GUARD_BEAT_MS * 1000) {
        err = read_replica_wait(job, &shared->replica_wait_ms);
        shared->replica_us = err == ERR_OK ? now_us : 0;
    }
    job->guard_ms += shared->replica_wait_ms;
    return err;
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
    return add_replica_wait(job);
}

/* The claim is proven, then epochs up to MySQL's (read under this claim) are closed. Who is stopped
 * in between finds the higher epoch of whoever took over, and does not touch it; who is stopped
 * before load_begin finds its own epoch closed. A higher one under a claim that is ours still is
 * one that MySQL forgot (a backup was put back): it is closed as well. */
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
        FAILPOINT_PASS(fence_proven);
        job->closed_epoch = epoch;
        err = sale_loader_close_fence(context->redis, job->claim.sale, epoch, reply);
        epoch = reply->head.epoch;
    }
    return err == ERR_OK ? err : guard_failed_by_redis(job, err, "close_fence");
}

/* Q begins now: nothing is decided any more. */
static enum err wait_for_told(struct guard_job *job)
{
    enum err err = read_guard_time(job);

    if (err != ERR_OK) {
        return err;
    }
    job->wait_us = waiter_now_us(job->context->waiter) + (int64_t)job->guard_ms * 1000;
    err = guard_beat(job, GUARD_STEP_WAITING, 0, job->guard_ms);
    return err == ERR_OK ? err : guard_failed_by_mysql(job, err, "waiting");
}

/* What Redis has latched outlasts this load, whatever MySQL or a clock that was set back says. */
static enum err keep_end(struct guard_job *job, const struct sale_reply *reply)
{
    const bool is_ended = reply->head.state == SALE_STATE_ENDED;
    const enum err err = is_ended ? latch_end(job->context->mysql, job->claim.sale) : ERR_OK;

    return err == ERR_OK ? err : guard_failed_by_mysql(job, err, "keeping the sale ended");
}

enum err guard_fence(struct guard_job *job)
{
    struct sale_reply reply = {0};
    enum err err = close_fence(job, &reply);

    if (err == ERR_OK) {
        err = keep_end(job, &reply);
        if (err != ERR_OK) {
            return err;
        }
    }

    /* There was no meta, or garbage in its place. The outbox may still stand. */
    if (err == ERR_OK || err == ERR_NOT_FOUND || err == ERR_PARSE) {
        job->redis_epoch = err == ERR_OK ? reply.head.epoch : 0;
        job->note[0] = '\0';
        return wait_for_told(job);
    }
    return err;
}

/* Closed once more, which tells how it was. Not as this load left it: Redis forgot it, and a loader
 * that lost its claim may have opened it since; what was won there would be voided by the cut. */
enum err guard_look_at_fence(struct guard_job *job)
{
    struct sale_reply reply = {0};

    if (job->closed_epoch == 0) {
        return ERR_OK; /* the first load: nothing was ever sold */
    }
    const enum err err =
        sale_loader_close_fence(job->context->redis, job->claim.sale, job->closed_epoch, &reply);
    job->is_moved =
        err == ERR_FENCED || err == ERR_NOT_FOUND || err == ERR_PARSE
        || (err == ERR_OK && (!reply.was_closed || reply.head.epoch != job->closed_epoch));
    if (job->is_moved) {
        return guard_failed(job, ERR_CONFLICT, "the fence in Redis is not as this load left it");
    }
    return err == ERR_OK ? err : guard_failed_by_redis(job, err, "looking at the fence");
}
