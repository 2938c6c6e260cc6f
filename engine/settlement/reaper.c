/* What a round does for the orders that are overdue:
 *
 * state    event                           next     function
 * IDLE     nothing is overdue              IDLE     reaper_round
 * IDLE     orders are overdue              WAITING  set_goal   NOW(3) first, the log's ends then
 * WAITING  the consumer is behind an end   WAITING  may_close  nothing is closed
 * WAITING  the consumer has passed all     IDLE     close_due  what was overdue at that NOW(3)
 *
 * The order of the two readings is the point. What was in the log before NOW(3) is before the ends,
 * and is applied when the consumer has passed them; what comes later came after the pay window of
 * every order that is closed. So a goal may grow old: a reaper that slept, or lost its leadership,
 * between reading and closing closes nothing that it might not have closed at once, and the
 * compare-and-set decides between it, a late notice and another reaper. */
#include "settlement/reaper.h"

#include <stdbool.h>
#include <stdlib.h>

#include "common/conf.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/log_ends.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_due.h"
#include "ledger/order_life.h"
#include "loop/waiter.h"

enum { BATCH_MAX = 100, ENDS_TIMEOUT_MS = 3000, WAITS_TOLD_S = 30, FAILED_TOLD_S = 5 };

struct goal {
    bool is_set;
    int64_t now_ms; /* NOW(3), before `ends` were read */
    struct topic_bounds ends;
};

struct reaper {
    struct reaper_options options;
    struct log_ends *log; /* owned; NULL until something is overdue */
    struct goal goal;
    bool is_full; /* the last round closed all that it may: there is a backlog */
    struct order_due due;
    struct order_due_holds holds;
    uint64_t next[LOG_PARTITIONS_MAX]; /* the consumer's places */
};

struct reaper *reaper_create(const struct reaper_options *options)
{
    struct reaper *reaper = calloc(1, sizeof *reaper);

    if (reaper) {
        reaper->options = *options;
    }
    return reaper;
}

void reaper_destroy(struct reaper *reaper)
{
    if (!reaper) {
        return;
    }
    log_ends_destroy(reaper->log);
    free(reaper);
}

/* Why nothing is closed though orders are overdue. */
static void wait_for(struct reaper *reaper, uint32_t why, const char *name, const char *next)
{
    metrics_add(reaper->options.shard, METRIC_reaper_waits_total, why, 1);
    LOG_WARN_EVERY(
        WAITS_TOLD_S, "reaper_waits", KV_STR("why", name), KV_U64("overdue", reaper->due.orders),
        KV_STR("topic", reaper->options.conf->kafka_notices_topic), KV_STR("next", next));
}

/* --- the goal --- */

static enum err ensure_log(struct reaper *reaper)
{
    const struct log_ends_options options = {
        .brokers = reaper->options.conf->kafka_brokers,
        .client_name = "seckill-worker-reaper",
    };
    char error[KAFKA_CONF_ERROR_SIZE] = "";

    return reaper->log ? ERR_OK : log_ends_create(&options, error, &reaper->log);
}

static enum err on_place(void *arg, const struct offset_row *row)
{
    struct reaper *reaper = arg;

    if (row->part < LOG_PARTITIONS_MAX) {
        reaper->next[row->part] = row->next;
    }
    return ERR_OK;
}

static enum err read_places(struct reaper *reaper)
{
    for (uint32_t part = 0; part < LOG_PARTITIONS_MAX; part++) {
        reaper->next[part] = 0; /* no row: it starts there */
    }
    return offset_store_list(reaper->options.mysql, reaper->options.conf->kafka_notices_topic,
                             on_place, reaper);
}

/* Places only rise, and never above an end that is read after them: else it is another log, or one
 * that lost records, and its consumer stands still (PROTOCOL §5). */
static bool is_our_log(const struct reaper *reaper)
{
    for (uint32_t part = 0; part < reaper->goal.ends.count; part++) {
        if (reaper->next[part] > reaper->goal.ends.end[part]) {
            return false;
        }
    }
    return true;
}

/* `due` was read a moment ago: its NOW(3) is older than the ends. */
static enum err set_goal(struct reaper *reaper)
{
    struct goal *goal = &reaper->goal;
    enum err err = read_places(reaper);

    if (err != ERR_OK) {
        return err;
    }
    goal->now_ms = reaper->due.now_ms;
    err = ensure_log(reaper);
    err = err == ERR_OK ? log_ends_read(reaper->log, reaper->options.conf->kafka_notices_topic,
                                        ENDS_TIMEOUT_MS, &goal->ends)
                        : err;
    if (err != ERR_OK) {
        wait_for(reaper, LABEL_REAPER_KAFKA, err_text(err), "the log's ends are asked for again");
        return ERR_OK;
    }
    goal->is_set = is_our_log(reaper);
    if (!goal->is_set) {
        wait_for(reaper, LABEL_REAPER_LOG, "the log of the notices ends before MySQL's place in it",
                 "RUNBOOK: nothing is closed");
    }
    FAILPOINT_PASS(reaper_goal_set);
    return ERR_OK;
}

static bool has_passed(struct reaper *reaper)
{
    const struct topic_bounds *ends = &reaper->goal.ends;
    uint64_t behind = 0;

    for (uint32_t part = 0; part < ends->count; part++) {
        behind += ends->end[part] > reaper->next[part] ? ends->end[part] - reaper->next[part] : 0;
    }
    if (behind > 0) {
        wait_for(reaper, LABEL_REAPER_CONSUMER, "notices that were sent in time are not read yet",
                 "closes go on when their consumer has passed them");
    }
    return behind == 0;
}

/* The places are read before the letters: a letter is there before the place behind it. */
static enum err may_close(struct reaper *reaper, bool *ret_may)
{
    struct mysql_link *mysql = reaper->options.mysql;
    const char *topic = reaper->options.conf->kafka_notices_topic;

    *ret_may = false;
    enum err err = read_places(reaper);
    if (err != ERR_OK || !has_passed(reaper)) {
        return err;
    }
    err = order_due_holds(mysql, topic, &reaper->holds);
    if (err == ERR_OK && reaper->holds.holds_all) {
        wait_for(reaper, LABEL_REAPER_DEAD_LETTER, "a dead letter may be anybody's payment",
                 "seckillctl dead list --open");
    }
    *ret_may = err == ERR_OK && !reaper->holds.holds_all;
    return err;
}

/* --- closing --- */

static bool is_held(const struct reaper *reaper, struct sale_id sale)
{
    for (size_t i = 0; i < reaper->holds.count; i++) {
        if (reaper->holds.sales[i].value == sale.value) {
            return true;
        }
    }
    return false;
}

struct batch {
    struct order_overdue overdue;
    uint32_t closed;
};

static enum err close_body(struct mysql_link *link, void *arg)
{
    struct batch *batch = arg;

    batch->closed = 0;
    const enum err err = order_life_close_overdue_in(link, &batch->overdue, &batch->closed);
    FAILPOINT_PASS(reaper_batch_written);
    return err;
}

/* What is of this sku alone (BUSY: somebody holds its row): the others are closed all the same. */
static bool is_of_sku(enum err err)
{
    return err == ERR_NOT_FOUND || err == ERR_RANGE || err == ERR_CONFLICT || err == ERR_PARSE
           || err == ERR_BUSY;
}

/* One batch of a sku. `*ret_closed` below `max`: it has no more now. */
static enum err close_batch(struct reaper *reaper, const struct order_due_group *group,
                            uint32_t max, uint32_t *ret_closed)
{
    const struct conf *conf = reaper->options.conf;
    struct batch batch = {
        .overdue = {.sale = group->sale,
                    .sku = group->sku,
                    .before_ms = reaper->goal.now_ms - (int64_t)conf->worker_reaper_grace_ms,
                    .notices_topic = conf->kafka_notices_topic,
                    .max = max}};
    enum err err = mysql_link_transaction(reaper->options.mysql, close_body, &batch);

    *ret_closed = err == ERR_OK ? batch.closed : 0;
    if (is_of_sku(err)) {
        LOG_ERROR("orders_not_closed", KV_U64("sale", group->sale.value),
                  KV_STR("sku", group->sku.text), KV_STR("error", err_name(err)),
                  KV_STR("mysql", mysql_link_error_text(reaper->options.mysql)),
                  KV_STR("next", "seckillctl audit; tried again"));
        return ERR_OK;
    }
    metrics_add(reaper->options.shard, METRIC_closed_total, LABEL_CLOSED_OVERDUE, *ret_closed);
    return err;
}

/* One batch of each sku in turn, so that none waits for the backlog of another. */
static enum err close_turn(struct reaper *reaper, uint64_t *left, bool *ret_more)
{
    enum err err = ERR_OK;

    *ret_more = false;
    for (size_t i = 0; i < reaper->due.group_count && err == ERR_OK && *left > 0; i++) {
        struct order_due_group *group = &reaper->due.groups[i];
        const uint32_t max = *left < BATCH_MAX ? (uint32_t)*left : BATCH_MAX;
        uint32_t closed = 0;
        if (group->orders == 0 || waiter_is_stopped(reaper->options.waiter)) {
            continue;
        }
        err = close_batch(reaper, group, max, &closed);
        *left -= closed;
        group->orders = closed == max ? group->orders : 0;
        *ret_more = *ret_more || group->orders > 0;
    }
    return err;
}

static uint64_t round_max(const struct conf *conf)
{
    const uint64_t max = (uint64_t)conf->worker_reaper_rate * conf->worker_reaper_ms / 1000;

    return max > 0 ? max : 1;
}

static enum err close_due(struct reaper *reaper)
{
    const uint64_t max = round_max(reaper->options.conf);
    uint64_t left = max, held = 0;
    bool more = true;
    enum err err = ERR_OK;

    for (size_t i = 0; i < reaper->due.group_count; i++) {
        if (is_held(reaper, reaper->due.groups[i].sale)) {
            held += reaper->due.groups[i].orders;
            reaper->due.groups[i].orders = 0;
        }
    }
    while (err == ERR_OK && more && left > 0) {
        err = close_turn(reaper, &left, &more);
    }
    if (held > 0) {
        wait_for(reaper, LABEL_REAPER_DEAD_LETTER, "a dead letter may be any order's of its sale",
                 "seckillctl dead list --open");
    }
    reaper->is_full = left == 0;
    if (max > left) {
        LOG_INFO("orders_closed", KV_U64("closed", max - left),
                 KV_U64("overdue", reaper->due.orders));
    }
    return err;
}

/* --- rounds --- */

enum err reaper_round(struct reaper *reaper)
{
    struct mysql_link *mysql = reaper->options.mysql;
    const struct conf *conf = reaper->options.conf;
    bool leading = false, may = false;

    reaper->is_full = false;
    enum err err = mysql_link_ensure(mysql);
    err = err == ERR_OK ? leader_try(mysql, "reaper", &leading) : err;
    if (err == ERR_OK && leading) {
        err = order_due_read(mysql, conf->kafka_notices_topic, conf->worker_reaper_grace_ms,
                             &reaper->due);
    } else {
        reaper->due.orders = 0; /* whoever leads tells them */
    }
    if (err != ERR_OK) {
        return err;
    }
    metrics_set(reaper->options.shard, METRIC_overdue_orders, 0, (int64_t)reaper->due.orders);
    if (reaper->due.orders == 0) {
        reaper->goal.is_set = false;
        return ERR_OK;
    }
    err = reaper->goal.is_set ? ERR_OK : set_goal(reaper);
    err = err == ERR_OK && reaper->goal.is_set ? may_close(reaper, &may) : err;
    if (err == ERR_OK && may) {
        err = close_due(reaper);
        reaper->goal.is_set = false;
    }
    return err;
}

/* A round closes what the rate allows for the time between two: behind a full one the next begins
 * when that time is over, however much of it the round took. */
static uint32_t pause_ms(const struct reaper *reaper, int64_t begun_us)
{
    const uint32_t period_ms = reaper->options.conf->worker_reaper_ms;
    const int64_t took_ms = (waiter_now_us(reaper->options.waiter) - begun_us) / 1000;

    if (!reaper->is_full) {
        return period_ms;
    }
    return took_ms < period_ms ? period_ms - (uint32_t)took_ms : 0;
}

void reaper_run(struct reaper *reaper)
{
    int64_t begun_us = waiter_now_us(reaper->options.waiter);

    while (waiter_sleep_ms(reaper->options.waiter, pause_ms(reaper, begun_us))) {
        begun_us = waiter_now_us(reaper->options.waiter);
        const enum err err = reaper_round(reaper);
        if (err != ERR_OK) {
            LOG_WARN_EVERY(FAILED_TOLD_S, "reaper_round_failed", KV_STR("error", err_name(err)),
                           KV_STR("mysql", mysql_link_error_text(reaper->options.mysql)),
                           KV_STR("next", "tried again"));
        }
    }
    mysql_link_drop(reaper->options.mysql);
}
