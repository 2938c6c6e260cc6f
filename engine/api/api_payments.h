/* api_payments: POST /v1/payments/{provider}: the signed notices of payment providers.
 * Why:    a provider repeats a notice until it is told 2xx, and then never again: so 2xx means that
 *         the notice is in the log, and nothing less (PROTOCOL §3.10).
 * Never:  reads a body before its signature was verified on the raw bytes; logs a body, a signature
 *         or a secret; looks at an order: the worker does.
 * Thread: loop.  Owner: the reactor; outlives the server that has its route. */
#pragma once

#include "http/http_server.h"

struct api_notices;
struct api_payments;
struct api_reply;
struct loop;
struct metrics_shard;
struct payments;

struct api_payments_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    const struct payments *payments;
    struct api_notices *notices;
    struct api_reply *reply;
    struct metrics_shard *shard; /* or NULL */
};
struct api_payments *api_payments_create(
    const struct api_payments_options *options);     /* NULL: no memory */
void api_payments_destroy(struct api_payments *api); /* NULL is fine */

enum { API_PAYMENTS_ROUTES = 1 };
void api_payments_routes(struct api_payments *api,
                         struct http_route routes[static API_PAYMENTS_ROUTES]);
