#include "settlement/bound.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_reader.h"
#include "ledger/mysql_link.h"
#include "ledger/order_audit.h"
#include "ledger/sale_store.h"
#include "ledger/sale_sweep.h"
#include "settlement/freeze.h"
#include "settlement/latch.h"

enum { SALES_MAX = 32 }; /* of one call: each costs five short ones */

/* MySQL before and after Redis. */
struct reading {
    struct sale_row before, after;
    uint64_t mark_before, mark_after; /* of the ledger */
    struct sale_look look;
    uint64_t held[SALE_SKUS_MAX];
};

static enum err read_mysql(struct mysql_link *mysql, struct sale_id sale, struct sale_row *row,
                           uint64_t *mark)
{
    const enum err err = sale_store_read(mysql, sale, row);

    return err == ERR_OK ? order_audit_ledger_mark(mysql, sale, mark) : err;
}

/* What is left first: units go from held to left, so that none is seen twice. */
static enum err read_redis(struct redis_blocking *redis, struct sale_id sale,
                           struct reading *reading)
{
    const struct sale_definition *definition = &reading->before.definition;
    struct sale_left held[SALE_SKUS_MAX];
    uint32_t count = 0;
    enum err err = sale_reader_look(redis, sale, definition->epoch, &reading->look);

    err = err == ERR_OK ? sale_reader_units(redis, sale, true, held, &count) : err;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        const int sku = sale_find_sku(definition, &held[i].sku);
        if (sku >= 0) {
            reading->held[sku] = held[i].left;
        }
    }
    return err;
}

/* No unit was added or came back meanwhile, and Redis sells on the history that MySQL names. */
static bool is_comparable(const struct reading *reading)
{
    return reading->look.answer == SALE_ANSWER_OK && reading->look.head.state != SALE_STATE_LOADING
           && reading->before.definition.epoch == reading->after.definition.epoch
           && reading->mark_before == reading->mark_after;
}

/* Sold is the lower of both readings: what is on its way to MySQL is offered no more. */
static bool is_broken(const struct reading *reading, uint32_t i, struct freeze_cause *cause)
{
    const struct sale_sku *sku = &reading->after.definition.skus[i];
    const uint64_t before = reading->before.sold[i], after = reading->after.sold[i];
    const uint64_t sold = before < after ? before : after;
    uint64_t offered = 0;

    if (is_comparable(reading)) {
        for (uint32_t k = 0; k < reading->look.sku_count; k++) {
            offered +=
                sku_equal(&reading->look.skus[k].sku, &sku->sku) ? reading->look.skus[k].left : 0;
        }
        offered += reading->held[i];
    }
    snprintf(cause->found, sizeof cause->found,
             "sku %s: sold %" PRIu64 " and offered %" PRIu64 " of %" PRIu32, sku->sku.text, sold,
             offered, sku->total);
    return sold + offered > sku->total;
}

static enum err judge(const struct latch_context *context, struct sale_id sale,
                      const struct reading *reading)
{
    struct freeze_cause cause = {FREEZE_PROMISE(I1), .by = "worker"};

    for (uint32_t i = 0; i < reading->after.definition.sku_count; i++) {
        if (is_broken(reading, i, &cause)) {
            return freeze_sale(context->mysql, sale, &cause, context->shard, NULL);
        }
    }
    return ERR_OK;
}

/* `*ret_redis_err` other than ERR_OK: Redis could not be read. */
static enum err look_at(const struct latch_context *context, struct sale_id sale,
                        enum err *ret_redis_err)
{
    struct reading reading = {.mark_before = 0};

    enum err err = read_mysql(context->mysql, sale, &reading.before, &reading.mark_before);
    if (err != ERR_OK) {
        return err;
    }
    *ret_redis_err = read_redis(context->redis, sale, &reading);
    if (*ret_redis_err != ERR_OK) {
        return ERR_OK;
    }
    err = read_mysql(context->mysql, sale, &reading.after, &reading.mark_after);
    return err == ERR_OK ? judge(context, sale, &reading) : err;
}

/* Whom it keeps from this sale, it keeps from the others, too. */
static bool is_redis_away(enum err err)
{
    return err == ERR_UNAVAILABLE || err == ERR_LOST || err == ERR_TIMEOUT || err == ERR_REFUSED;
}

static void tell_unread(struct sale_id sale, enum err err, const char *trouble)
{
    if (is_redis_away(err)) {
        LOG_DEBUG("bound_unread", KV_U64("sale", sale.value), KV_STR("redis", trouble));
    } else if (err != ERR_OK) {
        LOG_WARN("bound_not_told", KV_U64("sale", sale.value), KV_STR("err", err_name(err)),
                 KV_STR("redis", trouble), KV_STR("next", "seckillctl audit"));
    }
}

static bool is_due(int64_t now_us, struct bound_round *round)
{
    if (!round->is_going
        && (round->begun_us == 0
            || now_us - round->begun_us >= (int64_t)BOUND_INTERVAL_MS * 1000)) {
        *round = (struct bound_round){.begun_us = now_us, .is_going = true};
    }
    return round->is_going;
}

enum err bound_sweep(const struct latch_context *context, int64_t now_us, struct bound_round *round)
{
    struct sale_id sales[SALES_MAX];
    size_t count = 0;

    if (!is_due(now_us, round)) {
        return ERR_OK;
    }
    enum err err = sale_sweep_live(context->mysql, round->after, sales, SALES_MAX, &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        enum err redis_err = ERR_OK;
        err = look_at(context, sales[i], &redis_err);
        tell_unread(sales[i], redis_err, redis_blocking_trouble(context->redis));
        if (is_redis_away(redis_err)) {
            return ERR_OK; /* the next call begins with this sale */
        }
        round->after = err == ERR_OK ? sales[i] : round->after;
    }
    round->is_going = err != ERR_OK || count == SALES_MAX;
    return err;
}
