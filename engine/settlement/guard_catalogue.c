/* guard_catalogue: the catalogue, written whole from what MySQL has (PROTOCOL §4). */
#include "common/conf.h"
#include "common/log.h"
#include "inventory/catalogue_put.h"
#include "inventory/sale_reader.h"
#include "ledger/guard_store.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"

enum { PAGE = 200 };

/* What one writing of the catalogue works on. */
struct catalogue_job {
    const struct guard_context *context;
    struct catalogue_put *put;
    struct guard_claim claim;
    guard_beat_fn *beat; /* NULL: none */
    void *beat_arg;
    int64_t beaten_us;
    struct sale_id last;
    uint32_t page;
};

/* Three exchanges for each of thousands of sales: neither the catalogue's claim nor those of the
 * loads that wait for it may look dead meanwhile. */
static enum err keep_claims(struct catalogue_job *job)
{
    const struct guard_progress progress = {.step = GUARD_STEP_LOADING};
    const int64_t now_us = waiter_now_us(job->context->waiter);

    if (now_us - job->beaten_us < (int64_t)GUARD_BEAT_MS * 1000) {
        return ERR_OK;
    }
    job->beaten_us = now_us;
    if (job->beat) {
        job->beat(job->beat_arg);
    }
    const enum err err = guard_store_progress(job->context->mysql, &job->claim, &progress);
    return err == ERR_FENCED ? ERR_BUSY : err;
}

/* Engines answer `rebuilding` for this one. */
static enum err add_unsellable(struct catalogue_job *job, struct sale_id sale)
{
    job->last = sale;
    job->page++;
    return catalogue_put_add_unreadable(job->put, sale);
}

static enum err on_unreadable(void *arg, struct sale_id sale)
{
    LOG_ERROR("catalogue_sale_unreadable", KV_U64("sale", sale.value),
              KV_STR("next", "mend its rows in sales and sale_skus, then seckillctl sale recover"));
    return add_unsellable(arg, sale);
}

static enum err on_catalogue_sale(void *arg, const struct sale_row *row)
{
    struct catalogue_job *job = arg;
    struct sale_definition definition = row->definition;
    struct sale_meta meta;

    const enum err kept = keep_claims(job);
    if (kept != ERR_OK) {
        return kept;
    }
    /* Times are those of an epoch: meta's, which is not MySQL's while the sale is being loaded. A
     * sale that Redis has lost, or not whole, gets ours with an epoch that is sold no more; its
     * next load writes both again. A lost reply is neither. */
    const enum err err = sale_reader_meta(job->context->redis, definition.sale, &meta);
    if (err != ERR_OK && err != ERR_NOT_FOUND && err != ERR_PARSE) {
        return err;
    }
    if (err == ERR_OK && meta.times.deadline_ms > 0) {
        definition.times = meta.times;
        definition.epoch = meta.head.epoch;
    } else {
        const struct conf *conf = job->context->conf;
        definition.times = (struct sale_times){conf->sale_deadline_ms, conf->sale_lease_ms,
                                               conf->sale_hold_ms, conf->sale_guard_ms};
        definition.epoch--;
    }
    if (definition.epoch == 0) { /* its first load is not done, or was lost: none was ever sold */
        return add_unsellable(job, definition.sale);
    }
    const char *why = NULL;
    if (sale_check(&definition, &why) != ERR_OK) {
        LOG_DEBUG("catalogue_sale_refused", KV_U64("sale", definition.sale.value),
                  KV_STR("why", why));
        return on_unreadable(job, definition.sale);
    }
    job->last = definition.sale;
    job->page++;
    return catalogue_put_add(job->put, &definition);
}

static enum err fill_catalogue(struct catalogue_job *job)
{
    enum err err;

    do {
        const struct sale_filter filter = {.after = job->last,
                                           .loaded_only = true,
                                           .keep_days = job->context->conf->catalogue_keep_days,
                                           .limit = PAGE,
                                           .unreadable = on_unreadable};
        job->page = 0;
        err = sale_store_list(job->context->mysql, &filter, on_catalogue_sale, job);
    } while (err == ERR_OK && job->page == PAGE);
    return err;
}

enum err guard_write_catalogue(const struct guard_context *context, guard_beat_fn *beat,
                               void *beat_arg)
{
    struct catalogue_job job = {.context = context,
                                .put = catalogue_put_create(),
                                .beat = beat,
                                .beat_arg = beat_arg,
                                .beaten_us = waiter_now_us(context->waiter)};
    uint64_t revision = 0;

    if (!job.put) {
        return ERR_NO_MEMORY;
    }
    enum err err = mysql_link_ensure(context->mysql);
    if (err == ERR_OK) {
        err = guard_store_claim(context->mysql, (struct sale_id){0}, context->owner, GUARD_STALE_MS,
                                &job.claim);
    }
    if (err == ERR_OK) {
        err = fill_catalogue(&job);
        err = err == ERR_OK ? catalogue_put_send(job.put, context->redis, &revision) : err;
        const struct guard_progress end = {.step =
                                               err == ERR_OK ? GUARD_STEP_DONE : GUARD_STEP_FAILED};
        const enum err told = guard_store_progress(context->mysql, &job.claim, &end);
        err = err == ERR_OK && told == ERR_FENCED ? ERR_BUSY : err;
        err = err == ERR_OK ? told : err;
    }
    if (err == ERR_RANGE) {
        LOG_ERROR("catalogue_full", KV_U64("sales_max", CATALOGUE_PUT_MAX),
                  KV_STR("next", "lower catalogue.keep_days: sales that ended leave sooner"));
    }
    if (err == ERR_OK) {
        LOG_INFO("catalogue_written", KV_U64("revision", revision));
    }
    catalogue_put_destroy(job.put);
    return err;
}
