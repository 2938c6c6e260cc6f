/* own_orders: all that one buyer holds in a sale, read at one moment with the first outbox entry.
 * Why:    the way out of "outcome unknown"; an order that may not be in the log yet is CONFIRMING
 *         (PROTOCOL §3.5, §7).
 * Never:  says "none" on a history that the fence refuses.
 * Thread: loop. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"

struct redis_link;

struct own_orders {
    uint32_t epoch;
    uint32_t outbox_first; /* seq; 0: empty */
    uint32_t count;
    const struct order_entry *entries; /* borrowed for the call, oldest first */
};
/* status: ERR_OK; ERR_FENCED: the fence did not pass, or loading (503 rebuilding); ERR_REFUSED:
 * Redis refused, as redis_link_shed() tells; ERR_LOST; ERR_IO (garbage in a key, or the script
 * failed: alarm); ERR_NO_MEMORY: orders NULL. */
typedef void own_orders_fn(void *arg, enum err status, const struct own_orders *orders);
/* On ERR_OK `done` runs exactly once, in a later turn. ERR_UNAVAILABLE, ERR_BUSY, ERR_NO_MEMORY: it
 * never runs. */
MUST_CHECK enum err own_orders_read(struct redis_link *link, struct sale_id sale, uint32_t epoch,
                                    const struct buyer *buyer, own_orders_fn *done, void *arg);
