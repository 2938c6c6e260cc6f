/* order_audit: what the audit asks MySQL about a sale, beyond its rows.
 * Why:    the audit compares MySQL with itself, Redis and the log; each statement is short however
 *         large the sale is: no aggregate over all of its rows (docs/RUNBOOK.md, audits).
 * Never:  judges a figure.
 * Thread: that of the link. Errors as mysql_link.h. In a snapshot they belong together. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/notice.h"
#include "ledger/order_store.h"
#include "ledger/sale_flow.h"

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
/* Sku rows with another epoch than their sale (I15). */
MUST_CHECK enum err order_audit_epochs_differ(struct mysql_link *link, struct sale_id sale,
                                              uint64_t *ret_count);

/* Every row of the ledger of one sku, by id, in pages; `each` must not use the link. */
struct ledger_line {
    uint64_t id;
    struct sku sku;
    int64_t delta;
    enum ledger_cause cause;
    struct order_no order_no; /* CLOSE, REFUND, VOID: whose units came back; 0: its ref is none */
    uint32_t epoch;           /* of the sku then; 0: not loaded yet */
};
static inline bool ledger_cause_is_supply(enum ledger_cause cause)
{
    return cause == LEDGER_CAUSE_CREATE || cause == LEDGER_CAUSE_ADD;
}
typedef enum err ledger_line_fn(void *arg, const struct ledger_line *line);
MUST_CHECK enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale,
                                       const struct sku *sku, ledger_line_fn *each, void *arg);
/* The youngest of them; 0: none. While it is the same, no unit was added or came back. */
MUST_CHECK enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale,
                                            uint64_t *ret_id);

/* Every notice of the sale's orders that has a row, in order of order_no, in pages; sale 0: those
 * that name no order. `each` must not use the link. */
struct payment_audit {
    struct order_no order_no;
    enum notice_kind kind;
    bool is_applied, is_parked;
    bool has_row;         /* of its order */
    bool is_right;        /* has_row: amount and currency are the order's */
    bool may_wait;        /* has_row: the order is QUARANTINED */
    bool is_old;          /* older than `old_ms`, by the database's clock */
    uint64_t event;       /* hash of provider and event id */
    uint64_t transaction; /* hash of provider, transaction and kind; 0: none */
    uint32_t part;
    uint64_t offset; /* of its record */
};
typedef enum err payment_audit_fn(void *arg, const struct payment_audit *payment);
MUST_CHECK enum err order_audit_payments(struct mysql_link *link, struct sale_id sale,
                                         uint32_t old_ms, payment_audit_fn *each, void *arg);
/* The same hashes of a notice of the log. */
uint64_t payment_audit_event(const char *provider, const char *event_id);
uint64_t payment_audit_transaction(const char *provider, const char *transaction_id,
                                   enum notice_kind kind);

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
