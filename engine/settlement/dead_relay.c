/* A walk over the letters that are not told, a page at a time:
 *
 * what the topic says of a page     next
 * all are in                        the next page
 * some are refused                  the same ones one by one: a batch is refused as a whole
 * one alone is refused              walked past; the walk begins anew after AGAIN_MS
 * nothing, or a failure             the same page in the next round: the topic is away */
#include "settlement/dead_relay.h"

#include <stdlib.h>

#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/dead_log.h"
#include "journal/producer_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "loop/waiter.h"
#include "settlement/relay_producer.h"

/* A page: at most 15 MB of letters. */
enum {
    PAGE_MAX = 16,
    PAGES_MAX = 64, /* in a round */
    ROUND_MS = 1000,
    AGAIN_MS = 60000,
    REPORT_TIMEOUT_MS = 6000,
    TOLD_S = 30,
};

struct dead_relay {
    struct dead_relay_options options;
    struct producer_blocking *producer; /* owned; NULL until there is something to tell */
    uint64_t after;                     /* the letters up to here are told or refused */
    int64_t refused_us;                 /* of the first of them that was refused */
    bool is_alone;                      /* a page is one letter */
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
    producer_blocking_destroy(relay->producer);
    free(relay);
}

static enum err ensure_producer(struct dead_relay *relay)
{
    const struct producer_blocking_options options = {
        .brokers = relay->options.conf->kafka_brokers,
        .topic = relay->options.conf->kafka_dead_topic,
        .client_name = "seckill-worker-dead",
        .waiter = relay->options.waiter,
    };

    char error[KAFKA_CONF_ERROR_SIZE];
    const enum err err = relay_producer_ensure(&relay->producer, &options, error);

    if (err != ERR_OK) {
        LOG_WARN_EVERY(RELAY_PRODUCER_TOLD_S, "relay_topic_refused", KV_STR("topic", options.topic),
                       KV_STR("why", error),
                       KV_STR("next", "what it is to be told stays in MySQL; tried again"));
    }
    return err;
}

/* --- a page --- */

struct page {
    struct dead_relay *relay;
    size_t put_count;
    uint64_t told[PAGE_MAX];
    size_t told_count;
    uint64_t refused; /* the last one; 0: none */
};

static enum err on_letter(void *arg, const struct dead_letter *letter)
{
    struct page *page = arg;
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

    const enum err err = dead_log_put(page->relay->producer, &told);
    page->put_count++;
    if (err == ERR_RANGE) {
        page->refused = letter->id;
    }
    return ERR_OK; /* what was not taken has no report */
}

static void read_reports(struct page *page)
{
    struct producer_report reports[PRODUCER_BLOCKING_BATCH_MAX];
    const size_t count = producer_blocking_wait(page->relay->producer, REPORT_TIMEOUT_MS, reports);

    for (size_t i = 0; i < count; i++) {
        if (reports[i].status == ERR_OK && page->told_count < PAGE_MAX) {
            page->told[page->told_count++] = reports[i].id;
        } else if (reports[i].status == ERR_RANGE) {
            page->refused = reports[i].id;
        }
    }
}

/* One that is refused alone keeps no other back. */
static void walk_past(struct dead_relay *relay, uint64_t id)
{
    LOG_AT_EVERY(TOLD_S, LOG_LEVEL_ERROR, "dead_letter_refused", KV_U64("id", id),
                 KV_STR("topic", relay->options.conf->kafka_dead_topic),
                 KV_STR("why", producer_blocking_trouble(relay->producer)),
                 KV_STR("next", "it stays in MySQL, others are told; tried again every minute"));
    if (relay->after == 0) {
        relay->refused_us = waiter_now_us(relay->options.waiter);
    }
    relay->after = id;
}

/* False: no more in this round. */
static bool is_next(struct dead_relay *relay, const struct page *page)
{
    if (page->put_count == 0) {
        relay->is_alone = false;
        return false;
    }
    if (page->refused != 0 && page->put_count == 1) {
        walk_past(relay, page->refused);
        return true;
    }
    if (page->refused != 0) {
        relay->is_alone = true;
        return true;
    }
    if (page->told_count < page->put_count) {
        LOG_WARN_EVERY(TOLD_S, "dead_letters_not_told",
                       KV_STR("topic", relay->options.conf->kafka_dead_topic),
                       KV_STR("why", producer_blocking_trouble(relay->producer)),
                       KV_STR("next", "they stay in MySQL and are told again"));
        return false;
    }
    return true;
}

/* What is not marked is told again: at least once. */
static enum err tell_page(struct dead_relay *relay, bool *ret_next)
{
    struct page page = {.relay = relay};

    enum err err = dead_store_unpublished(relay->options.mysql, relay->after, DEAD_LOG_VALUE_MAX,
                                          relay->is_alone ? 1 : PAGE_MAX, on_letter, &page);
    if (err == ERR_OK) {
        read_reports(&page);
    }
    if (err == ERR_OK && page.told_count > 0) {
        err = mysql_link_ensure(relay->options.mysql);
        err = err == ERR_OK
                  ? dead_store_mark_published(relay->options.mysql, page.told, page.told_count)
                  : err;
    }
    *ret_next = err == ERR_OK && is_next(relay, &page);
    return err;
}

static enum err tell(struct dead_relay *relay)
{
    enum err err = ERR_OK;
    bool is_more = ensure_producer(relay) == ERR_OK;

    if (relay->after != 0
        && waiter_now_us(relay->options.waiter) - relay->refused_us >= (int64_t)AGAIN_MS * 1000) {
        relay->after = 0;
    }
    for (int i = 0; i < PAGES_MAX && is_more && err == ERR_OK; i++) {
        err = tell_page(relay, &is_more);
        is_more = is_more && !waiter_is_stopped(relay->options.waiter);
    }
    return err;
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
