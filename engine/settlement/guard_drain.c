/* guard_drain: step 2 of a load. What the outbox holds is produced and deleted entry by entry; then
 * every record up to the log's end must be settled (PROTOCOL §4). */
#include "settlement/guard_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "inventory/sale_reader.h"
#include "journal/order_log_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/sale_sweep.h"
#include "loop/waiter.h"

enum { DRAIN_ENTRIES = 100 }; /* outbox entries produced together */

/* The record that the engine would have produced: price and pay window are fixed at load (PROTOCOL
 * §5). */
static enum err record_of(const struct sale_row *row, const struct outbox_win *win,
                          struct order_record *ret_record)
{
    struct order_terms terms;

    if (order_terms_of(&row->definition, &win->entry.sku, &terms) != ERR_OK) {
        return ERR_RANGE;
    }
    order_record_make(&win->entry, &win->buyer, &terms, &win->traceparent, ret_record);
    return order_record_check(ret_record);
}

/* What one read of the outbox collects. */
struct drain {
    const struct sale_row *row;
    struct outbox_place places[DRAIN_ENTRIES];
    uint32_t place_count;
    struct order_record *records; /* owned, DRAIN_ENTRIES * OUTBOX_ENTRY_WINS_MAX */
    uint32_t record_count;
};

static enum err on_entry(void *arg, const struct outbox_listed_entry *entry)
{
    struct drain *drain = arg;

    ASSERT(drain->place_count < DRAIN_ENTRIES && entry->win_count <= OUTBOX_ENTRY_WINS_MAX);
    for (uint32_t i = 0; i < entry->win_count; i++) {
        const enum err err =
            record_of(drain->row, &entry->wins[i], &drain->records[drain->record_count]);
        if (err != ERR_OK) {
            return err;
        }
        drain->record_count++;
    }
    drain->places[drain->place_count++] = (struct outbox_place){entry->epoch, entry->first_seq};
    return ERR_OK;
}

/* One read of the outbox to the log; its entries are deleted once all are reported. */
static enum err drain_some(struct guard_job *job, struct order_log_blocking *log,
                           struct drain *drain)
{
    const struct guard_context *context = job->context;
    uint32_t count = 0;

    drain->place_count = 0;
    drain->record_count = 0;
    if (guard_is_stopped(job)) {
        return ERR_CLOSED;
    }
    enum err err = sale_reader_outbox(context->redis, job->claim.sale, (struct outbox_place){0},
                                      DRAIN_ENTRIES, on_entry, drain, &count);
    if (err == ERR_CONFLICT) {
        /* Whoever was told of a win is in the log (step 1); load_begin throws the key away. */
        LOG_ERROR("outbox_damaged", KV_U64("sale", job->claim.sale.value),
                  KV_STR("cause", "the key is no stream"),
                  KV_STR("next", "none: wins in it were told to nobody, the load goes on"));
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return guard_failed_by_redis(job, err, "reading the outbox");
    }
    if (drain->record_count > 0) {
        err = order_log_blocking_append(log, drain->records, drain->record_count,
                                        context->conf->kafka_message_timeout_ms, NULL);
        if (err != ERR_OK) {
            return guard_failed(job, err, "producing the outbox: %s", err_text(err));
        }
    }
    for (uint32_t i = 0; i < drain->place_count; i++) {
        err = sale_reader_outbox_delete(context->redis, job->claim.sale, drain->places[i]);
        if (err != ERR_OK) {
            return guard_failed_by_redis(job, err, "deleting from the outbox");
        }
    }
    return ERR_OK;
}

static void drain_destroy(struct drain *drain)
{
    if (drain) {
        free(drain->records);
        free(drain);
    }
}

/* NULL: no memory, told in the note. */
static struct drain *drain_create(struct guard_job *job)
{
    struct drain *drain = calloc(1, sizeof *drain);

    if (drain) {
        drain->row = &job->row;
        drain->records =
            calloc((size_t)DRAIN_ENTRIES * OUTBOX_ENTRY_WINS_MAX, sizeof *drain->records);
    }
    if (!drain || !drain->records) {
        (void)guard_failed(job, ERR_NO_MEMORY, "out of memory");
        drain_destroy(drain);
        return NULL;
    }
    return drain;
}

static enum err read_all(struct guard_job *job, struct drain *drain)
{
    struct outbox_place after = {0};
    uint32_t count = 0;
    enum err err;

    do {
        drain->place_count = 0;
        drain->record_count = 0;
        err = sale_reader_outbox(job->context->redis, job->claim.sale, after, DRAIN_ENTRIES,
                                 on_entry, drain, &count);
        after = drain->place_count > 0 ? drain->places[drain->place_count - 1] : after;
        job->shared->beat(job->shared->beat_arg);
    } while (err == ERR_OK && count == DRAIN_ENTRIES && !guard_is_stopped(job));
    return err;
}

enum err guard_check_outbox(struct guard_job *job)
{
    struct drain *drain = drain_create(job);

    if (!drain) {
        return ERR_NO_MEMORY;
    }
    const enum err err = read_all(job, drain);
    drain_destroy(drain);
    if (err == ERR_OK || err == ERR_CONFLICT) {
        return ERR_OK; /* no stream: nothing in it was told */
    }
    if (err == ERR_PARSE || err == ERR_RANGE) {
        return guard_failed(job, ERR_CONFLICT,
                            "not begun, the sale was not touched: an entry of its outbox in Redis "
                            "cannot be read; find out who wrote there, and load it again");
    }
    return guard_failed_by_redis(job, err, "reading the outbox");
}

static enum err drain_outbox(struct guard_job *job, struct order_log_blocking *log)
{
    struct drain *drain = drain_create(job);
    uint64_t produced = 0;
    enum err err = ERR_OK;

    if (!drain) {
        return ERR_NO_MEMORY;
    }
    do {
        err = err == ERR_OK ? drain_some(job, log, drain) : err;
        if (err == ERR_OK) {
            produced += drain->record_count;
            err = drain->place_count > 0 ? guard_beat(job, GUARD_STEP_DRAINING, produced, 0) : err;
            err = err == ERR_OK ? err : guard_failed_by_mysql(job, err, "draining");
        }
    } while (err == ERR_OK && drain->place_count > 0);
    if (produced > 0) {
        LOG_INFO("outbox_drained", KV_U64("sale", job->claim.sale.value),
                 KV_U64("records", produced));
    }
    drain_destroy(drain);
    return err;
}

/* The log as all loads see it: one handle, and what was read of it last. */
struct guard_log {
    struct order_log_blocking *log; /* owned */
    uint64_t ends[LOG_PARTITIONS_MAX];
    uint32_t count;
    int64_t ends_us;                   /* when the reading began; 0: never */
    uint64_t next[LOG_PARTITIONS_MAX]; /* settled up to here; no row counts as 0 */
    int64_t next_us;
};

void guard_log_destroy(struct guard_log *log)
{
    if (log) {
        order_log_blocking_destroy(log->log);
        free(log);
    }
}

static enum err open_log(struct guard_job *job)
{
    const struct conf *conf = job->context->conf;
    const struct order_log_blocking_options options = {
        .brokers = conf->kafka_brokers,
        .topic = conf->kafka_orders_topic,
        .client_name = "seckill-guard",
    };
    struct guard_log *log = calloc(1, sizeof *log);

    if (!log) {
        return guard_failed(job, ERR_NO_MEMORY, "out of memory");
    }
    const enum err err = order_log_blocking_create(&options, &log->log);
    if (err != ERR_OK) {
        free(log);
        return guard_failed(job, err, "opening the order log: %s", err_text(err));
    }
    job->shared->log = log;
    return ERR_OK;
}

static enum err on_offset(void *arg, const struct offset_row *row)
{
    struct guard_log *log = arg;

    if (row->part < LOG_PARTITIONS_MAX) {
        log->next[row->part] = row->next;
    }
    return ERR_OK;
}

static enum err read_settled(struct guard_job *job)
{
    const struct guard_context *context = job->context;
    struct guard_log *log = job->shared->log;
    const int64_t now_us = waiter_now_us(context->waiter);

    if (log->next_us != 0 && now_us - log->next_us < (int64_t)GUARD_LOOK_MS * 1000
        && log->next_us > job->drain_us) {
        return ERR_OK;
    }
    memset(log->next, 0, sizeof log->next);
    enum err err = mysql_link_ensure(context->mysql);
    err = err == ERR_OK
              ? offset_store_list(context->mysql, context->conf->kafka_orders_topic, on_offset, log)
              : err;
    if (err != ERR_OK) {
        log->next_us = 0;
        return guard_failed_by_mysql(job, err, "reading offsets");
    }
    log->next_us = now_us;
    return ERR_OK;
}

/* Waits on: ERR_BUSY. Told in the guard row, and by an alarm once it takes too long. */
static enum err show_wait(struct guard_job *job, uint64_t count)
{
    const int64_t now_us = waiter_now_us(job->context->waiter);
    const bool is_long = now_us - job->drain_us >= (int64_t)GUARD_STUCK_MS * 1000;
    /* With many loads each writes less often: MySQL is what all of them wait for. */
    const int64_t every_us =
        (int64_t)(job->shared->job_count > 50 ? 20 * job->shared->job_count : GUARD_BEAT_MS) * 1000;

    if (is_long && !job->is_stuck) {
        job->is_stuck = true;
        LOG_ERROR("load_stuck", KV_U64("sale", job->claim.sale.value), KV_STR("why", job->note),
                  KV_STR("next", "look why the log is not settled: /readyz and log of the workers; "
                                 "the load goes on by itself"));
    }
    if (job->shown_us != 0 && now_us - job->shown_us < every_us) {
        return ERR_BUSY;
    }
    job->shown_us = now_us;
    const enum err err = guard_beat(job, GUARD_STEP_DRAINING, 0, count);
    return err == ERR_OK ? ERR_BUSY : guard_failed_by_mysql(job, err, "draining");
}

/* A place that MySQL has and the log does not: the topic was made anew, or lost its end. What was
 * told and not settled may be in Redis alone: nothing is loaded. */
static bool is_beyond(struct guard_job *job)
{
    const struct guard_log *log = job->shared->log;

    for (uint32_t part = 0; part < log->count; part++) {
        if (log->next[part] > log->ends[part]) {
            snprintf(job->note, sizeof job->note,
                     "partition %u ends at %llu, MySQL is at %llu: the log lost records", part,
                     (unsigned long long)log->ends[part], (unsigned long long)log->next[part]);
            return true;
        }
    }
    return false;
}

/* Places first: those that MySQL has by then are in a log that is whole. */
static enum err read_ends(struct guard_job *job)
{
    const struct guard_context *context = job->context;
    struct guard_log *log = job->shared->log;
    const int64_t now_us = waiter_now_us(context->waiter);

    log->next_us = 0;
    enum err err = read_settled(job);
    if (err != ERR_OK) {
        return err;
    }
    err = order_log_blocking_ends(log->log, context->conf->kafka_message_timeout_ms, log->ends,
                                  &log->count);
    if (err != ERR_OK) {
        return guard_failed(job, err, "reading the log's ends: %s", err_text(err));
    }
    job->shared->beat(job->shared->beat_arg);
    if (is_beyond(job)) {
        job->wait_us = now_us + (int64_t)GUARD_BEAT_MS * 1000;
        return show_wait(job, 0);
    }
    log->ends_us = now_us > job->drain_us ? now_us : job->drain_us + 1;
    return ERR_OK;
}

/* The ends that this load must see settled: read after its own outbox was empty, perhaps for
 * another. */
static enum err take_ends(struct guard_job *job)
{
    struct guard_log *log = job->shared->log;

    if (log->ends_us <= job->drain_us) {
        const enum err err = read_ends(job);
        if (err != ERR_OK) {
            return err;
        }
    }
    job->ends = calloc(log->count > 0 ? log->count : 1, sizeof *job->ends);
    if (!job->ends) {
        return guard_failed(job, ERR_NO_MEMORY, "out of memory");
    }
    job->end_count = log->count;
    memcpy(job->ends, log->ends, log->count * sizeof *job->ends);
    return ERR_OK;
}

/* Records that are not settled yet; the first such partition goes to `*ret_part`. */
static uint64_t behind(const struct guard_job *job, uint32_t *ret_part)
{
    const struct guard_log *log = job->shared->log;
    uint64_t sum = 0;

    for (uint32_t part = job->end_count; part-- > 0;) {
        if (log->next[part] < job->ends[part]) {
            sum += job->ends[part] - log->next[part];
            *ret_part = part;
        }
    }
    return sum;
}

static enum err wait_on(struct guard_job *job, uint64_t count, uint32_t part)
{
    snprintf(job->note, sizeof job->note,
             "waits for %llu records to be settled; partition %u is at %llu of %llu",
             (unsigned long long)count, part, (unsigned long long)job->shared->log->next[part],
             (unsigned long long)job->ends[part]);
    return show_wait(job, count);
}

enum err guard_check_dead(struct guard_job *job)
{
    uint64_t of_sale = 0, of_none = 0;
    const enum err err =
        dead_store_open_count(job->context->mysql, job->context->conf->kafka_orders_topic,
                              job->claim.sale, &of_sale, &of_none);

    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "reading dead letters");
    }
    /* Each may be a win that somebody was told of, and none is in `sold`: its unit would be sold
     * again. */
    if (of_sale + of_none > 0) {
        return guard_failed(job, ERR_CONFLICT,
                            SALE_BLOCKED_NOTE "%llu dead letters of this sale, %llu of no known "
                                              "sale may be wins of it: resolve them first",
                            (unsigned long long)of_sale, (unsigned long long)of_none);
    }
    return ERR_OK;
}

static enum err drain_now(struct guard_job *job)
{
    enum err err = guard_beat(job, GUARD_STEP_DRAINING, 0, 0);

    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "draining");
    }
    err = job->shared->log ? ERR_OK : open_log(job);
    err = err == ERR_OK ? drain_outbox(job, job->shared->log->log) : err;
    if (err == ERR_OK) {
        job->is_drained = true;
        job->drain_us = waiter_now_us(job->context->waiter);
    }
    return err;
}

enum err guard_drain(struct guard_job *job)
{
    uint32_t part = 0;

    if (!job->is_drained) {
        const enum err err = drain_now(job);
        return err == ERR_OK ? ERR_BUSY : err; /* the ends are read once for all that come next */
    }
    enum err err = job->ends ? ERR_OK : take_ends(job);
    err = err == ERR_OK ? read_settled(job) : err;
    if (err != ERR_OK) {
        return err;
    }
    const uint64_t count = behind(job, &part);
    if (count > 0) {
        return wait_on(job, count, part);
    }
    err = guard_check_dead(job);
    if (err == ERR_OK) {
        job->note[0] = '\0'; /* what it waited for is past */
        job->is_stuck = false;
    }
    return err;
}
