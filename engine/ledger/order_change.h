/* order_change: what an operator decides about a QUARANTINED order.
 * Why:    each change is a compare-and-set with its ledger, outbox and admin_log rows in one
 *         transaction (PROTOCOL §6 states, I10, I11).
 * Never:  tells Redis or the shop: outbox rows of the same transaction do; gives units back twice.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include "ledger/admin_log.h"
#include "ledger/order_store.h"

struct mysql_link;

enum { ORDER_CHANGE_WHY_SIZE = 160 };

/* The order as it is afterwards. Asked for again, nothing changes and the answer is the same. */
struct order_changed {
    struct order_row row;
    bool is_repeated;                /* it was so already: nothing was changed now */
    char why[ORDER_CHANGE_WHY_SIZE]; /* ERR_CONFLICT: a sentence for the operator */
};

/* QUARANTINED → PENDING, with a slot of its buyer and the whole pay window from now on.
 * ERR_NOT_FOUND; ERR_CONFLICT: in another state, or its buyer holds as much as the limit allows. */
MUST_CHECK enum err order_change_redrive(struct mysql_link *link, struct order_no order_no,
                                         const struct admin_actor *actor,
                                         struct order_changed *ret_changed);
/* QUARANTINED → VOIDED: its units go back, buyer and shop are told. ERR_NOT_FOUND; ERR_CONFLICT: in
 * another state, or VOIDED for another reason. */
MUST_CHECK enum err order_change_void(struct mysql_link *link, struct order_no order_no,
                                      const struct admin_actor *actor,
                                      struct order_changed *ret_changed);
