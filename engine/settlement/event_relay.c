/* A pass over the events that wait, in the order of their ids, a page at a time. Of each order at
 * most one is under way; what becomes of one:
 *
 * reported              marked as told; the order's next one may go
 * lost, or no report    its order waits for LOST_MS; nothing told at all: the pass ends
 * refused in a batch    the pass goes on with pages of one: a batch is refused as a whole
 * refused alone,
 * its row is broken     its order waits for REFUSED_MS, an operator is needed; others go on
 *
 * A hold ends with its time, but never inside a pass: its event lies behind the pass by then, and a
 * later one of its order would go first. Where there is no room to hold another, the pass ends.
 *
 * The memory of what waits is lost with the process: the next one puts again what is not marked. */
#include "settlement/event_relay.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/event_json.h"
#include "common/assert.h"
#include "common/buf.h"
#include "common/conf.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "journal/producer_blocking.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/outbox_store.h"
#include "loop/waiter.h"
#include "settlement/event_holds.h"
#include "settlement/relay_producer.h"

enum {
    PAGE_MAX = PRODUCER_BLOCKING_BATCH_MAX,
    PAGES_MAX = 64,             /* in a round; the rest comes in the next */
    BODY_SIZE_MAX = 128 * 1024, /* a payload has at most 64 KiB */
    REPORT_TIMEOUT_MS = 6000,   /* above the producer's message time-out */
    LOST_MS = 1000,
    REFUSED_MS = 15000,
    COUNT_MS = 1000,
    FORGET_MS = 1000,
    WAIT_TOLD_MS = 10000, /* readiness names events that wait for longer */
    BACK_OFF_MS = 500,
    FORGET_MAX = 500, /* rows of each target in a second */
    TOLD_S = 30,
    TROUBLE_SIZE = 100,
};

struct event_put {
    uint64_t id, key;
};

struct event_relay {
    struct event_relay_options options;
    struct producer_blocking *producer; /* owned; NULL until there is something to tell */
    struct buf body;
    struct event_holds holds;
    struct event_put puts[PAGE_MAX]; /* of the page under way */
    size_t put_count;
    bool is_alone; /* a page is one event, until the pass ends */
    bool is_leading;
    int64_t next_count_us, next_forget_us;
    pthread_mutex_t mutex;           /* of the next one */
    char why[EVENT_RELAY_TEXT_SIZE]; /* "": none waits too long */
};

struct event_relay *event_relay_create(const struct event_relay_options *options)
{
    struct event_relay *relay = calloc(1, sizeof *relay);

    if (relay) {
        relay->options = *options;
        buf_init(&relay->body, BODY_SIZE_MAX);
        pthread_mutex_init(&relay->mutex, NULL);
    }
    return relay;
}

void event_relay_destroy(struct event_relay *relay)
{
    if (!relay) {
        return;
    }
    producer_blocking_destroy(relay->producer);
    pthread_mutex_destroy(&relay->mutex);
    buf_finish(&relay->body);
    free(relay);
}

static int64_t now_us(const struct event_relay *relay)
{
    return waiter_now_us(relay->options.waiter);
}

static enum err ensure_producer(struct event_relay *relay)
{
    const struct producer_blocking_options options = {
        .brokers = relay->options.conf->kafka_brokers,
        .topic = relay->options.conf->kafka_events_topic,
        .client_name = "seckill-worker-events",
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
    struct event_relay *relay;
    uint64_t last; /* id of the last event read */
    size_t read_count;
    bool is_cut; /* there are more behind `last` */
    uint64_t told[PAGE_MAX];
    size_t told_count;
    bool is_refused;   /* some were, in a batch */
    bool is_lost;      /* some were, or could not be put */
    bool is_passed_by; /* some were, without a hold */
};

/* The numbers of orders are above those of sales: bits 40 and up are the sale's. */
static uint64_t key_of(const struct shop_event *event)
{
    return event->order_no.value != 0 ? event->order_no.value : event->sale.value;
}

static void hold(struct event_relay *relay, uint64_t key, int64_t ms, enum event_hold_why why)
{
    const bool has_room = event_holds_put(&relay->holds, key, now_us(relay) + ms * 1000, why);

    ASSERT(has_room); /* on_event() has seen to it */
}

/* "" if nothing was put yet. */
static const char *trouble_of(const struct event_relay *relay)
{
    return relay->producer ? producer_blocking_trouble(relay->producer) : "";
}

static void refuse(struct event_relay *relay, uint64_t id, uint64_t key, const char *why)
{
    hold(relay, key, REFUSED_MS, EVENT_HOLD_REFUSED);
    LOG_AT_EVERY(TOLD_S, LOG_LEVEL_ERROR, "event_refused", KV_U64("id", id), KV_U64("of", key),
                 KV_STR("topic", relay->options.conf->kafka_events_topic), KV_STR("why", why),
                 KV_STR("next", "it and later ones of its order wait; tried again every 15 s"));
}

static enum err put(struct event_relay *relay, const struct shop_event *event)
{
    static const struct producer_header header = {"content-type", EVENT_JSON_CONTENT_TYPE};
    char subject[EVENT_JSON_SUBJECT_SIZE];
    const char *key = event_json_subject(event, subject);

    if (ensure_producer(relay) != ERR_OK) {
        return ERR_UNAVAILABLE;
    }
    buf_clear(&relay->body);
    event_json_write(event, &relay->body);
    if (relay->body.failed) {
        return ERR_NO_MEMORY; /* it has room for every event */
    }
    return producer_blocking_put(relay->producer, &(struct producer_record){
                                                      .id = event->id,
                                                      .key = key,
                                                      .key_size = strlen(key),
                                                      .value = relay->body.data,
                                                      .value_size = relay->body.size,
                                                      .headers = &header,
                                                      .header_count = 1,
                                                  });
}

static enum err on_event(void *arg, const struct shop_event *event)
{
    struct page *page = arg;
    struct event_relay *relay = page->relay;
    const uint64_t key = key_of(event);

    if (relay->is_alone && relay->put_count == 1) {
        page->is_cut = true;
        return ERR_CLOSED; /* ends the page */
    }
    page->read_count++;
    page->last = event->id;
    if (event_holds_has(&relay->holds, key)) {
        return ERR_OK;
    }
    if (relay->holds.count == EVENT_HOLDS_MAX) {
        page->is_passed_by = true; /* so many are held that the topic is what is wrong */
        page->is_lost = true;
        return ERR_OK;
    }
    if (event->is_broken) {
        refuse(relay, event->id, key, "its order's row in MySQL cannot be read");
        return ERR_OK;
    }
    const enum err err = put(relay, event);
    if (err == ERR_OK) {
        ASSERT(relay->put_count < PAGE_MAX);
        relay->puts[relay->put_count++] = (struct event_put){.id = event->id, .key = key};
        hold(relay, key, INT32_MAX, EVENT_HOLD_UNDER_WAY);
    } else if (err == ERR_RANGE) {
        refuse(relay, event->id, key, trouble_of(relay));
    } else {
        hold(relay, key, LOST_MS, EVENT_HOLD_LOST);
        page->is_lost = true;
    }
    return ERR_OK;
}

/* The report of an event, if there is one; ERR_LOST: there is none. */
static enum err status_of(const struct producer_report *reports, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (reports[i].id == id) {
            return reports[i].status;
        }
    }
    return ERR_LOST;
}

static void read_report(struct page *page, const struct event_put *one, enum err status)
{
    struct event_relay *relay = page->relay;

    event_holds_release(&relay->holds, one->key);
    if (status == ERR_OK) {
        page->told[page->told_count++] = one->id;
    } else if (status == ERR_RANGE && relay->put_count == 1) {
        refuse(relay, one->id, one->key, trouble_of(relay));
    } else if (status == ERR_RANGE) {
        page->is_refused = true;
    } else {
        hold(relay, one->key, LOST_MS, EVENT_HOLD_LOST);
        page->is_lost = true;
    }
}

static void read_reports(struct page *page)
{
    struct event_relay *relay = page->relay;
    struct producer_report reports[PRODUCER_BLOCKING_BATCH_MAX];

    if (relay->put_count == 0) {
        return;
    }
    const size_t count = producer_blocking_wait(relay->producer, REPORT_TIMEOUT_MS, reports);
    for (size_t i = 0; i < relay->put_count; i++) {
        read_report(page, &relay->puts[i], status_of(reports, count, relay->puts[i].id));
    }
    relay->put_count = 0;
}

/* What is not marked is told again: at least once. */
static enum err mark(struct page *page)
{
    struct event_relay *relay = page->relay;

    if (page->told_count == 0) {
        return ERR_OK;
    }
    FAILPOINT_PASS(event_reported);
    metrics_add(relay->options.shard, METRIC_events_sent_total, 0, page->told_count);
    const enum err err = mysql_link_ensure(relay->options.mysql);
    return err == ERR_OK
               ? outbox_store_mark_told(relay->options.mysql, page->told, page->told_count)
               : err;
}

static enum err tell_page(struct event_relay *relay, uint64_t after, struct page *page)
{
    *page = (struct page){.relay = relay};
    const enum err read_err =
        outbox_store_events(relay->options.mysql, after, PAGE_MAX, on_event, page);
    read_reports(page); /* also of a page that broke off */
    const enum err err = mark(page);
    return read_err != ERR_OK && !page->is_cut ? read_err : err;
}

/* Where the pass goes on behind this page. False: it ends here. */
static bool is_next(struct event_relay *relay, const struct page *page, uint64_t *after)
{
    const bool is_last = page->read_count < PAGE_MAX && !page->is_cut;

    relay->is_alone = relay->is_alone || page->is_refused;
    if (page->is_passed_by || (page->is_lost && page->told_count == 0)) {
        LOG_WARN_EVERY(TOLD_S, "events_not_told",
                       KV_STR("topic", relay->options.conf->kafka_events_topic),
                       KV_STR("why", trouble_of(relay)),
                       KV_STR("next", "they stay in MySQL and are told again"));
        return false;
    }
    if (page->is_refused) {
        return true; /* the same page again */
    }
    if (is_last) {
        relay->is_alone = false;
        return false;
    }
    *after = page->last;
    return true;
}

static enum err pass(struct event_relay *relay, uint64_t *ret_told)
{
    struct page page;
    uint64_t after = 0;
    enum err err = ERR_OK;
    bool is_more = true;

    *ret_told = 0;
    event_holds_expire(&relay->holds, now_us(relay));
    for (int i = 0; i < PAGES_MAX && is_more; i++) {
        err = tell_page(relay, after, &page);
        *ret_told += page.told_count;
        is_more = err == ERR_OK && !waiter_is_stopped(relay->options.waiter)
                  && is_next(relay, &page, &after);
    }
    return err;
}

/* --- rounds --- */

static void write_why(struct event_relay *relay, const struct outbox_event_counts *counts)
{
    char trouble[TROUBLE_SIZE] = "another worker tells them";

    if (relay->is_leading) {
        (void)snprintf(trouble, sizeof trouble, "%s", trouble_of(relay));
    }
    pthread_mutex_lock(&relay->mutex);
    relay->why[0] = '\0';
    if (counts->oldest_age_ms >= WAIT_TOLD_MS) {
        (void)snprintf(relay->why, sizeof relay->why,
                       "%" PRIu64 " events wait for the topic, the oldest for %" PRId64
                       " s; refused for good: %zu; %s",
                       counts->pending, counts->oldest_age_ms / 1000,
                       event_holds_count(&relay->holds, EVENT_HOLD_REFUSED), trouble);
    }
    pthread_mutex_unlock(&relay->mutex);
}

/* Once a second. */
static enum err count(struct event_relay *relay)
{
    struct metrics_shard *shard = relay->options.shard;
    struct outbox_event_counts counts = {0};

    if (now_us(relay) < relay->next_count_us) {
        return ERR_OK;
    }
    relay->next_count_us = now_us(relay) + (int64_t)COUNT_MS * 1000;
    const enum err err = outbox_store_event_counts(relay->options.mysql, &counts);
    if (err == ERR_OK) {
        metrics_set(shard, METRIC_events_pending, 0, (int64_t)counts.pending);
        metrics_set(shard, METRIC_events_oldest_age_seconds, 0, counts.oldest_age_ms);
        metrics_set(shard, METRIC_events_held, 0,
                    (int64_t)event_holds_count(&relay->holds, EVENT_HOLD_REFUSED));
        write_why(relay, &counts);
    }
    return err;
}

/* What was confirmed long ago, also by Redis' relay; few at a time: nobody waits for a lock. */
static enum err forget(struct event_relay *relay)
{
    uint64_t count = 0;

    if (!relay->is_leading || now_us(relay) < relay->next_forget_us) {
        return ERR_OK;
    }
    relay->next_forget_us = now_us(relay) + (int64_t)FORGET_MS * 1000;
    return outbox_store_forget(relay->options.mysql, relay->options.conf->worker_outbox_keep_days,
                               FORGET_MAX, &count);
}

static enum err relay_round(struct event_relay *relay, uint64_t *ret_told)
{
    enum err err = mysql_link_ensure(relay->options.mysql);

    *ret_told = 0;
    relay->is_leading = false;
    err = err == ERR_OK ? leader_try(relay->options.mysql, "events", &relay->is_leading) : err;
    if (err == ERR_OK && relay->is_leading) {
        err = pass(relay, ret_told);
    } else {
        relay->holds.count = 0; /* who leads knows; what we knew is old when we lead again */
    }
    err = err == ERR_OK ? count(relay) : err;
    return err == ERR_OK ? forget(relay) : err;
}

enum err event_relay_round(struct event_relay *relay)
{
    uint64_t told = 0;

    return relay_round(relay, &told);
}

void event_relay_run(struct event_relay *relay)
{
    const uint32_t idle_ms = relay->options.conf->worker_relay_ms;
    uint32_t pause_ms = idle_ms;
    uint64_t told = 0;

    while (waiter_sleep_ms(relay->options.waiter, pause_ms)) {
        const enum err err = relay_round(relay, &told);
        pause_ms = err != ERR_OK ? BACK_OFF_MS : told > 0 ? 0 : idle_ms;
        if (err != ERR_OK) {
            LOG_DEBUG("event_relay_waits", KV_STR("error", err_name(err))); /* settlers tell */
        }
    }
    mysql_link_drop(relay->options.mysql);
}

bool event_relay_look(struct event_relay *relay, char ret_why[static EVENT_RELAY_TEXT_SIZE])
{
    pthread_mutex_lock(&relay->mutex);
    memcpy(ret_why, relay->why, sizeof relay->why);
    pthread_mutex_unlock(&relay->mutex);
    return ret_why[0] != '\0';
}
