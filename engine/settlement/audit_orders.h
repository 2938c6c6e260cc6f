/* audit_orders: each row of a sale against its buyer's others, the ledger and its notices.
 * Why:    limits, keys, returns, states and payments are judged from what was read in one snapshot,
 *         row by row, however many there are (I4, I8, I10 to I12, I20, I23).
 * Never:  I/O.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ledger/order_audit.h"
#include "settlement/audit_list.h"

struct audit_holder;

/* How many, and the first of them. */
struct audit_count {
    uint64_t count;
    struct order_no first; /* 0: none */
};
struct audit_order_findings {
    uint64_t buyers_over_limit, slots_out_of_range, live_without_slot; /* I4 */
    uint64_t repeated_keys;             /* (buyer, key) with more than one order ever told (I8) */
    uint64_t returns;                   /* ledger rows of cause close, refund, void */
    struct audit_count returns_wrong;   /* of no such order, other units, another state (I10) */
    struct audit_count returned_twice;  /* orders with more than one of them */
    struct audit_count never_returned;  /* orders whose units should have come back */
    struct audit_count states_wrong;    /* reason, version, slot or notices do not fit it (I11) */
    struct audit_count closed_early;    /* before their pay_by (I20) */
    uint64_t payments;                  /* APPLIED: paid or cancel */
    struct audit_count payments_wrong;  /* of no such order, another sum or currency (I12) */
    struct audit_count paid_wrong;      /* paid without exactly one, or not paid with one */
    struct audit_count overdue;         /* PENDING, long past pay_by (I23) */
    struct audit_count parked_too_long; /* whose order's row is there */
    uint64_t epochs_differ;             /* sku rows with another epoch than their sale (I15) */
};

/* Zeroed, but for these, at first. */
struct audit_orders {
    uint32_t limit;      /* of the sale */
    uint32_t overdue_ms; /* a PENDING order may be so long past its pay_by */
    int64_t now_ms;      /* of the snapshot, by the database's clock */
    size_t *budget;      /* borrowed; as of audit_list */
    /* private */
    struct audit_holder *holders; /* owned */
    size_t holder_count, holder_capacity;
    struct audit_list returns;
    const struct audit_list *rows; /* while notices are told */
    size_t at;                     /* the row in work */
    uint32_t paid, cancelled, refunded;
    struct audit_order_findings found;
};

/* Fills what the item needs to be judged, and remembers its buyer. `sku`: its index; below 0: none
 * of the sale. ERR_NO_MEMORY. */
MUST_CHECK enum err audit_orders_row(struct audit_orders *orders, const struct order_row *row,
                                     int sku, struct audit_item *item);
MUST_CHECK enum err audit_orders_return(struct audit_orders *orders, const struct ledger_line *line,
                                        int sku);
/* Rows are complete and sorted by audit_list_sort(): buyers and returns are judged, and forgotten.
 * Then come the notices, in order of order_no. */
void audit_orders_rows_done(struct audit_orders *orders, const struct audit_list *rows);
void audit_orders_payment(struct audit_orders *orders, const struct payment_audit *payment);
void audit_orders_payments_done(struct audit_orders *orders);
void audit_orders_finish(struct audit_orders *orders); /* frees; a zeroed one is fine */
