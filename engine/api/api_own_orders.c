/* api_own_orders.c: on_get_… → begin → on_read or on_deadline, whichever is first, answers. */
#include "api/api_own_orders.h"

#include <stdlib.h>

#include "api/api_reply.h"
#include "codec/json_out.h"
#include "common/assert.h"
#include "common/slab.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "purchase/sale_board.h"

struct api_own_orders {
    struct api_own_orders_options with;
    struct slab *slab; /* owned */
    bool is_mute;
};

struct read {
    struct api_own_orders *own;     /* borrowed */
    struct http_exchange *exchange; /* NULL: answered */
    struct sale_id sale;
    struct order_no order_no; /* 0: all */
    struct timer deadline;
};

static void answer_outcome(struct read *read, enum outcome outcome)
{
    struct http_exchange *exchange = read->exchange;

    read->exchange = NULL;
    api_reply_outcome(read->own->with.reply, exchange, outcome, 0);
}

static void answer_shed(struct read *read, enum label_SHED cause)
{
    struct http_exchange *exchange = read->exchange;

    read->exchange = NULL;
    api_reply_shed(read->own->with.reply, exchange, cause);
}

static void on_deadline(void *arg)
{
    struct read *read = arg;

    if (read->exchange != NULL) {
        answer_shed(read, LABEL_SHED_LATE);
    }
}

/* False: the definition has no such sku. */
static bool fill_order(const struct sale_definition *definition, const struct own_orders *orders,
                       const struct order_entry *entry, struct api_order *ret_order)
{
    int sku = sale_find_sku(definition, &entry->sku);
    if (sku < 0) {
        return false;
    }
    *ret_order = (struct api_order){
        .entry = entry,
        .is_confirming = entry->state == ORDER_STATE_PENDING && orders->outbox_first != 0
                         && order_no_epoch(entry->order_no) == orders->epoch
                         && order_no_seq(entry->order_no) >= orders->outbox_first,
        .unit_price = definition->skus[sku].price,
        .currency = definition->currency,
        .pay_by_ms = entry->won_at_ms + definition->pay_window_ms};
    return true;
}

static void answer_all(struct read *read, const struct sale_definition *definition,
                       const struct own_orders *orders)
{
    struct api_reply *reply = read->own->with.reply;
    struct http_exchange *exchange = read->exchange;
    struct json_out out;

    read->exchange = NULL;
    buf_clear(&reply->body);
    json_out_init(&out, &reply->body);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "sale", read->sale.value);
    json_out_name(&out, "orders");
    json_out_begin_array(&out);
    for (uint32_t i = 0; i < orders->count; i++) {
        struct api_order order;
        if (fill_order(definition, orders, &orders->entries[i], &order)) {
            api_reply_write_order(&out, &order);
        }
    }
    json_out_end_array(&out);
    json_out_end_object(&out);
    api_reply_body(reply, exchange);
}

static void answer_one(struct read *read, const struct sale_definition *definition,
                       const struct own_orders *orders)
{
    struct api_reply *reply = read->own->with.reply;
    struct http_exchange *exchange = read->exchange;
    struct json_out out;

    read->exchange = NULL;
    for (uint32_t i = 0; i < orders->count; i++) {
        struct api_order order;
        if (orders->entries[i].order_no.value != read->order_no.value
            || !fill_order(definition, orders, &orders->entries[i], &order)) {
            continue;
        }
        buf_clear(&reply->body);
        json_out_init(&out, &reply->body);
        api_reply_write_order(&out, &order);
        api_reply_body(reply, exchange);
        return;
    }
    http_reply_refusal(exchange, HTTP_PROBLEM_NOT_FOUND, NULL);
}

static void answer_read(struct read *read, enum err status, const struct own_orders *orders)
{
    const struct board_sale *sale = sale_board_look(read->own->with.board, read->sale);

    if (status == ERR_FENCED || sale == NULL) {
        answer_outcome(read, OUTCOME_REBUILDING);
    } else if (status == ERR_REFUSED || status == ERR_LOST) {
        answer_shed(read, redis_link_shed(read->own->with.link));
    } else if (status != ERR_OK) {
        answer_shed(read, LABEL_SHED_LATE);
    } else if (read->order_no.value != 0) {
        answer_one(read, &sale->definition, orders);
    } else {
        answer_all(read, &sale->definition, orders);
    }
}

static void on_read(void *arg, enum err status, const struct own_orders *orders)
{
    struct read *read = arg;
    struct api_own_orders *own = read->own;

    timer_stop(&read->deadline);
    if (read->exchange != NULL && !own->is_mute) {
        answer_read(read, status, orders);
    }
    slab_give(own->slab, read);
}

static void begin(struct api_own_orders *own, struct http_exchange *exchange,
                  const struct board_sale *sale, const struct buyer *buyer,
                  struct order_no order_no)
{
    struct read *read = slab_take(own->slab);
    if (read == NULL) {
        api_reply_outcome(own->with.reply, exchange, OUTCOME_OVERLOADED, 0);
        return;
    }
    read->own = own;
    read->exchange = exchange;
    read->sale = sale->definition.sale;
    read->order_no = order_no;
    enum err err = stock_own_orders(own->with.stock, read->sale, sale->epoch, buyer, on_read, read);
    if (err != ERR_OK) {
        slab_give(own->slab, read);
        api_reply_shed(own->with.reply, exchange,
                       err == ERR_UNAVAILABLE ? redis_link_shed(own->with.link)
                                              : LABEL_SHED_REDIS_QUEUE);
        return;
    }
    timer_init(&read->deadline, own->with.loop, on_deadline, read);
    timer_start_at(&read->deadline, http_exchange_received_us(exchange)
                                        + (int64_t)sale->definition.times.deadline_ms * 1000);
}

static void get(struct api_own_orders *own, struct http_exchange *exchange,
                const struct http_request *request, struct order_no order_no)
{
    struct sale_id sale_id;
    struct buyer buyer;
    struct board_sale *sale = NULL;

    if (!api_reply_take_sale(exchange, request, &sale_id)
        || !api_reply_take_buyer(exchange, request, own->with.identity,
                                 loop_wall_ms(own->with.loop), &buyer)) {
        return;
    }
    switch (sale_board_ask(own->with.board, sale_id, &sale)) {
    case GATE_SALE_KNOWN: break;
    case GATE_SALE_ABSENT:
        api_reply_outcome(own->with.reply, exchange, OUTCOME_UNKNOWN_SALE, 0);
        return;
    case GATE_SALE_UNSURE: api_reply_unsure(own->with.reply, exchange, own->with.link); return;
    }
    begin(own, exchange, sale, &buyer, order_no);
}

static void on_get_all(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    get(arg, exchange, request, (struct order_no){0});
}

static void on_get_one(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct order_no order_no;

    ASSERT(request->param_count == 2);
    if (order_no_parse(request->params[1].data, request->params[1].size, &order_no) != ERR_OK) {
        http_reply_refusal(exchange, HTTP_PROBLEM_BAD_ORDER_NO, NULL);
        return;
    }
    get(arg, exchange, request, order_no);
}

struct api_own_orders *api_own_orders_create(const struct api_own_orders_options *options)
{
    struct api_own_orders *own = calloc(1, sizeof *own);
    if (own == NULL) {
        return NULL;
    }
    own->with = *options;
    own->slab = slab_create(sizeof(struct read), options->reads_max);
    if (own->slab == NULL) {
        free(own);
        return NULL;
    }
    return own;
}

void api_own_orders_destroy(struct api_own_orders *own)
{
    if (own == NULL) {
        return;
    }
    ASSERT(slab_taken_count(own->slab) == 0); /* stock has answered all: no timer runs */
    slab_destroy(own->slab);
    free(own);
}

void api_own_orders_mute(struct api_own_orders *own)
{
    own->is_mute = true;
}

void api_own_orders_routes(struct api_own_orders *own,
                           struct http_route routes[static API_OWN_ORDERS_ROUTES])
{
    routes[0] = (struct http_route){.method = HTTP_METHOD_GET,
                                    .pattern = "/v1/sales/{sale}/orders",
                                    .handler = on_get_all,
                                    .arg = own,
                                    .flags = HTTP_ROUTE_HEAD};
    routes[1] = (struct http_route){.method = HTTP_METHOD_GET,
                                    .pattern = "/v1/sales/{sale}/orders/{order_no}",
                                    .handler = on_get_one,
                                    .arg = own,
                                    .flags = HTTP_ROUTE_HEAD};
}
