#include "settlement/dead_relay.h"

#include <stdlib.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/dead_log.h"
#include "ledger/dead_store.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"

/* A page: at most 15 MB of letters. */
enum { PAGE_MAX = 16, ROUND_MS = 1000, REPORT_TIMEOUT_MS = 6000, TOLD_S = 30 };

struct dead_relay {
    struct dead_relay_options options;
    struct dead_log *log; /* owned; NULL until there is something to tell */
};

struct dead_relay *dead_relay_create(const struct dead_relay_options *options)
{
    struct dead_relay *relay = calloc(1, sizeof *relay);

    if (relay) {
        relay->options = *options;
    }
    return relay;
}

void dead_relay_destroy(struct dead_relay *relay)
{
    if (!relay) {
        return;
    }
    dead_log_destroy(relay->log);
    free(relay);
}

static enum err ensure_log(struct dead_relay *relay)
{
    const struct dead_log_options options = {
        .brokers = relay->options.conf->kafka_brokers,
        .topic = relay->options.conf->kafka_dead_topic,
        .client_name = "seckill-worker-dead",
        .waiter = relay->options.waiter,
    };
    char error[KAFKA_CONF_ERROR_SIZE] = "";

    if (relay->log) {
        return ERR_OK;
    }
    const enum err err = dead_log_create(&options, error, &relay->log);
    if (err != ERR_OK) {
        relay->log = NULL;
        LOG_WARN_EVERY(TOLD_S, "dead_topic_refused", KV_STR("why", error),
                       KV_STR("next", "dead letters stay in MySQL; tried again"));
    }
    return err;
}

/* ERR_BUSY ends the page: the rest comes in the next round. */
static enum err on_letter(void *arg, const struct dead_letter *letter)
{
    const struct dead_log_letter told = {
        .id = letter->id,
        .topic = letter->topic,
        .part = letter->part,
        .offset = letter->offset,
        .sale = letter->sale.value,
        .order_no = letter->order_no.value,
        .reason = dead_reason_name(letter->reason),
        .payload = letter->payload,
        .payload_size = letter->payload_size,
    };

    return dead_log_put(arg, &told);
}

/* What is not marked is told again: at least once. */
static enum err tell(struct dead_relay *relay)
{
    uint64_t ids[DEAD_LOG_BATCH_MAX];

    if (ensure_log(relay) != ERR_OK) {
        return ERR_OK;
    }
    enum err err = dead_store_unpublished(relay->options.mysql, DEAD_LOG_VALUE_MAX, PAGE_MAX,
                                          on_letter, relay->log);
    const size_t count = dead_log_wait(relay->log, REPORT_TIMEOUT_MS, ids);
    if (count == 0) {
        LOG_WARN_EVERY(TOLD_S, "dead_letters_not_told",
                       KV_STR("topic", relay->options.conf->kafka_dead_topic),
                       KV_STR("why", dead_log_trouble(relay->log)),
                       KV_STR("next", "they stay in MySQL and are told again"));
        return err == ERR_BUSY || err == ERR_REFUSED ? ERR_OK : err;
    }
    err = mysql_link_ensure(relay->options.mysql);
    return err == ERR_OK ? dead_store_mark_published(relay->options.mysql, ids, count) : err;
}

enum err dead_relay_round(struct dead_relay *relay)
{
    struct dead_counts counts = {0};
    bool leading = false;

    enum err err = mysql_link_ensure(relay->options.mysql);
    err = err == ERR_OK ? dead_store_counts(relay->options.mysql, &counts) : err;
    if (err != ERR_OK) {
        return err;
    }
    metrics_set(relay->options.shard, METRIC_dead_letters_open, 0, (int64_t)counts.open);
    metrics_set(relay->options.shard, METRIC_dead_letters_untold, 0, (int64_t)counts.unpublished);
    if (counts.unpublished == 0) {
        return ERR_OK;
    }
    err = leader_try(relay->options.mysql, "dead", &leading);
    return err == ERR_OK && leading ? tell(relay) : err;
}

void dead_relay_run(struct dead_relay *relay)
{
    while (waiter_sleep_ms(relay->options.waiter, ROUND_MS)) {
        const enum err err = dead_relay_round(relay);
        if (err != ERR_OK) {
            LOG_DEBUG("dead_relay_waits", KV_STR("error", err_name(err))); /* settlers tell */
        }
    }
    mysql_link_drop(relay->options.mysql);
}
