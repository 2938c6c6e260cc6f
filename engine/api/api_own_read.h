/* api_own_read: what a buyer holds in the sale of a request's path, by his token, from Redis.
 * Why:    reading one's orders and cancelling one rest on the same proof of whose they are.
 * Never:  believes a buyer or an order of the path; says "none" when the fence did not pass: that
 *         is 503 rebuilding.
 * Thread: loop.  Owner: the reactor; outlives the server whose handlers use it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/api_reply.h"
#include "inventory/own_orders.h"

struct api_own_read;
struct loop;
struct sale_board;
struct sale_definition;
struct stock;

struct api_own_read_options {
    struct loop *loop; /* borrowed, outlives it; so do the others */
    struct api_reply *reply;
    struct identity *identity;
    struct sale_board *board;
    struct stock *stock;
    const struct redis_link *link;
    uint32_t reads_max; /* under way at once; over it: 503 overloaded */
};
struct api_own_read *api_own_read_create(const struct api_own_read_options *options); /* NULL: no
                                                                                         memory */
/* Nothing of stock may call back after this. NULL is fine. */
void api_own_read_destroy(struct api_own_read *own);
/* The exchanges die: nobody is answered from now on. */
void api_own_read_mute(struct api_own_read *own);

/* Borrowed for the call. */
struct api_own_found {
    struct buyer buyer;
    struct order_no order_no; /* of the path; 0: the path has none */
    const struct sale_definition *definition;
    const struct own_orders *orders;
};
/* Answers the exchange, now or later. */
typedef void api_own_found_fn(void *arg, struct http_exchange *exchange,
                              const struct api_own_found *found);
/* The path's first parameter is a sale, its second, if there is one, an order_no. `found` runs in a
 * later turn unless the request is refused, Redis cannot tell, or D has passed: then the exchange
 * has been answered here. */
void api_own_read_begin(struct api_own_read *own, struct http_exchange *exchange,
                        const struct http_request *request, api_own_found_fn *found, void *arg);

/* The order as its buyer sees it. False: the definition has no such sku. */
bool api_own_found_fill(const struct api_own_found *found, const struct order_entry *entry,
                        struct api_order *ret_order);
/* The order of the path. False: this buyer has none of that number. */
bool api_own_found_one(const struct api_own_found *found, struct api_order *ret_order);
