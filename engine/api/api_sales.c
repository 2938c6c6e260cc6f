/* api_sales.c: on_get answers from a fresh reply, or waits for one. */
#include "api/api_sales.h"

#include <stdlib.h>

#include "api/api_reply.h"
#include "codec/json_out.h"
#include "common/assert.h"
#include "common/slab.h"
#include "inventory/redis_link.h"
#include "loop/loop.h"
#include "purchase/sale_board.h"

struct api_sales {
    struct api_sales_options with;
    struct slab *slab; /* owned */
    bool is_mute;
};

struct wait {
    struct api_sales *sales;        /* borrowed */
    struct http_exchange *exchange; /* borrowed until answered */
    struct sale_id sale;
};

/* The state in a buyer's words (PROTOCOL §4); NULL: rebuilding. A sale of a later epoch has been
 * open before: what keeps it closed past its opening is that it is loaded again. */
static const char *public_state(const struct board_sale *sale)
{
    switch (sale->view.state) {
    case SALE_STATE_LOADED:
        return sale->view.epoch > 1 && sale->view.redis_time_ms >= sale->definition.opens_ms
                   ? NULL
                   : "not-open";
    case SALE_STATE_PAUSED:
    case SALE_STATE_RESUMING: return "paused";
    case SALE_STATE_ENDED: return "ended";
    case SALE_STATE_OPEN:
        if (sale->view.redis_time_ms < sale->definition.opens_ms) {
            return "not-open";
        }
        return sale->view.redis_time_ms >= sale->definition.closes_ms ? "ended" : "open";
    case SALE_STATE_LOADING:
    case SALE_STATE_FROZEN:
    case SALE_STATE_COUNT: break;
    }
    return NULL;
}

static void write_skus(struct json_out *out, const struct board_sale *sale)
{
    json_out_name(out, "skus");
    json_out_begin_array(out);
    for (uint32_t i = 0; i < sale->definition.sku_count; i++) {
        const uint32_t place = sale->shown[i];
        const struct sale_sku *sku = &sale->definition.skus[place];
        bool is_known = (sale->view.known_skus >> place & 1) != 0;
        json_out_begin_object(out);
        json_out_member_text(out, "sku", sku->sku.text);
        json_out_member_u64(out, "price", sku->price);
        json_out_member_u64(out, "left", is_known ? sale->view.left[place] : 0);
        json_out_end_object(out);
    }
    json_out_end_array(out);
}

static void answer_sale(struct api_sales *sales, struct http_exchange *exchange,
                        const struct board_sale *sale)
{
    struct api_reply *reply = sales->with.reply;
    const struct sale_definition *definition = &sale->definition;
    const char *state = public_state(sale);
    struct json_out out;

    if (state == NULL) {
        api_reply_outcome(reply, exchange, OUTCOME_REBUILDING, 0);
        return;
    }
    buf_clear(&reply->body);
    json_out_init(&out, &reply->body);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "sale", definition->sale.value);
    json_out_member_text(&out, "name", definition->name);
    json_out_member_text(&out, "state", state);
    json_out_member_time(&out, "opens_at", definition->opens_ms);
    json_out_member_time(&out, "closes_at", definition->closes_ms);
    json_out_member_text(&out, "currency", definition->currency);
    json_out_member_u64(&out, "limit_per_buyer", definition->limit);
    json_out_member_bool(&out, "listed", definition->listed);
    json_out_member_u64(&out, "pay_window_s", definition->pay_window_ms / 1000);
    write_skus(&out, sale);
    json_out_member_time(&out, "as_of", sale->view.redis_time_ms);
    json_out_end_object(&out);
    api_reply_body(reply, exchange);
}

static void on_reply(void *arg, bool in_time)
{
    struct wait *wait = arg;
    struct api_sales *sales = wait->sales;
    struct http_exchange *exchange = wait->exchange;
    const struct board_sale *sale = sale_board_look(sales->with.board, wait->sale);

    slab_give(sales->slab, wait);
    if (sales->is_mute) {
        return;
    }
    if (in_time && sale != NULL && sale_board_is_fresh(sales->with.board, sale)) {
        answer_sale(sales, exchange, sale);
    } else {
        api_reply_unsure(sales->with.reply, exchange, sales->with.link);
    }
}

static void wait_for_reply(struct api_sales *sales, struct http_exchange *exchange,
                           struct board_sale *sale)
{
    int64_t deadline_us =
        http_exchange_received_us(exchange) + (int64_t)sale->definition.times.deadline_ms * 1000;
    struct wait *wait = slab_take(sales->slab);

    if (wait == NULL) {
        api_reply_outcome(sales->with.reply, exchange, OUTCOME_OVERLOADED, 0);
        return;
    }
    wait->sales = sales;
    wait->exchange = exchange;
    wait->sale = sale->definition.sale;
    if (sale_board_await(sales->with.board, sale, deadline_us, on_reply, wait) != ERR_OK) {
        slab_give(sales->slab, wait);
        api_reply_outcome(sales->with.reply, exchange, OUTCOME_OVERLOADED, 0);
    }
}

static void on_get(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_sales *sales = arg;
    struct board_sale *sale = NULL;
    struct sale_id sale_id;

    if (!api_reply_take_sale(exchange, request, &sale_id)) {
        return;
    }
    switch (sale_board_ask(sales->with.board, sale_id, &sale)) {
    case GATE_SALE_KNOWN: break;
    case GATE_SALE_ABSENT:
        api_reply_outcome(sales->with.reply, exchange, OUTCOME_UNKNOWN_SALE, 0);
        return;
    case GATE_SALE_UNSURE: api_reply_unsure(sales->with.reply, exchange, sales->with.link); return;
    }
    if (sale_board_is_fresh(sales->with.board, sale)) {
        answer_sale(sales, exchange, sale);
    } else {
        wait_for_reply(sales, exchange, sale);
    }
}

struct api_sales *api_sales_create(const struct api_sales_options *options)
{
    struct api_sales *sales = calloc(1, sizeof *sales);
    if (sales == NULL) {
        return NULL;
    }
    sales->with = *options;
    sales->slab = slab_create(sizeof(struct wait), options->waits_max);
    if (sales->slab == NULL) {
        free(sales);
        return NULL;
    }
    return sales;
}

void api_sales_destroy(struct api_sales *sales)
{
    if (sales == NULL) {
        return;
    }
    slab_destroy(sales->slab);
    free(sales);
}

void api_sales_mute(struct api_sales *sales)
{
    sales->is_mute = true;
}

void api_sales_routes(struct api_sales *sales, struct http_route routes[static API_SALES_ROUTES])
{
    routes[0] = (struct http_route){.method = HTTP_METHOD_GET,
                                    .pattern = "/v1/sales/{sale}",
                                    .handler = on_get,
                                    .arg = sales,
                                    .flags = HTTP_ROUTE_HEAD};
}
