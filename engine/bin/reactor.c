/* reactor.c: a reactor's life on its thread: state told, drain, calls from other threads. */
#include "bin/reactor.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission/bloom.h"
#include "admission/identity.h"
#include "bin/reactor_parts.h"
#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "http/http_server.h"
#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "journal/order_log.h"
#include "journal/producer.h"
#include "journal/topic_health.h"
#include "purchase/purchase.h"
#include "purchase/sale_board.h"
#include "purchase/winner_scan.h"

enum { STATE_MS = 100, DRAIN_TICK_MS = 10 };

static void look_at_logs(const struct reactor *reactor, struct reactor_state *state)
{
    const struct topic_health *health = producer_health(reactor->notices_log);
    const char *why = NULL;

    state->is_log_ready = order_log_is_ready(reactor->order_log, &why);
    if (state->is_log_ready) {
        why = order_log_weakness(reactor->order_log);
        state->is_log_weak = why != NULL;
    }
    snprintf(state->log_trouble, sizeof state->log_trouble, "%s", why != NULL ? why : "");
    state->is_notices_ready = producer_is_ready(reactor->notices_log, &why);
    state->is_notices_seen = health->seen.status != ERR_UNAVAILABLE;
    if (state->is_notices_ready) {
        why = topic_health_weakness(health);
        state->is_notices_weak = why != NULL;
    }
    snprintf(state->notices_trouble, sizeof state->notices_trouble, "%s", why != NULL ? why : "");
    metrics_set(reactor->shard, METRIC_notices_inflight, 0,
                producer_inflight_count(reactor->notices_log));
    metrics_set(reactor->shard, METRIC_notices_ready, 0, state->is_notices_ready ? 1 : 0);
}

static void on_state_timer(void *arg)
{
    struct reactor *reactor = arg;
    struct reactor_state state = {.index = reactor->with.index};

    state.is_link_up = redis_link_is_up(reactor->link);
    look_at_logs(reactor, &state);
    snprintf(state.link_trouble, sizeof state.link_trouble, "%s",
             redis_link_trouble(reactor->link));
    state.catalogue_age_ms = sale_board_catalogue_age_ms(reactor->board);
    state.is_catalogue_lost =
        sale_board_is_rebuilding(reactor->board) && sale_board_count(reactor->board) > 0;
    state.is_catalogue_unread =
        state.catalogue_age_ms < 0 && !sale_board_is_rebuilding(reactor->board);
    if (state.catalogue_age_ms >= 0) {
        metrics_set(reactor->shard, METRIC_catalogue_age_seconds, 0, state.catalogue_age_ms);
    }
    int64_t oldest_us = outbox_oldest_us(reactor->outbox);
    metrics_set(reactor->shard, METRIC_outbox_oldest_age_seconds, 0,
                oldest_us == 0 ? 0 : (loop_now_us(reactor->loop) - oldest_us) / 1000);
    reactor->with.on_state(reactor->with.arg, &state);
    timer_start_ms(&reactor->state_timer, STATE_MS);
}

/* --- drain --- */

static void send_ack(void *arg, struct sale_id sale, uint32_t epoch)
{
    struct reactor *reactor = arg;
    enum err err = stock_poll(reactor->stock, sale, epoch);

    (void)err; /* no link: the relay of another engine finishes it */
    reactor->has_acks = true;
}

/* Records first, then the acknowledgements of what they were reported for. */
static bool is_finished(struct reactor *reactor)
{
    if (!reactor->is_server_drained || purchases_count(reactor->purchases) > 0
        || order_log_inflight_count(reactor->order_log) > 0
        || producer_inflight_count(reactor->notices_log) > 0) {
        return false;
    }
    reactor->has_acks = false;
    outbox_each_overdue_ack(reactor->outbox, loop_clock_us(reactor->loop) + 1, send_ack, reactor);
    return !redis_link_is_up(reactor->link)
           || (!reactor->has_acks && stock_inflight_count(reactor->stock) == 0);
}

static void on_drain_timer(void *arg)
{
    struct reactor *reactor = arg;

    order_log_flush_soon(reactor->order_log);
    producer_flush_soon(reactor->notices_log);
    if (is_finished(reactor)) {
        reactor->with.on_drained(reactor->with.arg, reactor->with.index);
        return;
    }
    timer_start_ms(&reactor->drain_timer, DRAIN_TICK_MS);
}

static void on_server_drained(void *arg)
{
    struct reactor *reactor = arg;

    reactor->is_server_drained = true;
}

static void on_drain(void *arg)
{
    struct reactor *reactor = arg;

    if (reactor->server == NULL || reactor->is_draining) {
        return;
    }
    reactor->is_draining = true;
    http_server_drain(reactor->server, on_server_drained, reactor);
    timer_init(&reactor->drain_timer, reactor->loop, on_drain_timer, reactor);
    timer_start_ms(&reactor->drain_timer, DRAIN_TICK_MS);
}

void reactor_drain(struct reactor *reactor)
{
    enum err err = loop_post(reactor->loop, on_drain, reactor);
    (void)err; /* closed: it is over already; no memory: the limit ends it */
}

/* --- calls from other threads --- */

struct posted_wish {
    struct reactor *reactor;
    struct scan_wish wish;
};

static void on_wish(void *arg)
{
    struct posted_wish *posted = arg;

    if (posted->reactor->scan != NULL) {
        winner_scan_wish(posted->reactor->scan, &posted->wish);
    }
    free(posted);
}

void reactor_post_wish(struct reactor *reactor, const struct scan_wish *wish)
{
    struct posted_wish *posted = malloc(sizeof *posted);

    if (posted == NULL) {
        return; /* it comes again */
    }
    *posted = (struct posted_wish){.reactor = reactor, .wish = *wish};
    if (loop_post(reactor->loop, on_wish, posted) != ERR_OK) {
        free(posted);
    }
}

struct posted_winners {
    struct reactor *reactor;
    struct winners winners; /* with a share of its own */
};

static void drop_posted_winners(struct posted_winners *posted)
{
    bloom_release(posted->winners.buyers);
    free(posted);
}

static void on_winners(void *arg)
{
    struct posted_winners *posted = arg;

    if (posted->reactor->board != NULL) {
        sale_board_offer(posted->reactor->board, &posted->winners);
    }
    drop_posted_winners(posted);
}

void reactor_post_winners(struct reactor *reactor, const struct winners *winners)
{
    struct posted_winners *posted = malloc(sizeof *posted);

    if (posted == NULL) {
        return; /* that board wishes for it again */
    }
    *posted = (struct posted_winners){.reactor = reactor, .winners = *winners};
    posted->winners.buyers = bloom_share(winners->buyers);
    if (loop_post(reactor->loop, on_winners, posted) != ERR_OK) {
        drop_posted_winners(posted);
    }
}

/* --- life --- */

enum err reactor_create(const struct reactor_options *options, struct reactor **ret_reactor,
                        char error[static REACTOR_ERROR_SIZE])
{
    static_assert((int)REACTOR_ERROR_SIZE >= (int)HTTP_ERROR_SIZE
                      && (int)REACTOR_ERROR_SIZE >= (int)IDENTITY_ERROR_SIZE,
                  "errors of below fit");
    struct reactor *reactor = calloc(1, sizeof *reactor);

    error[0] = '\0';
    enum err err = ERR_NO_MEMORY;
    if (reactor != NULL) {
        reactor->with = *options;
        snprintf(reactor->name, sizeof reactor->name, "seckilld-%u", (unsigned)options->index);
        err = reactor_parts_build(reactor, error);
    }
    if (err != ERR_OK) {
        if (error[0] == '\0') {
            snprintf(error, REACTOR_ERROR_SIZE, "a reactor could not be built: %s", err_text(err));
        }
        if (reactor != NULL) {
            reactor_parts_tear_down(reactor);
            reactor_destroy(reactor);
        }
        return err;
    }
    timer_init(&reactor->state_timer, reactor->loop, on_state_timer, reactor);
    timer_start_ms(&reactor->state_timer, 1);
    *ret_reactor = reactor;
    return ERR_OK;
}

static void *run(void *arg)
{
    struct reactor *reactor = arg;

    loop_run(reactor->loop);
    reactor_parts_tear_down(reactor);
    return NULL;
}

enum err reactor_start(struct reactor *reactor)
{
    if (pthread_create(&reactor->thread, NULL, run, reactor) != 0) {
        return ERR_NO_MEMORY;
    }
    reactor->has_thread = true;
    (void)pthread_setname_np(reactor->thread, reactor->name);
    return ERR_OK;
}

void reactor_stop(struct reactor *reactor)
{
    if (reactor->has_thread) {
        loop_stop(reactor->loop);
        (void)pthread_join(reactor->thread, NULL);
        reactor->has_thread = false;
    } else {
        reactor_parts_tear_down(reactor);
    }
}

void reactor_destroy(struct reactor *reactor)
{
    if (reactor == NULL) {
        return;
    }
    ASSERT(!reactor->has_thread);
    loop_destroy(reactor->loop);
    free(reactor);
}
