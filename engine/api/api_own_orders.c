#include "api/api_own_orders.h"

#include <stdlib.h>

#include "api/api_own_read.h"
#include "codec/json_out.h"
#include "domain/sale.h"

struct api_own_orders {
    struct api_own_orders_options with;
};

static void on_all_found(void *arg, struct http_exchange *exchange,
                         const struct api_own_found *found)
{
    struct api_own_orders *own = arg;
    struct api_reply *reply = own->with.reply;
    struct json_out out;

    buf_clear(&reply->body);
    json_out_init(&out, &reply->body);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "sale", found->definition->sale.value);
    json_out_name(&out, "orders");
    json_out_begin_array(&out);
    for (uint32_t i = 0; i < found->orders->count; i++) {
        struct api_order order;
        if (api_own_found_fill(found, &found->orders->entries[i], &order)) {
            api_reply_write_order(&out, &order);
        }
    }
    json_out_end_array(&out);
    json_out_end_object(&out);
    api_reply_body(reply, exchange);
}

static void on_one_found(void *arg, struct http_exchange *exchange,
                         const struct api_own_found *found)
{
    struct api_own_orders *own = arg;
    struct api_reply *reply = own->with.reply;
    struct api_order order;
    struct json_out out;

    if (!api_own_found_one(found, &order)) {
        http_reply_refusal(exchange, HTTP_PROBLEM_NOT_FOUND, NULL);
        return;
    }
    buf_clear(&reply->body);
    json_out_init(&out, &reply->body);
    api_reply_write_order(&out, &order);
    api_reply_body(reply, exchange);
}

static void on_get_all(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct api_own_orders *own = arg;

    api_own_read_begin(own->with.own_read, exchange, request, on_all_found, own);
}

static void on_get_one(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct api_own_orders *own = arg;

    api_own_read_begin(own->with.own_read, exchange, request, on_one_found, own);
}

struct api_own_orders *api_own_orders_create(const struct api_own_orders_options *options)
{
    struct api_own_orders *own = calloc(1, sizeof *own);
    if (own != NULL) {
        own->with = *options;
    }
    return own;
}

void api_own_orders_destroy(struct api_own_orders *own)
{
    free(own);
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
