/* sale_load: one load of a sale into Redis: begin, then the parts in any order, then end.
 * Why:    a sale with a million buyers is loaded in bounded steps; it opens last (PROTOCOL §4).
 * Never:  goes on over a new connection; repeats a part whose reply was lost: the load is over, the
 *         next one has a higher epoch.
 * Thread: that of the redis_blocking it is given.
 * Errors: as sale_loader.h. After any of them: destroy it, begin again with a higher epoch. */
#pragma once

#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/sale.h"
#include "inventory/sale_call.h"

struct redis_blocking;
struct sale_load;

/* load_begin: unlinks the sale's keys, writes meta with state loading. ERR_FENCED: Redis has an
 * epoch at least as high (ret_reply->head.epoch). On ERR_OK `*ret_load` is the caller's. */
MUST_CHECK enum err sale_load_begin(struct redis_blocking *redis, struct sale_id sale,
                                    uint32_t epoch, struct sale_load **ret_load,
                                    struct sale_reply *ret_reply);
void sale_load_destroy(struct sale_load *load); /* NULL is fine; never sends */

/* Parts are buffered and sent in calls of at most 3,000 items. */
MUST_CHECK enum err sale_load_stock(struct sale_load *load, const struct sku *sku, uint32_t left);
/* An order that Redis must know, in ascending order of order_no. All of a buyer's orders are
 * collected in memory and sent by sale_load_end(). ERR_RANGE: not of this sale. */
MUST_CHECK enum err sale_load_order(struct sale_load *load, const struct buyer *buyer,
                                    const struct order_entry *entry);
MUST_CHECK enum err sale_load_listed(struct sale_load *load, const struct buyer *buyer);
MUST_CHECK enum err sale_load_applied(struct sale_load *load, uint64_t ledger_id);
uint64_t sale_load_sent_count(const struct sale_load *load); /* items that Redis has confirmed */

/* Sends what is left; no orders may come after. `on_sent` (NULL: none) is called after each. */
typedef void sale_load_sent_fn(void *arg);
MUST_CHECK enum err sale_load_send(struct sale_load *load, sale_load_sent_fn *on_sent, void *arg);
/* Sends what is left, then load_end with the definition's window, limit, list, pay window, times.
 * `state`: LOADED (opened by "open" later), PAUSED, ENDED or FROZEN. */
MUST_CHECK enum err sale_load_end(struct sale_load *load, const struct sale_definition *definition,
                                  enum sale_state state, struct sale_reply *ret_reply);
