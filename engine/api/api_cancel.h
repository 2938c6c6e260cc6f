/* api_cancel: POST /v1/sales/{sale}/orders/{order_no}/cancel: the buyer gives an unpaid order up.
 * Why:    the worker closes orders, in the order of their notices: a cancel is one of them, so that
 *         it cannot overtake a payment that was taken before it (PROTOCOL §3.10).
 * Never:  believes the path: the order is the buyer's if Redis says so; says 202 before the request
 *         is in the log; shows whether another buyer's order exists.
 * Thread: loop.  Owner: the reactor; outlives the server that has its route. */
#pragma once

#include "http/http_server.h"

struct api_cancel;
struct api_notices;
struct api_own_read;
struct api_reply;
struct loop;
struct metrics_shard;

struct api_cancel_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    struct api_own_read *own_read;
    struct api_notices *notices;
    struct api_reply *reply;
    struct metrics_shard *shard; /* or NULL */
};
struct api_cancel *api_cancel_create(
    const struct api_cancel_options *options);      /* NULL: no memory */
void api_cancel_destroy(struct api_cancel *cancel); /* NULL is fine */

enum { API_CANCEL_ROUTES = 1 };
void api_cancel_routes(struct api_cancel *cancel,
                       struct http_route routes[static API_CANCEL_ROUTES]);
