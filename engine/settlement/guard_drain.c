/* guard_drain: step 2 of a load. What the outbox holds is produced and deleted entry by entry; then
 * every record up to the log's end must be settled (PROTOCOL §4). */
#include "settlement/guard_job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "inventory/sale_reader.h"
#include "journal/order_log_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
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

static enum err drain_outbox(struct guard_job *job, struct order_log_blocking *log)
{
    struct drain *drain = calloc(1, sizeof *drain);
    uint64_t produced = 0;
    enum err err = ERR_OK;

    if (!drain) {
        return guard_failed(job, ERR_NO_MEMORY, "out of memory");
    }
    drain->row = &job->row;
    drain->records = calloc((size_t)DRAIN_ENTRIES * OUTBOX_ENTRY_WINS_MAX, sizeof *drain->records);
    err = drain->records ? ERR_OK : guard_failed(job, ERR_NO_MEMORY, "out of memory");
    do {
        err = err == ERR_OK ? drain_some(job, log, drain) : err;
        if (err == ERR_OK) {
            produced += drain->record_count;
            err = guard_beat(job, GUARD_STEP_DRAINING, produced, 0);
            err = err == ERR_OK ? err : guard_failed_by_mysql(job, err, "draining");
        }
    } while (err == ERR_OK && drain->place_count > 0);
    if (produced > 0) {
        LOG_INFO("outbox_drained", KV_U64("sale", job->claim.sale.value),
                 KV_U64("records", produced));
    }
    free(drain->records);
    free(drain);
    return err;
}

/* Where every partition of the log ended after the drain. */
struct log_ends {
    uint64_t next[LOG_PARTITIONS_MAX];
    uint32_t count;
};

struct settled {
    const struct log_ends *ends;
    uint64_t behind; /* records not settled yet */
    bool seen[LOG_PARTITIONS_MAX];
};

static enum err on_offset(void *arg, const struct offset_row *row)
{
    struct settled *settled = arg;

    if (row->part < settled->ends->count) {
        const uint64_t end = settled->ends->next[row->part];
        settled->seen[row->part] = true;
        settled->behind += row->next < end ? end - row->next : 0;
    }
    return ERR_OK;
}

/* Until every partition's next is at its end as read after the drain; no row counts as 0. */
static enum err wait_settled(struct guard_job *job, const struct log_ends *ends)
{
    const struct guard_context *context = job->context;

    for (;;) {
        struct settled settled = {.ends = ends};
        enum err err = mysql_link_ensure(context->mysql);
        err = err == ERR_OK ? offset_store_list(context->mysql, context->conf->kafka_orders_topic,
                                                on_offset, &settled)
                            : err;
        if (err != ERR_OK) {
            return guard_failed_by_mysql(job, err, "reading offsets");
        }
        for (uint32_t part = 0; part < ends->count; part++) {
            settled.behind += settled.seen[part] ? 0 : ends->next[part];
        }
        if (settled.behind == 0) {
            return ERR_OK;
        }
        snprintf(job->note, sizeof job->note, "waits for %llu records to be settled",
                 (unsigned long long)settled.behind);
        err = guard_beat(job, GUARD_STEP_DRAINING, 0, settled.behind);
        if (err != ERR_OK) {
            return guard_failed_by_mysql(job, err, "draining");
        }
        if (!waiter_sleep_ms(context->waiter, GUARD_LOOK_MS)) {
            return guard_failed(job, ERR_CLOSED, "this worker was stopped");
        }
    }
}

static enum err check_dead(struct guard_job *job)
{
    uint64_t of_sale = 0, of_none = 0;
    const enum err err =
        dead_store_open_count(job->context->mysql, job->claim.sale, &of_sale, &of_none);

    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "reading dead letters");
    }
    /* Each may be a win that somebody was told of, and none is in `sold`: its unit would be sold
     * again. */
    if (of_sale + of_none > 0) {
        return guard_failed(job, ERR_CONFLICT,
                            "%llu dead letters of this sale, %llu of no known sale may be wins of "
                            "it: resolve them first",
                            (unsigned long long)of_sale, (unsigned long long)of_none);
    }
    return ERR_OK;
}

static enum err drain_and_settle(struct guard_job *job, struct order_log_blocking *log)
{
    struct log_ends ends = {0};

    enum err err = drain_outbox(job, log);
    if (err != ERR_OK) {
        return err;
    }
    err = order_log_blocking_ends(log, job->context->conf->kafka_message_timeout_ms, ends.next,
                                  &ends.count);
    if (err != ERR_OK) {
        return guard_failed(job, err, "reading the log's ends: %s", err_text(err));
    }
    err = wait_settled(job, &ends);
    return err == ERR_OK ? check_dead(job) : err;
}

enum err guard_drain(struct guard_job *job)
{
    const struct conf *conf = job->context->conf;
    const struct order_log_blocking_options options = {
        .brokers = conf->kafka_brokers,
        .topic = conf->kafka_orders_topic,
        .client_name = "seckill-guard",
    };
    struct order_log_blocking *log = NULL;

    enum err err = guard_beat(job, GUARD_STEP_DRAINING, 0, 0);
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "draining");
    }
    err = order_log_blocking_create(&options, &log);
    if (err != ERR_OK) {
        return guard_failed(job, err, "opening the order log: %s", err_text(err));
    }
    err = drain_and_settle(job, log);
    order_log_blocking_destroy(log);
    if (err == ERR_OK) {
        job->note[0] = '\0'; /* what it waited for is past */
    }
    return err;
}
