/* api_own_orders: GET /v1/sales/{sale}/orders and …/orders/{order_no}: the way out of
 * outcome-unknown.
 * Why:    Redis knows a win before anybody else: what is not yet known to be in the log is
 *         CONFIRMING.
 * Never:  shows another buyer's order, or a slot; says "none" when the fence did not pass: that is
 *         503 rebuilding.
 * Thread: loop.  Owner: the reactor; outlives the server that has its routes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/http_server.h"

struct api_own_orders;
struct api_reply;
struct identity;
struct loop;
struct redis_link;
struct sale_board;
struct stock;

struct api_own_orders_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    struct api_reply *reply;
    struct identity *identity;
    struct sale_board *board;
    struct stock *stock;
    const struct redis_link *link;
    uint32_t reads_max; /* under way at once; over it: 503 overloaded */
};
struct api_own_orders *api_own_orders_create(
    const struct api_own_orders_options *options); /* NULL: no memory */
/* Nothing of stock may call back after this. NULL is fine. */
void api_own_orders_destroy(struct api_own_orders *own);
/* The exchanges die: nobody is answered from now on. */
void api_own_orders_mute(struct api_own_orders *own);

enum { API_OWN_ORDERS_ROUTES = 2 };
void api_own_orders_routes(struct api_own_orders *own,
                           struct http_route routes[static API_OWN_ORDERS_ROUTES]);
