/* sale_change: what may change of a sale: control, stock, epoch.
 * Why:    each change is one transaction with its ledger, outbox and admin_log rows (PROTOCOL §6).
 * Never:  tells Redis: an outbox row of the same transaction does.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/ids.h"
#include "ledger/admin_log.h"
#include "ledger/sale_control.h"

struct mysql_link;
struct guard_claim;
struct sale_row; /* ledger/sale_store.h */

/* pause, resume, end, freeze, unfreeze: compare-and-set with its outbox row (if it was ever loaded)
 * and its admin_log row. Already there: ERR_OK, `*ret_changed` false, nothing written,
 * but for pause and resume of a loaded sale the outbox row (Redis may be elsewhere), and for freeze
 * its admin_log row and a new version.
 * ERR_NOT_FOUND; ERR_CONFLICT: the sale cannot do that now. ret_row and ret_changed may be NULL;
 * ret_row is as it is afterwards. */
MUST_CHECK enum err sale_store_control(struct mysql_link *link, struct sale_id sale,
                                       enum sale_verb verb, const struct admin_actor *actor,
                                       struct sale_row *ret_row, bool *ret_changed);
/* The same inside the caller's transaction. */
MUST_CHECK enum err sale_store_control_in(struct mysql_link *link, struct sale_id sale,
                                          enum sale_verb verb, const struct admin_actor *actor,
                                          bool *ret_changed);

/* A frozen sale is given back as it was: open, as by resume, or paused. */
struct sale_release {
    struct sale_id sale;
    uint32_t version;  /* of the row that was judged: what froze it since has not been looked at */
    bool stays_paused; /* though it was open */
};
/* ERR_NOT_FOUND; ERR_CONFLICT: it is not frozen; ERR_FENCED: its row has another version by now. */
MUST_CHECK enum err sale_store_release(struct mysql_link *link, const struct sale_release *release,
                                       const struct admin_actor *actor);

struct stock_addition {
    struct sale_id sale;
    struct sku sku;
    uint32_t units;  /* from 1 */
    const char *ref; /* 1 to 64 visible ASCII; one ref, one addition in a sale */
};
struct stock_added {
    uint64_t total;     /* of the sku, afterwards */
    uint64_t ledger_id; /* of the row that this ref made */
    bool repeated;      /* this ref had done it before: nothing was changed now */
};
/* ERR_NOT_FOUND: sale or sku; ERR_CONFLICT: the ref was used for something else; ERR_CLOSED: the
 * sale is ended; ERR_RANGE: units or ref out of bounds. */
MUST_CHECK enum err sale_store_add_stock(struct mysql_link *link,
                                         const struct stock_addition *addition,
                                         const struct admin_actor *actor,
                                         struct stock_added *ret_added);

/* Step 3 of a load (PROTOCOL §4 guard), one transaction: proves the claim, locks the sku rows,
 * raises sales.epoch and sale_skus.epoch to max(epoch, `above`) + 1, reads stock and control.
 * `above`: the epoch found in Redis (0: none). ERR_FENCED: the claim was taken over; ERR_NOT_FOUND;
 * ERR_RANGE: no epoch is left (EPOCH_MAX). */
MUST_CHECK enum err sale_store_raise_epoch(struct mysql_link *link, const struct guard_claim *claim,
                                           uint32_t above, struct sale_row *ret_row);
/* The end of a load: an outbox row `open` of this epoch (the relay announces and applies it), if
 * the sale is to be open. ERR_FENCED. */
MUST_CHECK enum err sale_store_request_open(struct mysql_link *link,
                                            const struct guard_claim *claim, uint32_t epoch);
