/* guard_fill: step 3 of a load, the part in Redis. */
#include "settlement/guard_job.h"

#include "common/assert.h"
#include "common/failpoint.h"
#include "inventory/sale_loader.h"
#include "ledger/mysql_link.h"
#include "ledger/order_store.h"
#include "loop/waiter.h"

/* What the callbacks of the rows work on. */
struct fill {
    struct guard_job *job;
    struct sale_load *load;
    enum err error;       /* of Redis */
    struct order_no last; /* read */
    uint32_t page;        /* rows of the page in work */
};

static enum err on_order(void *arg, const struct order_row *row)
{
    struct fill *fill = arg;

    fill->last = row->record.order_no;
    fill->page++;
    if (row->reason == ORDER_REASON_EPOCH) {
        return ERR_OK; /* told to nobody: it was never won in this history */
    }
    const struct order_entry entry = {
        .order_no = row->record.order_no,
        .key_hash = row->record.key_hash,
        .sku = row->record.sku,
        .quantity = row->record.quantity,
        .has_slot = row->has_slot,
        .slot = row->record.slot,
        .state = row->state,
        .won_at_ms = row->record.won_at_ms,
    };
    fill->job->filled++;
    fill->error = sale_load_order(fill->load, &row->record.buyer, &entry);
    return fill->error;
}

static enum err on_listed(void *arg, const char *text, size_t size)
{
    struct fill *fill = arg;
    struct buyer buyer;

    const enum err err = buyer_parse(text, size, &buyer);
    if (err != ERR_OK) {
        return err;
    }
    fill->error = sale_load_listed(fill->load, &buyer);
    fill->job->filled++;
    return fill->error;
}

static enum err on_listed_page(void *arg)
{
    struct guard_job *job = ((struct fill *)arg)->job;

    return guard_beat(job, GUARD_STEP_LOADING, job->filled, 0);
}

static enum sale_state state_of(enum sale_control control)
{
    switch (control) {
    case SALE_CONTROL_OPEN: return SALE_STATE_LOADED;
    case SALE_CONTROL_PAUSED: return SALE_STATE_PAUSED;
    case SALE_CONTROL_FROZEN: return SALE_STATE_FROZEN;
    case SALE_CONTROL_ENDED: return SALE_STATE_ENDED;
    case SALE_CONTROL_COUNT: break;
    }
    UNREACHABLE();
}

static enum err fill_stock(struct fill *fill)
{
    const struct sale_row *row = &fill->job->row;
    enum err err = ERR_OK;

    for (uint32_t i = 0; i < row->definition.sku_count && err == ERR_OK; i++) {
        const struct sale_sku *sku = &row->definition.skus[i];
        ASSERT(row->sold[i] <= sku->total);
        err = sale_load_stock(fill->load, &sku->sku, sku->total - (uint32_t)row->sold[i]);
    }
    return err == ERR_OK ? err : guard_failed_by_redis(fill->job, err, "loading stock");
}

/* By pages of our own: between two of them the claim is proven, a long load must not look dead. */
static enum err fill_orders(struct fill *fill)
{
    struct guard_job *job = fill->job;
    enum err err;

    do {
        const struct order_filter filter = {
            .sale = job->claim.sale, .after = fill->last, .limit = ORDER_LIST_MAX};
        fill->page = 0;
        err = mysql_link_ensure(job->context->mysql);
        err = err == ERR_OK ? order_store_list(job->context->mysql, &filter, on_order, fill) : err;
        if (err == ERR_OK && fill->page == ORDER_LIST_MAX) {
            err = guard_beat(job, GUARD_STEP_LOADING, job->filled, 0);
        }
    } while (err == ERR_OK && fill->page == ORDER_LIST_MAX
             && !waiter_is_stopped(job->context->waiter));
    return err;
}

static enum err fill_rows(struct fill *fill)
{
    struct guard_job *job = fill->job;

    enum err err = fill_orders(fill);
    if (err == ERR_OK && job->row.definition.listed) {
        err = sale_store_each_listed(job->context->mysql, job->claim.sale, on_listed,
                                     on_listed_page, fill);
    }
    if (fill->error != ERR_OK) {
        return guard_failed_by_redis(job, fill->error, "loading orders");
    }
    if (guard_is_stopped(job)) {
        return ERR_CLOSED;
    }
    return err == ERR_OK ? err : guard_failed_by_mysql(job, err, "reading orders");
}

static enum err fill_load(struct fill *fill)
{
    struct guard_job *job = fill->job;

    enum err err = fill_stock(fill);
    err = err == ERR_OK ? fill_rows(fill) : err;
    if (err != ERR_OK) {
        return err;
    }
    FAILPOINT_PASS(load_part_sent);
    err = sale_load_send(fill->load, job->shared->beat, job->shared->beat_arg);
    if (err != ERR_OK) {
        return guard_failed_by_redis(job, err, "load_part");
    }
    err = guard_beat(job, GUARD_STEP_LOADING, job->filled, 0);
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "ending the load");
    }
    err = sale_load_end(fill->load, &job->row.definition, state_of(job->row.control), NULL);
    FAILPOINT_PASS(load_ended);
    return err == ERR_OK ? err : guard_failed_by_redis(job, err, "load_end");
}

enum err guard_fill(struct guard_job *job)
{
    struct fill fill = {.job = job};

    enum err err = guard_beat(job, GUARD_STEP_LOADING, 0, 0);
    if (err != ERR_OK) {
        return guard_failed_by_mysql(job, err, "loading");
    }
    FAILPOINT_PASS(load_proven);
    err = sale_load_begin(job->context->redis, job->claim.sale, job->row.definition.epoch,
                          &fill.load, NULL);
    if (err != ERR_OK) {
        return guard_failed_by_redis(job, err, "load_begin");
    }
    FAILPOINT_PASS(load_begun);
    err = fill_load(&fill);
    sale_load_destroy(fill.load);
    return err;
}
