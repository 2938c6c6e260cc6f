/* order_audit: what the audit asks MySQL about a sale, beyond its rows.
 * Why:    the audit compares MySQL with itself, Redis and the log (I1, I4, I8, I10, I12 to I15,
 *         I21).
 * Never:  judges a figure.
 * Thread: that of the link. Errors as mysql_link.h. In a snapshot they belong together. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger/order_store.h"

struct mysql_link;

/* Orders and units per sku, state and reason. */
struct order_sum {
    struct sku sku;
    enum order_state state;
    enum order_reason reason;
    uint64_t orders;
    uint64_t units;
};
typedef enum err order_sum_fn(void *arg, const struct order_sum *sum);
MUST_CHECK enum err order_audit_sums(struct mysql_link *link, struct sale_id sale,
                                     order_sum_fn *each, void *arg);
struct order_findings {
    uint64_t buyers_over_limit; /* live units above the limit (I4) */
    uint64_t slots_out_of_range;
    uint64_t live_without_slot; /* slot clashes that wait for an operator */
    uint64_t repeated_keys;     /* (buyer, key) with more than one order that was ever told (I8) */
    uint64_t returns;           /* ledger rows of cause close, refund, void */
    uint64_t returns_wrong;  /* of these: no such order, other units, or not in that state (I10) */
    uint64_t returned_twice; /* orders with more than one of them */
    uint64_t never_returned; /* CLOSED, or VOIDED by hand, without one */
    uint64_t payments;       /* APPLIED: paid or cancel */
    uint64_t payments_wrong; /* of these: not of an order that says so, or another sum (I12) */
    uint64_t paid_wrong;     /* PAID or REFUNDED without exactly one APPLIED payment */
    uint64_t epochs_differ;  /* sku rows with another epoch than their sale (I15) */
};
MUST_CHECK enum err order_audit_findings(struct mysql_link *link, struct sale_id sale,
                                         uint32_t limit, struct order_findings *ret_findings);

/* Every row of the sale's ledger, by id; `each` must not use the link. */
struct ledger_line {
    uint64_t id;
    struct sku sku;
    int64_t delta;
    bool is_supply; /* create, add; else units that came back */
    uint32_t epoch; /* of the sku then; 0: not loaded yet */
};
typedef enum err ledger_line_fn(void *arg, const struct ledger_line *line);
MUST_CHECK enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale,
                                       ledger_line_fn *each, void *arg);
/* The youngest of them; 0: none. While it is the same, no unit was added or came back. */
MUST_CHECK enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale,
                                            uint64_t *ret_id);

/* Dead letters of a topic: of this sale, and of none that can be told; resolved ones, too. */
struct dead_place {
    uint32_t part;
    uint64_t offset;
    struct order_no order_no; /* 0: cannot be told */
    bool of_sale;
    bool is_open;
};
typedef enum err dead_place_fn(void *arg, const struct dead_place *place);
MUST_CHECK enum err order_audit_dead(struct mysql_link *link, const char *topic,
                                     struct sale_id sale, dead_place_fn *each, void *arg);
