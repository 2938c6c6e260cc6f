/* api_orders: POST /v1/sales/{sale}/orders, the attempt to buy (schemas/openapi.yaml, PROTOCOL §7).
 * Why:    from bytes to a purchase: who, what, under which key; then the gate; then purchase/.
 * Never:  allocates, formats or takes a purchase's slot for a "no" from memory; keeps a slice of
 *         the request.
 * Thread: loop.  Owner: the reactor; outlives the server that has its route. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/http_server.h"

struct api_orders;
struct api_reply;
struct identity;
struct loop;
struct metrics_shard;
struct order_log;
struct outbox;
struct purchases;
struct redis_link;
struct sale_board;

struct api_orders_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    struct api_reply *reply;
    struct identity *identity;
    struct sale_board *board;
    struct purchases *purchases;
    struct redis_link *link;
    struct outbox *outbox;
    struct order_log *order_log;
    const bool *is_draining;
    struct metrics_shard *shard; /* or NULL */
    uint32_t unreported_max_ms;
};
struct api_orders *api_orders_create(
    const struct api_orders_options *options);      /* NULL: no memory */
void api_orders_destroy(struct api_orders *orders); /* NULL is fine */

enum { API_ORDERS_ROUTES = 1 };
void api_orders_routes(struct api_orders *orders,
                       struct http_route routes[static API_ORDERS_ROUTES]);
