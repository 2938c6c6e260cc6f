/* order_audit: sums over a sale's orders, and what must not be among them.
 * Why:    the audit compares MySQL with Redis and the log by them (I1, I4, I8).
 * Never:  judges a sum.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

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
    uint64_t repeated_keys;     /* (buyer, key) with more than one order that was ever told (I8) */
    uint64_t slots_out_of_range;
    uint64_t live_without_slot; /* slot clashes that wait for an operator */
};
MUST_CHECK enum err order_audit_findings(struct mysql_link *link, struct sale_id sale,
                                         uint32_t limit, struct order_findings *ret_findings);
