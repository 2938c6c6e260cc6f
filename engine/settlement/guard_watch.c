/* What is seen of a sale, and what is done:
 *
 * MySQL             Redis                                    cause       done
 * being loaded      any                                                  nothing, its owner lives
 * its owner silent  as it should be                                      the claim is ended
 * its owner silent  any other                                "half-done" loaded
 * loaded            no meta                                  "gone"      loaded
 * loaded            another server's replid, or closed       "history"   loaded
 * loaded            another epoch                            "epoch"     loaded
 * loaded            loading; loaded, and nobody opens it     "half-done" loaded
 * loaded            garbage in meta, or in its rows here                 alarm
 * loaded            as it should be, not in the catalogue                catalogue written
 * open, paused      ended: its window was over by Redis' clock           ended in MySQL
 * lost              and dead letters may be its wins                     alarm until closed
 *
 * MySQL's list is read before Redis: what a load changed in between has raised the guard row's
 * fence, and a claim of a row that is not as listed is refused. */
#include "settlement/guard_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_marks.h"
#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_sweep.h"
#include "loop/waiter.h"
#include "settlement/guard_job.h"
#include "settlement/latch.h"

enum {
    LOOK_MS = 500,
    BACK_OFF_MS = 1000, /* after the first failure of a sale, doubled by each further one */
    BACK_OFF_MAX_MS = 60000,
    BLOCKED_MAX = 4096,
    BLIND_MS = 10000, /* looks that fail for so long are told as blocked */
    TOLD_S = 30,
};

static const struct admin_actor guard_actor = {.name = "guard", .request_id = ""};

/* A sale whose loads fail. */
struct trouble {
    struct sale_id sale;
    uint64_t fence; /* of the load that failed last */
    uint32_t failures;
    int64_t not_before_us;
};

struct guard_watch {
    struct guard_context context;
    struct guard_loads *loads; /* borrowed */
    struct trouble *troubles;  /* owned */
    uint32_t trouble_count;
    bool was_replica;
    int64_t failing_since_us; /* looks as a whole; 0: the last one was good */
    int64_t catalogue_not_before_us;
    uint32_t catalogue_failures;
    struct look *look;     /* owned: scratch of one page */
    pthread_mutex_t mutex; /* of the rest */
    uint32_t blocked_count;
    char why[GUARD_WHY_SIZE];
};

/* One page of a look. */
struct look {
    struct sale_guarded sales[SALE_MARKS_MAX];
    struct sale_id ids[SALE_MARKS_MAX];
    struct sale_mark marks[SALE_MARKS_MAX];
    size_t count;
    struct sale_marks_server server;
    uint32_t blocked; /* of all pages, as what follows */
    char why[GUARD_WHY_SIZE];
    bool is_unlisted; /* one that should be in the catalogue is not */
};

struct guard_watch *guard_watch_create(const struct guard_context *context,
                                       struct guard_loads *loads)
{
    struct guard_watch *watch = calloc(1, sizeof *watch);

    if (!watch) {
        return NULL;
    }
    watch->context = *context;
    watch->loads = loads;
    pthread_mutex_init(&watch->mutex, NULL);
    watch->troubles = calloc(BLOCKED_MAX, sizeof *watch->troubles);
    watch->look = calloc(1, sizeof *watch->look);
    if (!watch->troubles || !watch->look) {
        guard_watch_destroy(watch);
        return NULL;
    }
    return watch;
}

void guard_watch_destroy(struct guard_watch *watch)
{
    if (watch) {
        pthread_mutex_destroy(&watch->mutex);
        free(watch->troubles);
        free(watch->look);
        free(watch);
    }
}

/* --- failures --- */

static struct trouble *trouble_of(struct guard_watch *watch, struct sale_id sale)
{
    for (uint32_t i = 0; i < watch->trouble_count; i++) {
        if (watch->troubles[i].sale.value == sale.value) {
            return &watch->troubles[i];
        }
    }
    return NULL;
}

static void forget_trouble(struct guard_watch *watch, struct sale_id sale)
{
    struct trouble *trouble = watch->trouble_count > 0 ? trouble_of(watch, sale) : NULL;

    if (trouble) {
        *trouble = watch->troubles[--watch->trouble_count];
    }
}

static uint32_t back_off_ms(uint32_t failures)
{
    const uint32_t ms = (uint32_t)BACK_OFF_MS << (failures < 7 ? failures - 1 : 6);

    return ms < BACK_OFF_MAX_MS ? ms : BACK_OFF_MAX_MS;
}

/* True: its last load failed a moment ago. Whoever's it was: it stands in the guard row. */
static bool is_too_early(struct guard_watch *watch, const struct sale_guarded *sale)
{
    struct trouble *trouble = trouble_of(watch, sale->sale);
    const int64_t now_us = waiter_now_us(watch->context.waiter);

    if (!sale->has_failed) {
        return false;
    }
    if (!trouble && watch->trouble_count < BLOCKED_MAX) {
        trouble = &watch->troubles[watch->trouble_count++];
        *trouble = (struct trouble){.sale = sale->sale};
    }
    if (trouble && trouble->fence != sale->fence) {
        trouble->fence = sale->fence;
        trouble->failures++;
        trouble->not_before_us = now_us + (int64_t)back_off_ms(trouble->failures) * 1000;
    }
    return trouble && now_us < trouble->not_before_us;
}

/* --- what is done --- */

static void block(struct look *look, struct sale_id sale, const char *why)
{
    if (look->blocked++ == 0) {
        (void)snprintf(look->why, sizeof look->why, "sale %u: %s", sale.value, why);
    }
}

/* Takes the sale as it was listed. False: another was quicker, or MySQL did not do it; `*ret_err`
 * has errors of MySQL. */
static bool claim(struct guard_watch *watch, const struct sale_guarded *sale, const char *why,
                  struct guard_request *ret_request, enum err *ret_err)
{
    const enum err err = guard_claim_sale(&watch->context, sale->sale, &guard_actor,
                                          sale->epoch > 0, why, &sale->fence, ret_request);

    *ret_err = err == ERR_BUSY || err == ERR_CONFLICT ? ERR_OK : err;
    return err == ERR_OK;
}

static enum err load(struct guard_watch *watch, const struct sale_guarded *sale,
                     enum label_LOST cause, const char *why)
{
    struct guard_request request;
    enum err err = ERR_OK;

    if (!claim(watch, sale, why, &request, &err)) {
        return err;
    }
    LOG_WARN("sale_lost", KV_U64("sale", sale->sale.value), KV_STR("cause", why),
             KV_U64("epoch", sale->epoch), KV_STR("next", "loaded again by the guard"));
    metrics_add(watch->context.shard, METRIC_sales_lost_total, (uint32_t)cause, 1);
    if (guard_loads_submit(watch->loads, &request) != ERR_OK) {
        err = guard_end_claim(&watch->context, &request, GUARD_STEP_FAILED,
                              "too many loads are in work");
    }
    return err;
}

/* An alarm: once in the log and in the rows, until it is gone in metric and readiness. */
static enum err tell_blocked(struct guard_watch *watch, const struct sale_guarded *sale,
                             const char *why, const char *next)
{
    char note[GUARD_NOTE_SIZE_MAX + 1];
    struct guard_request request;
    enum err err = ERR_OK;

    block(watch->look, sale->sale, why);
    if (sale->is_told || !claim(watch, sale, why, &request, &err)) {
        return err;
    }
    LOG_ERROR("load_blocked", KV_U64("sale", sale->sale.value), KV_STR("why", why),
              KV_STR("next", next));
    (void)snprintf(note, sizeof note, SALE_BLOCKED_NOTE "%s", why);
    return guard_end_claim(&watch->context, &request, GUARD_STEP_FAILED, note);
}

/* Each may be a win that somebody was told of: its unit would be sold again. */
static enum err repair(struct guard_watch *watch, const struct sale_guarded *sale,
                       enum label_LOST cause, const char *why)
{
    uint64_t of_sale = 0, of_none = 0;
    char text[120];

    const char *topic = watch->context.conf->kafka_orders_topic;
    const enum err err = sale->epoch > 0 ? dead_store_open_count(watch->context.mysql, topic,
                                                                 sale->sale, &of_sale, &of_none)
                                         : ERR_OK;
    if (err != ERR_OK) {
        return err;
    }
    if (of_sale + of_none > 0) {
        (void)snprintf(text, sizeof text,
                       "%llu dead letters of it and %llu of no known sale may be its wins",
                       (unsigned long long)of_sale, (unsigned long long)of_none);
        return tell_blocked(watch, sale, text,
                            "close them (seckillctl dead list); it goes on by itself then");
    }
    return !sale->is_told && is_too_early(watch, sale) ? ERR_OK : load(watch, sale, cause, why);
}

/* Its loader died after all was done. */
static enum err end_silent(struct guard_watch *watch, const struct sale_guarded *sale)
{
    struct guard_request request;
    enum err err = ERR_OK;

    if (claim(watch, sale, "its loader is gone, the sale is whole", &request, &err)) {
        LOG_INFO("load_found_done", KV_U64("sale", sale->sale.value));
        err = guard_end_claim(&watch->context, &request, GUARD_STEP_DONE, "found whole");
    }
    return err;
}

/* --- what is seen --- */

/* `loaded` is right while the row that opens it is on its way; and that may have arrived since the
 * marks were read. Redis could not say now: a later look judges. */
static enum err is_abandoned(struct guard_watch *watch, const struct sale_guarded *sale,
                             bool *ret_abandoned)
{
    struct sale_marks_server server;
    struct sale_mark now;
    uint64_t pending = 0;
    const enum err err = outbox_store_pending_count(watch->context.mysql, sale->sale, &pending);

    *ret_abandoned =
        err == ERR_OK && pending == 0
        && sale_marks_read(watch->context.redis, &sale->sale, 1, &server, &now) == ERR_OK
        && now.kind == SALE_MARK_FITS && now.epoch == sale->epoch && now.state == SALE_STATE_LOADED;
    return err;
}

struct verdict {
    bool is_lost;
    enum label_LOST cause;
    const char *why;
};

static enum err judge(struct guard_watch *watch, const struct sale_guarded *sale,
                      const struct sale_mark *mark, struct verdict *verdict)
{
    bool is_half = sale->is_loading && sale->epoch == 0;
    enum err err = ERR_OK;

    *verdict = (struct verdict){.cause = LABEL_LOST_HALF_DONE, .why = "a load was left half done"};
    if (is_half || mark->kind == SALE_MARK_GARBAGE) {
        verdict->is_lost = is_half;
        return ERR_OK;
    }
    if (mark->kind == SALE_MARK_GONE) {
        *verdict = (struct verdict){true, LABEL_LOST_GONE, "Redis has lost it"};
    } else if (mark->kind == SALE_MARK_OTHER) {
        *verdict = (struct verdict){true, LABEL_LOST_HISTORY, "Redis has another history"};
    } else if (mark->epoch != sale->epoch) {
        *verdict = (struct verdict){true, LABEL_LOST_EPOCH, "Redis has another epoch than MySQL"};
    } else if (mark->state == SALE_STATE_LOADING) {
        verdict->is_lost = true;
    } else if (mark->state == SALE_STATE_LOADED && sale->control == SALE_CONTROL_OPEN) {
        err = is_abandoned(watch, sale, &verdict->is_lost);
    }
    return err;
}

static enum err look_at(struct guard_watch *watch, const struct sale_guarded *sale,
                        const struct sale_mark *mark)
{
    struct look *look = watch->look;
    struct verdict verdict;

    if (sale->is_loading && sale->silent_ms < GUARD_STALE_MS) {
        return ERR_OK;
    }
    const enum err err = judge(watch, sale, mark, &verdict);
    if (err != ERR_OK) {
        return err;
    }
    if (verdict.is_lost) {
        return repair(watch, sale, verdict.cause, verdict.why);
    }
    if (mark->kind == SALE_MARK_GARBAGE) {
        return tell_blocked(watch, sale, "its meta in Redis holds garbage",
                            "find out who wrote there, then seckillctl sale recover");
    }
    forget_trouble(watch, sale->sale);
    look->is_unlisted = look->is_unlisted || !mark->is_listed;
    return sale->is_loading ? end_silent(watch, sale)
                            : latch_keep(watch->context.mysql, sale, mark);
}

/* What is wrong with the rows of one sale stops no look at another. */
static enum err look_past(struct guard_watch *watch, const struct sale_guarded *sale,
                          const struct sale_mark *mark)
{
    const uint32_t blocked = watch->look->blocked;
    const enum err err = look_at(watch, sale, mark);

    if (err != ERR_PARSE && err != ERR_NOT_FOUND && err != ERR_RANGE && err != ERR_REFUSED) {
        return err;
    }
    if (watch->look->blocked == blocked) {
        block(watch->look, sale->sale, "its rows in MySQL cannot be read");
    }
    LOG_WARN_EVERY(TOLD_S, "sale_rows_unreadable", KV_U64("sale", sale->sale.value),
                   KV_STR("error", err_name(err)),
                   KV_STR("mysql", mysql_link_error_text(watch->context.mysql)),
                   KV_STR("next", "mend its rows in sales, sale_skus and guard"));
    return ERR_OK;
}

/* --- looks --- */

static void tell_catalogue(struct guard_watch *watch, enum err err)
{
    if (err == ERR_OK) {
        watch->catalogue_failures = 0;
        return;
    }
    watch->catalogue_failures++;
    watch->catalogue_not_before_us = waiter_now_us(watch->context.waiter)
                                     + (int64_t)back_off_ms(watch->catalogue_failures) * 1000;
    if (err != ERR_BUSY) { /* that one is another worker, or a load of this one */
        LOG_ERROR("catalogue_not_written", KV_STR("error", err_name(err)),
                  KV_STR("redis", redis_blocking_trouble(watch->context.redis)),
                  KV_STR("next", "tried again; every sale answers rebuilding meanwhile"));
    }
}

static enum err mend_catalogue(struct guard_watch *watch)
{
    const struct look *look = watch->look;

    if (look->server.has_catalogue && !look->is_unlisted) {
        watch->catalogue_failures = 0;
        return ERR_OK;
    }
    if (waiter_now_us(watch->context.waiter) < watch->catalogue_not_before_us
        && watch->catalogue_failures > 0) {
        return ERR_OK;
    }
    LOG_WARN("catalogue_missing", KV_BOOL("whole", !look->server.has_catalogue),
             KV_STR("next", "written again"));
    metrics_add(watch->context.shard, METRIC_sales_lost_total, LABEL_LOST_CATALOGUE, 1);
    tell_catalogue(watch, guard_write_catalogue(&watch->context, NULL, NULL));
    return ERR_OK;
}

static enum err look_at_page(struct guard_watch *watch, struct sale_id after)
{
    struct look *look = watch->look;
    enum err err =
        sale_sweep_guarded(watch->context.mysql, after, watch->context.conf->catalogue_keep_days,
                           look->sales, SALE_MARKS_MAX, &look->count);

    for (size_t i = 0; i < look->count && err == ERR_OK; i++) {
        look->ids[i] = look->sales[i].sale;
    }
    err = err == ERR_OK ? sale_marks_read(watch->context.redis, look->ids, (uint32_t)look->count,
                                          &look->server, look->marks)
                        : err;
    if (err != ERR_OK || !look->server.is_primary) {
        return err;
    }
    for (size_t i = 0; i < look->count && err == ERR_OK; i++) {
        err = waiter_is_stopped(watch->context.waiter)
                  ? ERR_CLOSED
                  : look_past(watch, &look->sales[i], &look->marks[i]);
    }
    return err;
}

/* A replica decides nothing, and cannot be loaded into: it is waited for. */
static void tell_role(struct guard_watch *watch, bool is_replica)
{
    if (is_replica && !watch->was_replica) {
        LOG_ERROR("redis_is_replica",
                  KV_STR("next", "promote it, or tell the worker the primary's address"));
    }
    watch->was_replica = is_replica;
}

static void put_blocked(struct guard_watch *watch, uint32_t count, const char *why)
{
    pthread_mutex_lock(&watch->mutex);
    watch->blocked_count = count;
    (void)snprintf(watch->why, sizeof watch->why, "%s", why);
    pthread_mutex_unlock(&watch->mutex);
    metrics_set(watch->context.shard, METRIC_loads_blocked, 0, count);
}

/* A guard that sees nothing mends nothing. */
static void tell_blind(struct guard_watch *watch, enum err err)
{
    const int64_t now_us = waiter_now_us(watch->context.waiter);
    char why[80];

    if (err == ERR_OK || err == ERR_CLOSED) {
        watch->failing_since_us = 0;
        return;
    }
    watch->failing_since_us = watch->failing_since_us > 0 ? watch->failing_since_us : now_us;
    if (now_us - watch->failing_since_us >= (int64_t)BLIND_MS * 1000) {
        (void)snprintf(why, sizeof why, "no sale can be looked at: %s", err_text(err));
        put_blocked(watch, 1, why);
    }
}

static enum err look_at_all(struct guard_watch *watch)
{
    struct look *look = watch->look;
    struct sale_id after = {0};
    enum err err = mysql_link_ensure(watch->context.mysql);

    look->blocked = 0;
    look->why[0] = '\0';
    look->is_unlisted = false;
    do {
        err = err == ERR_OK ? look_at_page(watch, after) : err;
        after = look->count > 0 ? look->ids[look->count - 1] : after;
    } while (err == ERR_OK && look->server.is_primary && look->count == SALE_MARKS_MAX);
    if (err != ERR_OK) {
        return err;
    }
    tell_role(watch, !look->server.is_primary);
    put_blocked(watch, look->blocked, look->why);
    return look->server.is_primary ? mend_catalogue(watch) : ERR_OK;
}

enum err guard_watch_look(struct guard_watch *watch)
{
    const enum err err = look_at_all(watch);

    tell_blind(watch, err);
    return err;
}

void guard_watch_run(struct guard_watch *watch)
{
    do {
        const enum err err = guard_watch_look(watch);
        if (err != ERR_OK && err != ERR_CLOSED) {
            LOG_WARN_EVERY(TOLD_S, "guard_looked_in_vain", KV_STR("error", err_name(err)),
                           KV_STR("mysql", mysql_link_error_text(watch->context.mysql)),
                           KV_STR("redis", redis_blocking_trouble(watch->context.redis)),
                           KV_STR("next", "looked again"));
        }
    } while (waiter_sleep_ms(watch->context.waiter, LOOK_MS));
}

uint32_t guard_watch_blocked(struct guard_watch *watch, char ret_why[static GUARD_WHY_SIZE])
{
    pthread_mutex_lock(&watch->mutex);
    const uint32_t count = watch->blocked_count;
    memcpy(ret_why, watch->why, sizeof watch->why);
    pthread_mutex_unlock(&watch->mutex);
    return count;
}
