/* sale_flow: where the units and the money of a sale are.
 * Why:    the operator sees at one moment how many orders are paid, and that no unit is missing.
 * Never:  judges: the audit does.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdint.h>

#include "domain/order.h"
#include "ledger/sale_store.h"

struct mysql_link;

/* Causes of stock_ledger. */
#define LEDGER_CAUSES(X)                                                                           \
    X(CREATE, "create")                                                                            \
    X(ADD, "add")                                                                                  \
    X(CLOSE, "close")                                                                              \
    X(REFUND, "refund")                                                                            \
    X(VOID, "void")
enum ledger_cause {
#define X(name, text) LEDGER_CAUSE_##name,
    LEDGER_CAUSES(X)
#undef X
        LEDGER_CAUSE_COUNT
};

struct sale_flow_state {
    uint64_t orders, units;
    uint64_t amount; /* Σ unit_price · quantity, minor units; at most INT64_MAX */
};
struct sale_flow {
    struct sale_row row;
    int64_t now_ms; /* by the database's clock */
    struct sale_flow_state states[ORDER_STATE_COUNT];
    uint64_t ledger[LEDGER_CAUSE_COUNT]; /* units by cause */
};
/* All in one snapshot, by pages: a sale of any size. ERR_NOT_FOUND. */
MUST_CHECK enum err sale_flow_read(struct mysql_link *link, struct sale_id sale,
                                   struct sale_flow *ret_flow);
