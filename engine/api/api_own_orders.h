/* api_own_orders: GET /v1/sales/{sale}/orders and …/orders/{order_no}: the way out of
 * outcome-unknown.
 * Why:    Redis knows a win before anybody else: what is not yet known to be in the log is
 *         CONFIRMING.
 * Never:  shows another buyer's order, or a slot.
 * Thread: loop.  Owner: the reactor; outlives the server that has its routes. */
#pragma once

#include "http/http_server.h"

struct api_own_orders;
struct api_own_read;
struct api_reply;

struct api_own_orders_options {
    struct api_own_read *own_read; /* borrowed, outlives it; so does the other */
    struct api_reply *reply;
};
struct api_own_orders *api_own_orders_create(
    const struct api_own_orders_options *options);       /* NULL: no memory */
void api_own_orders_destroy(struct api_own_orders *own); /* NULL is fine */

enum { API_OWN_ORDERS_ROUTES = 2 };
void api_own_orders_routes(struct api_own_orders *own,
                           struct http_route routes[static API_OWN_ORDERS_ROUTES]);
