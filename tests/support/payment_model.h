/* payment_model: what becomes of orders and payments, as the promise says it (I10 to I12), written
 * without a look at how the engine does it.
 * Why:    two readings of one promise that agree in every history are rarely wrong the same way.
 * Never:  shares a line with settlement/ or ledger/.
 * Thread: that of the test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/notice.h"
#include "ledger/order_store.h"
#include "ledger/payment_store.h"

enum { MODEL_ORDERS = 3, MODEL_PAYMENTS_MAX = 40 };

struct model_order {
    struct order_no order_no;
    bool is_there; /* its row */
    enum order_state state;
    enum order_reason reason;
    uint32_t version;
    uint64_t price; /* what is to be paid */
    uint32_t units;
    uint32_t due; /* refunds due of an order without row */
    bool in_sold;
};
struct model_payment {
    struct notice notice;
    uint32_t order; /* MODEL_ORDERS: none of them */
    enum payment_state state;
    bool was_aside; /* REFUNDED: it had never fitted */
    bool is_clash;  /* set aside because another said something else of its transaction */
};
struct model {
    struct model_order orders[MODEL_ORDERS];
    struct model_payment payments[MODEL_PAYMENTS_MAX]; /* in the order of arrival */
    uint32_t count;
    bool is_cut;
    uint64_t returned;
    uint32_t told; /* events to the shop */
};

void model_settle(struct model *model, uint32_t order, bool is_newer_version);
enum notice_outcome {
    OUTCOME_COUNTED,
    OUTCOME_KNOWN,
    OUTCOME_NOTHING,
    OUTCOME_WAITS,
    OUTCOME_OWED,
    OUTCOME_ASIDE,
};
enum notice_outcome model_notice(struct model *model, const struct notice *notice);
void model_sweep(struct model *model);
uint32_t model_close_overdue(struct model *model);
bool model_refund(struct model *model, uint32_t order, bool restock); /* false: refused */
bool model_decide(struct model *model, uint32_t order, bool is_void);
uint64_t model_sold(const struct model *model);
/* NULL: money and units add up, whatever happened; else what does not (static). */
const char *model_balance(const struct model *model);
