#include "settlement/parked.h"

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "ledger/mysql_link.h"
#include "ledger/payment_store.h"
#include "settlement/notice_apply.h"
#include "settlement/notice_tell.h"
#include "settlement/settle.h"

struct job {
    struct order_no order_no;
    struct notice_joined joined;
};

static enum err body(struct mysql_link *link, void *arg)
{
    struct job *job = arg;

    return notice_apply_parked_in(link, job->order_no, &job->joined);
}

static bool is_away(enum err err)
{
    return err == ERR_LOST || err == ERR_UNAVAILABLE || err == ERR_NO_MEMORY;
}

/* The transaction of one order. Where its COMMIT's reply was lost, the next sweep finds out. */
static enum err join(struct mysql_link *link, struct order_no order_no, struct metrics_shard *shard,
                     struct parked_stats *stats)
{
    struct job job = {.order_no = order_no};
    const enum err err = mysql_link_transaction(link, body, &job);

    stats->orders++;
    if (err != ERR_OK) {
        stats->failed++;
        LOG_WARN("parked_notice_not_joined", KV_U64("order_no", order_no.value),
                 KV_STR("error", err_name(err)), KV_U64("code", mysql_link_error_code(link)),
                 KV_STR("mysql", mysql_link_error_text(link)), KV_STR("next", "the next sweep"));
        return is_away(err) ? err : ERR_OK;
    }
    for (uint32_t i = 0; i < job.joined.count; i++) {
        notice_applied_tell(&job.joined.applied[i], shard);
    }
    stats->joined += job.joined.count;
    return ERR_OK;
}

static enum err show(struct mysql_link *link, struct metrics_shard *shard)
{
    struct payment_waiting waiting = {.parked = 0};
    const enum err err = payment_store_waiting(link, &waiting);

    if (err == ERR_OK) {
        metrics_set(shard, METRIC_payments_parked, 0, (int64_t)waiting.parked);
        metrics_set(shard, METRIC_payments_parked_oldest_seconds, 0, waiting.oldest_ms);
    }
    return err;
}

static bool goes_on(const struct settle_turn *turn)
{
    return turn->goes_on == NULL || turn->goes_on(turn->arg);
}

static enum err sweep(struct mysql_link *link, uint32_t limit, struct settle_turn *turn,
                      struct metrics_shard *shard, struct parked_stats *stats)
{
    struct order_no order_nos[PARKED_SWEEP_MAX];
    size_t count = 0, i = 0;
    enum err err = payment_store_joinable(link, turn->after, order_nos, limit, &count);

    while (i < count && err == ERR_OK && (i == 0 || goes_on(turn))) {
        turn->after = order_nos[i];
        err = join(link, order_nos[i++], shard, stats);
    }
    stats->is_more = err == ERR_OK && (i < count || count == limit);
    return err;
}

enum err parked_sweep(struct mysql_link *link, uint32_t limit, struct settle_turn *turn,
                      struct metrics_shard *shard, struct parked_stats *ret_stats)
{
    ASSERT(limit > 0 && limit <= PARKED_SWEEP_MAX);
    *ret_stats = (struct parked_stats){.is_more = false};
    const enum err err = sweep(link, limit, turn, shard, ret_stats);
    if (err == ERR_OK && !ret_stats->is_more) { /* behind an error the next round goes on */
        turn->after.value = 0;
    }
    return err == ERR_OK ? show(link, shard) : err;
}
