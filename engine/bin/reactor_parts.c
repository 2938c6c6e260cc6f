/* reactor_parts.c: build, in the order of the fields; tear down, buyers first. */
#include "bin/reactor_parts.h"

#include "admission/identity.h"
#include "api/api_cancel.h"
#include "api/api_notices.h"
#include "api/api_orders.h"
#include "api/api_own_orders.h"
#include "api/api_own_read.h"
#include "api/api_payments.h"
#include "api/api_sales.h"
#include "common/metrics.h"
#include "http/http_server.h"
#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "journal/order_log.h"
#include "journal/producer.h"
#include "purchase/outbox_relay.h"
#include "purchase/purchase.h"
#include "purchase/sale_board.h"
#include "purchase/winner_scan.h"

enum {
    READS_MAX = 4096,   /* requests that wait for Redis with a buyer's orders */
    NOTICES_MAX = 4096, /* payment notices and cancels that wait for their report */
    RELAY_ROOM = 32768, /* records of the relay, above those of purchases */
    COMMANDS_MAX = 16384,
    ROUTES = API_ORDERS_ROUTES + API_OWN_ORDERS_ROUTES + API_SALES_ROUTES + API_CANCEL_ROUTES
             + API_PAYMENTS_ROUTES,
};

/* --- what the modules tell --- */

static void on_link_up(void *arg, uint64_t generation)
{
    struct reactor *reactor = arg;

    (void)generation;
    outbox_forget(reactor->outbox); /* the relay finds them (PROTOCOL §4) */
    if (reactor->board != NULL) {
        sale_board_on_link(reactor->board);
    }
}

static void on_view(void *arg, const struct sale_view *view)
{
    struct reactor *reactor = arg;

    purchases_see_call(reactor->purchases, view->sent_us);
    sale_board_see(reactor->board, view);
    if (reactor->scan != NULL) {
        winner_scan_see(reactor->scan, view);
    }
}

static enum err make_link(struct reactor *reactor)
{
    const struct conf *conf = reactor->with.conf;

    reactor->link = redis_link_create(&(struct redis_link_options){
        .loop = reactor->loop,
        .address = conf->redis_address,
        .port = (uint16_t)conf->redis_port,
        .user = conf->redis_user,
        .password = conf->redis_password,
        .client_name = reactor->name,
        .connect_timeout_ms = conf->redis_connect_timeout_ms,
        .reply_timeout_ms = conf->redis_reply_timeout_ms,
        .queued_bytes_max = conf->redis_queued_bytes_max,
        .inflight_max = COMMANDS_MAX,
        .shard = reactor->shard,
        .on_up = on_link_up,
        .arg = reactor,
    });
    reactor->outbox = outbox_create(&(struct outbox_options){
        .loop = reactor->loop,
        .shard = reactor->shard,
        .entries_max = conf->outbox_entries_max,
    });
    if (reactor->link == NULL || reactor->outbox == NULL) {
        return ERR_NO_MEMORY;
    }
    reactor->stock = stock_create(&(struct stock_options){
        .loop = reactor->loop,
        .link = reactor->link,
        .outbox = reactor->outbox,
        .shard = reactor->shard,
        .batch_max = conf->batch_max,
        .calls_max = conf->batch_calls_max,
        .attempts_max = conf->purchase_max,
        .sales_max = conf->board_sales_max,
        .on_view = on_view,
        .view_arg = reactor,
    });
    return reactor->stock == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static enum err make_log(struct reactor *reactor)
{
    const struct conf *conf = reactor->with.conf;

    reactor->order_log = order_log_create(&(struct order_log_options){
        .loop = reactor->loop,
        .brokers = conf->kafka_brokers,
        .topic = conf->kafka_orders_topic,
        .client_name = reactor->name,
        .linger_ms = conf->kafka_linger_ms,
        .message_timeout_ms = conf->kafka_message_timeout_ms,
        .records_max = conf->purchase_max + RELAY_ROOM,
        .shard = reactor->shard,
    });
    reactor->notices_log = producer_create(&(struct producer_options){
        .loop = reactor->loop,
        .brokers = conf->kafka_brokers,
        .topic = conf->kafka_notices_topic,
        .client_name = reactor->name,
        .linger_ms = conf->kafka_linger_ms,
        .message_timeout_ms = conf->kafka_message_timeout_ms,
        .records_max = NOTICES_MAX,
        .shard = reactor->shard,
    });
    return reactor->order_log == NULL || reactor->notices_log == NULL ? ERR_CONFIG : ERR_OK;
}

static enum err make_board(struct reactor *reactor)
{
    const struct conf *conf = reactor->with.conf;

    reactor->board = sale_board_create(&(struct sale_board_options){
        .loop = reactor->loop,
        .link = reactor->link,
        .stock = reactor->stock,
        .outbox = reactor->outbox,
        .shard = reactor->shard,
        .poll_ms = conf->board_poll_ms,
        .catalogue_ms = conf->board_catalogue_ms,
        .ack_ms = conf->outbox_ack_ms,
        .sales_max = conf->board_sales_max,
        .bloom_error_ppm = conf->bloom_error_ppm,
        .on_scan_wanted = reactor->with.on_scan_wanted,
        .scan_arg = reactor->with.arg,
    });
    return reactor->board == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static enum err make_wing(struct reactor *reactor)
{
    const struct conf *conf = reactor->with.conf;

    if (reactor->with.index == 0) {
        reactor->scan = winner_scan_create(&(struct winner_scan_options){
            .loop = reactor->loop,
            .stock = reactor->stock,
            .shard = reactor->shard,
            .bloom_error_ppm = conf->bloom_error_ppm,
            .on_winners = reactor->with.on_winners,
            .arg = reactor->with.arg,
        });
    }
    reactor->relay = outbox_relay_create(&(struct outbox_relay_options){
        .loop = reactor->loop,
        .link = reactor->link,
        .outbox = reactor->outbox,
        .order_log = reactor->order_log,
        .board = reactor->board,
        .shard = reactor->shard,
        .sweep_ms = conf->relay_sweep_ms,
        .lease_ms = conf->relay_lease_ms,
        .age_ms = conf->relay_age_ms,
    });
    reactor->purchases = purchases_create(&(struct purchases_options){
        .loop = reactor->loop,
        .link = reactor->link,
        .stock = reactor->stock,
        .outbox = reactor->outbox,
        .order_log = reactor->order_log,
        .shard = reactor->shard,
        .purchases_max = conf->purchase_max,
    });
    if ((reactor->with.index == 0 && reactor->scan == NULL) || reactor->relay == NULL
        || reactor->purchases == NULL) {
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static enum err make_api(struct reactor *reactor, char error[static REACTOR_ERROR_SIZE])
{
    enum err err = identity_create(reactor->with.identity, error, &reactor->identity);
    if (err != ERR_OK) {
        return err;
    }
    api_reply_init(&reactor->reply);
    reactor->orders = api_orders_create(&(struct api_orders_options){
        .loop = reactor->loop,
        .reply = &reactor->reply,
        .identity = reactor->identity,
        .board = reactor->board,
        .purchases = reactor->purchases,
        .link = reactor->link,
        .outbox = reactor->outbox,
        .order_log = reactor->order_log,
        .is_draining = &reactor->is_draining,
        .shard = reactor->shard,
        .unreported_max_ms = reactor->with.conf->purchase_unreported_max_ms,
    });
    reactor->sales = api_sales_create(&(struct api_sales_options){
        .loop = reactor->loop,
        .reply = &reactor->reply,
        .board = reactor->board,
        .link = reactor->link,
        .waits_max = READS_MAX,
    });
    return reactor->orders == NULL || reactor->sales == NULL ? ERR_NO_MEMORY : ERR_OK;
}

/* What happens to orders that were won: reads, cancels, payments. */
static enum err make_api_of_orders(struct reactor *reactor)
{
    const struct conf *conf = reactor->with.conf;

    reactor->own_read = api_own_read_create(&(struct api_own_read_options){
        .loop = reactor->loop,
        .reply = &reactor->reply,
        .identity = reactor->identity,
        .board = reactor->board,
        .stock = reactor->stock,
        .link = reactor->link,
        .reads_max = READS_MAX,
    });
    reactor->own_orders = api_own_orders_create(
        &(struct api_own_orders_options){.own_read = reactor->own_read, .reply = &reactor->reply});
    reactor->notices = api_notices_create(&(struct api_notices_options){
        .loop = reactor->loop,
        .producer = reactor->notices_log,
        .waits_max = NOTICES_MAX,
        .answer_ms = conf->payments_answer_ms,
    });
    reactor->cancel = api_cancel_create(&(struct api_cancel_options){
        .loop = reactor->loop,
        .own_read = reactor->own_read,
        .notices = reactor->notices,
        .reply = &reactor->reply,
        .shard = reactor->shard,
    });
    reactor->payments = api_payments_create(&(struct api_payments_options){
        .loop = reactor->loop,
        .payments = reactor->with.payments,
        .notices = reactor->notices,
        .reply = &reactor->reply,
        .shard = reactor->shard,
    });
    if (reactor->own_read == NULL || reactor->own_orders == NULL || reactor->notices == NULL
        || reactor->cancel == NULL || reactor->payments == NULL) {
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static void fill_routes(struct reactor *reactor, struct http_route routes[static ROUTES])
{
    api_orders_routes(reactor->orders, routes);
    routes += API_ORDERS_ROUTES;
    api_own_orders_routes(reactor->own_orders, routes);
    routes += API_OWN_ORDERS_ROUTES;
    api_sales_routes(reactor->sales, routes);
    routes += API_SALES_ROUTES;
    api_cancel_routes(reactor->cancel, routes);
    routes += API_CANCEL_ROUTES;
    api_payments_routes(reactor->payments, routes);
}

static enum err make_server(struct reactor *reactor, char error[static REACTOR_ERROR_SIZE])
{
    const struct conf *conf = reactor->with.conf;
    struct http_route routes[ROUTES];

    fill_routes(reactor, routes);
    struct http_server_options options = {
        .loop = reactor->loop,
        .address = conf->http_address,
        .port = (uint16_t)conf->http_port,
        .reuse_port = true,
        .connections_max = conf->http_connections_max,
        .exchanges_max = conf->http_exchanges_max,
        .pipeline_max = conf->http_pipeline_max,
        .header_timeout_ms = conf->http_header_timeout_ms,
        .body_timeout_ms = conf->http_body_timeout_ms,
        .idle_timeout_ms = conf->http_idle_timeout_ms,
        .write_timeout_ms = conf->http_write_timeout_ms,
        .host = conf->http_host,
        .routes = routes,
        .route_count = ROUTES,
        .shard = reactor->shard,
        .requests_metric = METRIC_http_requests_total,
    };
    return http_server_create(&options, &reactor->server, error);
}

enum err reactor_parts_build(struct reactor *reactor, char error[static REACTOR_ERROR_SIZE])
{
    reactor->shard = metrics_shard(reactor->with.metrics);
    if (reactor->shard == NULL) {
        return ERR_NO_MEMORY;
    }
    reactor->loop =
        loop_create(&(struct loop_options){.name = reactor->name,
                                           .timers_max = reactor->with.conf->purchase_max,
                                           .shard = reactor->shard});
    enum err err = reactor->loop == NULL ? ERR_NO_MEMORY : make_link(reactor);
    err = err == ERR_OK ? make_log(reactor) : err;
    err = err == ERR_OK ? make_board(reactor) : err;
    err = err == ERR_OK ? make_wing(reactor) : err;
    err = err == ERR_OK ? make_api(reactor, error) : err;
    err = err == ERR_OK ? make_api_of_orders(reactor) : err;
    err = err == ERR_OK ? make_server(reactor, error) : err;
    return err;
}

/* Buyers first; then what calls back, so that every callback that is still due runs while its owner
 * is there. */
void reactor_parts_tear_down(struct reactor *reactor)
{
    timer_stop(&reactor->state_timer);
    timer_stop(&reactor->drain_timer);
    if (reactor->purchases != NULL) {
        purchases_mute(reactor->purchases);
    }
    if (reactor->own_read != NULL) {
        api_own_read_mute(reactor->own_read);
    }
    if (reactor->notices != NULL) {
        api_notices_mute(reactor->notices);
    }
    if (reactor->sales != NULL) {
        api_sales_mute(reactor->sales);
    }
    http_server_destroy(reactor->server);
    redis_link_destroy(reactor->link);
    order_log_destroy(reactor->order_log);
    producer_destroy(reactor->notices_log);
    api_sales_destroy(reactor->sales);
    api_payments_destroy(reactor->payments);
    api_cancel_destroy(reactor->cancel);
    api_notices_destroy(reactor->notices);
    api_own_orders_destroy(reactor->own_orders);
    api_own_read_destroy(reactor->own_read);
    api_orders_destroy(reactor->orders);
    if (reactor->identity != NULL) {
        api_reply_finish(&reactor->reply);
    }
    identity_destroy(reactor->identity);
    outbox_relay_destroy(reactor->relay);
    winner_scan_destroy(reactor->scan);
    sale_board_destroy(reactor->board);
    stock_destroy(reactor->stock);
    purchases_destroy(reactor->purchases);
    outbox_destroy(reactor->outbox);
    reactor->board = NULL; /* posted calls that come late look here */
    reactor->scan = NULL;
    reactor->server = NULL;
}
