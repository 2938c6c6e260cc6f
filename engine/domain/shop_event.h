/* shop_event: what the shop is told of an order or a sale.
 * Why:    ledger/ reads it from the SQL outbox, codec/ writes it as the shop reads it
 *         (schemas/events.md).
 * Never:  tells what may still change: an event says the same whenever it is sent.
 * Thread: any. */
#pragma once

#include "domain/order.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All texts are borrowed for the call that hands the event over. */
struct shop_event {
    uint64_t id;      /* of its row in the outbox: the same each time it is sent */
    const char *verb; /* "order.paid" */
    struct sale_id sale;
    struct order_no order_no; /* 0: of the sale */
    uint32_t version;         /* the order's after the change; the sale's how-manieth sold out */
    int64_t time_ms;          /* of the change, by the database's clock */
    uint64_t units;           /* sale.sold_out: of all its skus */
    const char *payload;      /* a JSON object */
    size_t payload_size;      /* 0: none */
    bool has_order;           /* false: of the sale, or the number has no row */
    /* order_no, buyer, sku, quantity, unit_price, currency, won_at_ms; the rest is empty */
    struct order_record order;
    const char *reason; /* why it is in its state; "" */
    bool is_broken;     /* its order's row cannot be read: there is nothing to tell yet */
};
