/* sale_loader: everything that the worker writes into Redis.
 * Why:    loading, fences, states, returned units, order letters and the catalogue are scripts that
 *         are called from blocking threads (PROTOCOL §3.8, §4).
 * Never:  decides what to write (settlement/, admin/); repeats a call whose reply was lost: its
 *         caller does, every call here may be repeated with the same arguments.
 * Thread: that of the redis_blocking it is given.
 *
 * Errors, everywhere here: ERR_OK · of the script, nothing touched: ERR_NOT_FOUND no meta (gone) ·
 * ERR_FENCED another epoch or history · ERR_CONFLICT not in this state (state, loading, frozen) ·
 * ERR_PARSE a key holds garbage, or the reply is malformed: alarm · ERR_RANGE wrong arguments ·
 * of the link: ERR_UNAVAILABLE nothing was sent · ERR_REFUSED Redis refused before it began ·
 * ERR_IO error reply: alarm · ERR_LOST unknown: repeat until it is known · ERR_NO_MEMORY.
 * Texts for the log: redis_blocking_trouble(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/sale.h"
#include "inventory/catalogue_put.h"
#include "inventory/sale_call.h"
#include "inventory/sale_load.h"

struct redis_blocking;

/* --- the guard's procedure (PROTOCOL §4) --- */

/* Step 0: clears meta.replid and raises meta.epoch to `epoch`; from its reply on nothing is decided
 * and only a higher epoch can be loaded. ret_reply->head (time and outbox are 0) and was_closed are
 * what meta said, head.epoch 0 and state LOADING where meta was unreadable. ERR_FENCED: meta has an
 * epoch (ret_reply->head.epoch) above `epoch`, nothing was touched. ERR_NOT_FOUND: there was no
 * meta, ERR_PARSE: it was no hash; both are closed now as well. */
MUST_CHECK enum err sale_loader_close_fence(struct redis_blocking *redis, struct sale_id sale,
                                            uint32_t epoch, struct sale_reply *ret_reply);

/* --- control --- */

/* `verb`: pause, resume, open, end, freeze or unfreeze (schemas/redis.md set_state).
 * Already there: ERR_OK. ERR_CONFLICT: not from this state. ERR_RANGE: no such verb. */
MUST_CHECK enum err sale_loader_set_state(struct redis_blocking *redis, struct sale_id sale,
                                          uint32_t epoch, const char *verb,
                                          struct sale_reply *ret_reply);

/* The verb open, carried out only on the version that the opening was announced under (PROTOCOL
 * §3.8): a relay that slept must not open what another has just announced. ERR_CONFLICT with answer
 * HOLD: nothing changed; again a hold later, with ret_reply->head.version. */
MUST_CHECK enum err sale_loader_open(struct redis_blocking *redis, struct sale_id sale,
                                     uint32_t epoch, uint64_t version,
                                     struct sale_reply *ret_reply);

enum { ADJUST_UNITS_MAX = 1000, ADJUST_LETTERS_MAX = 1000 };
struct adjust_units {
    uint64_t ledger_id;
    struct sku sku;
    uint32_t units; /* from 1 */
};
struct adjust_letter {
    struct buyer buyer;
    struct order_no order_no;
    enum order_state state; /* letters only move forward; unknown orders are ignored */
};
/* Units not in `applied` go to `held`, the version turns odd; letters change. Idempotent. */
MUST_CHECK enum err sale_loader_announce(struct redis_blocking *redis, struct sale_id sale,
                                         uint32_t epoch, const struct adjust_units *units,
                                         uint32_t unit_count, const struct adjust_letter *letters,
                                         uint32_t letter_count, struct sale_reply *ret_reply);
/* At least hold after the announcement's reply, by the worker's monotonic clock: held to stock.
 * `version`: of that reply's head. ERR_CONFLICT with answer HOLD: leases may be out (the version
 * was even in between); nothing was applied; again a hold later, with ret_reply->head.version. */
MUST_CHECK enum err sale_loader_apply(struct redis_blocking *redis, struct sale_id sale,
                                      uint32_t epoch, uint64_t version,
                                      struct sale_reply *ret_reply);
MUST_CHECK enum err sale_loader_letters(struct redis_blocking *redis, struct sale_id sale,
                                        uint32_t epoch, const struct adjust_letter *letters,
                                        uint32_t letter_count, struct sale_reply *ret_reply);
