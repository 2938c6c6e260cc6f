/* order_life: an order is paid, closed, refunded; each move is made once.
 * Why:    a move is a compare-and-set of the locked row, with its ledger, outbox and admin_log rows
 *         in the same transaction (PROTOCOL §6 states, I10, I11).
 * Never:  judges a notice (settlement/notice_rule does); opens an ended order again; tells Redis or
 *         the shop: outbox rows do.
 * Thread: that of the link. Errors as mysql_link.h, and:
 *
 * Locks are taken in one order everywhere: the sku's row, then orders, then payments. Who moves
 * more than one order in a transaction locks all of the first kind before the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/notice.h"
#include "ledger/order_change.h"
#include "ledger/order_store.h"

struct mysql_link;

/* An order whose row this transaction has locked. The moves keep `row` as the order is then, but
 * for changed_ms. */
struct order_held {
    struct order_row row;
    bool has_units; /* the sku's row is locked, too: units may come back */
    uint32_t epoch; /* has_units: of the sku's row */
};

/* When the sku's row is locked before the order's. */
enum order_units {
    ORDER_UNITS_NEVER,
    ORDER_UNITS_OF_PENDING, /* a close: nothing comes back from any other state */
    ORDER_UNITS_ALWAYS,
};
/* Inside the caller's transaction. ERR_NOT_FOUND: no such order is committed; one that another
 * session is just inserting is not waited for. ERR_BUSY: it became PENDING meanwhile: once more. */
MUST_CHECK enum err order_life_lock_in(struct mysql_link *link, struct order_no order_no,
                                       enum order_units units, struct order_held *ret_held);

/* The same for many, without their content: the skus' rows of those of `cancels` that are PENDING,
 * then the rows of `order_nos`; what has no row is passed by. Both ascending. */
enum { ORDER_LOCK_MAX = 1000 };
struct order_locks {
    const struct order_no *order_nos;
    size_t count;
    const struct order_no *cancels;
    size_t cancel_count;
};
MUST_CHECK enum err order_life_lock_many_in(struct mysql_link *link,
                                            const struct order_locks *locks);

/* PENDING → PAID: letter and event order.paid. Asserts the state, as all moves do. */
MUST_CHECK enum err order_life_pay_in(struct mysql_link *link, struct order_held *held);
/* PENDING → CLOSED: the slot is free, the units come back, letter, event order.closed. Asserts
 * has_units. `cause`: OVERDUE or CANCEL. ERR_RANGE: its units were never counted in sold. */
MUST_CHECK enum err order_life_close_in(struct mysql_link *link, struct order_held *held,
                                        enum order_reason cause);
/* PAID → REFUNDED: the slot is free, letter, event order.refunded. `how`: KEPT, PROVIDER, or
 * RESTOCKED, which asserts has_units and gives them back. ERR_RANGE as above. */
MUST_CHECK enum err order_life_refund_in(struct mysql_link *link, struct order_held *held,
                                         enum order_reason how);
/* No move: the payment `due` must be given back, whatever its order is. The row's version goes up,
 * to `at_least` that, so that the shop does not drop the event order.refund_due; `changed` stays:
 * it is since when the order is in its state. */
MUST_CHECK enum err order_life_refund_due_in(struct mysql_link *link, struct order_held *held,
                                             const struct notice *due, uint32_t at_least);
/* The same for an order_no that has no row. `version`: the how many-th such payment it is. */
MUST_CHECK enum err order_life_refund_due_alone_in(struct mysql_link *link,
                                                   const struct notice *due, uint32_t version);

/* Inside the caller's transaction: nobody else passes it for this sale. In front of the count that
 * gives that `version`. ERR_NOT_FOUND. */
MUST_CHECK enum err order_life_lock_sale_in(struct mysql_link *link, struct sale_id sale);

/* A batch of closes with reason OVERDUE in a few statements: order_store_lock_overdue_in() behind
 * the lock of the sku's row. max: at most ORDER_RETURNS_MAX. ERR_NOT_FOUND: no such sku. */
MUST_CHECK enum err order_life_close_overdue_in(struct mysql_link *link,
                                                const struct order_overdue *overdue,
                                                uint32_t *ret_closed);

/* PAID → REFUNDED as the operator says; one transaction. Asked for again, nothing changes and the
 * answer is the same. ERR_NOT_FOUND; ERR_CONFLICT: in another state, or refunded the other way. */
MUST_CHECK enum err order_life_refund(struct mysql_link *link, struct order_no order_no,
                                      bool restock, const struct admin_actor *actor,
                                      struct order_changed *ret_changed);

/* Of the sale, as committed by now. Where it is above an order's, whatever of that order was told
 * to anybody has its row, and who reads it afterwards sees it (PROTOCOL §4). ERR_NOT_FOUND. */
MUST_CHECK enum err order_life_epoch(struct mysql_link *link, struct sale_id sale,
                                     uint32_t *ret_epoch);
