/* api_sales: GET /v1/sales/{sale}: window, state, prices, what is left.
 * Why:    a shop's page shows it to anyone; it is at most 1 s old (PROTOCOL §7).
 * Never:  tells what is left from an older reply; lets one reader a poll reach Redis: all wait for
 *         the same one.
 * Thread: loop.  Owner: the reactor; outlives the server that has its route. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "http/http_server.h"

struct api_reply;
struct api_sales;
struct loop;
struct redis_link;
struct sale_board;

struct api_sales_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    struct api_reply *reply;
    struct sale_board *board;
    const struct redis_link *link;
    uint32_t waits_max;
};
struct api_sales *api_sales_create(const struct api_sales_options *options); /* NULL: no memory */
/* No reply of a sale may come after this. NULL is fine. */
void api_sales_destroy(struct api_sales *sales);
/* The exchanges die: nobody is answered from now on. */
void api_sales_mute(struct api_sales *sales);

enum { API_SALES_ROUTES = 1 };
void api_sales_routes(struct api_sales *sales, struct http_route routes[static API_SALES_ROUTES]);
