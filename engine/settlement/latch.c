#include "settlement/latch.h"

#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_marks.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_change.h"
#include "ledger/sale_sweep.h"

enum { DUE_MAX = 32 }; /* sales of one sweep: each costs a call to Redis */

static const struct admin_actor worker_actor = {.name = "worker", .request_id = ""};

/* ERR_OK: `*ret_over` tells. Else the link's: no other sale can be looked at now either. */
static enum err ask_redis(const struct latch_context *context, const struct sale_due *due,
                          bool *ret_over)
{
    struct sale_look look = {0};
    const enum err err = sale_reader_look(context->redis, due->sale, due->epoch, &look);

    if (err != ERR_OK) {
        *ret_over = false;
        return err == ERR_PARSE ? ERR_OK : err; /* garbage: the others are looked at all the same */
    }
    /* Where the fence does not fit, a load is due: it reads the control state of MySQL. */
    *ret_over =
        look.answer == SALE_ANSWER_OK && look.head.state != SALE_STATE_LOADING
        && (look.head.state == SALE_STATE_ENDED || look.head.redis_time_ms >= due->closes_ms);
    return ERR_OK;
}

enum err latch_end(struct mysql_link *mysql, struct sale_id sale)
{
    bool changed = false;
    const enum err err =
        sale_store_control(mysql, sale, SALE_VERB_END, &worker_actor, NULL, &changed);

    if (err == ERR_OK && changed) {
        LOG_INFO("sale_ended", KV_U64("sale", sale.value), KV_STR("by", "its window"));
    }
    /* Gone meanwhile: an operator's matter. */
    return err == ERR_CONFLICT || err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err latch_keep(struct mysql_link *mysql, const struct sale_guarded *sale,
                    const struct sale_mark *mark)
{
    const bool sells = sale->control == SALE_CONTROL_OPEN || sale->control == SALE_CONTROL_PAUSED;

    return mark->state == SALE_STATE_ENDED && sells ? latch_end(mysql, sale->sale) : ERR_OK;
}

enum err latch_show_totals(const struct latch_context *context)
{
    struct sale_totals totals;
    const enum err err = sale_sweep_totals(context->mysql, &totals);

    if (err == ERR_OK) {
        metrics_set(context->shard, METRIC_epoch, 0, (int64_t)totals.epoch_max);
        metrics_set(context->shard, METRIC_frozen, 0, (int64_t)totals.frozen);
    }
    return err;
}

enum err latch_sweep(const struct latch_context *context, struct sale_id *after)
{
    struct sale_due due[DUE_MAX];
    size_t count = 0;

    enum err err = sale_sweep_due(context->mysql, *after, due, DUE_MAX, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        bool over = false;
        if (ask_redis(context, &due[i], &over) != ERR_OK) {
            LOG_DEBUG("latch_unread", KV_U64("sale", due[i].sale.value),
                      KV_STR("redis", redis_blocking_trouble(context->redis)));
            return ERR_OK; /* the next sweep begins with this sale */
        }
        err = over ? latch_end(context->mysql, due[i].sale) : ERR_OK;
        *after = err == ERR_OK ? due[i].sale : *after;
    }
    if (err == ERR_OK && count < DUE_MAX) {
        *after = (struct sale_id){0};
    }
    return err;
}
