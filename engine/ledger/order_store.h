/* order_store: the rows of orders.
 * Why:    MySQL answers who bought what; its keys and the bound in sale_skus are the last word (I1,
 *         I4, I7).
 * Never:  writes (order_settle does); decides what becomes of a record (settlement/settle does).
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/order.h"

struct mysql_link;

/* Why an order is VOIDED, QUARANTINED, CLOSED or REFUNDED. */
#define ORDER_REASONS(X)                                                                           \
    X(NONE, "")                                                                                    \
    X(STOCK, "stock")     /* VOIDED: did not fit total; told by event and letter */                \
    X(EPOCH, "epoch")     /* VOIDED: of a history that was cut; nobody was told, never loaded */   \
    X(VERSION, "version") /* QUARANTINED: the record's version is newer */                         \
    X(SLOT_CLASH, "slot_clash") /* QUARANTINED: the buyer's slot is another order's */             \
    X(OPERATOR, "operator")     /* VOIDED by hand */                                               \
    X(OVERDUE, "overdue")       /* CLOSED: not paid within its pay window */                       \
    X(CANCEL, "cancel")         /* CLOSED: its buyer did not want it any more */                   \
    X(RESTOCKED, "restocked")   /* REFUNDED, and its units came back */                            \
    X(KEPT, "kept")             /* REFUNDED by an operator; its units stay in sold */              \
    X(PROVIDER, "provider")     /* REFUNDED by the provider; its units stay in sold */
enum order_reason {
#define X(name, text) ORDER_REASON_##name,
    ORDER_REASONS(X)
#undef X
        ORDER_REASON_COUNT
};
const char *order_reason_name(enum order_reason reason); /* "" for NONE; static */

struct sql_value;
/* ERR_PARSE: nothing this build knows. For ledger/ only. */
MUST_CHECK enum err order_reason_read(const struct sql_value *column,
                                      enum order_reason *ret_reason);
MUST_CHECK enum err order_state_read(const struct sql_value *column, enum order_state *ret_state);

enum { ORDER_TOPIC_SIZE_MAX = 64, ORDER_LIST_MAX = 1000 };

struct order_row {
    struct order_record record; /* version and traceparent are not kept: 1 and "" when read */
    bool has_slot;              /* false: record.slot is not held any more */
    enum order_state state;
    enum order_reason reason;
    uint32_t version; /* +1 by each change */
    int64_t created_ms, changed_ms;
    char topic[ORDER_TOPIC_SIZE_MAX + 1];
    uint32_t part;
    uint64_t offset; /* of the record in the log */
};

/* ERR_NOT_FOUND. */
MUST_CHECK enum err order_store_find(struct mysql_link *link, struct order_no order_no,
                                     struct order_row *ret_row);
/* The same inside the caller's transaction, the row locked until its end. Waits also for one that
 * another session has inserted and not committed: where that must not be, find it first. */
MUST_CHECK enum err order_store_lock_in(struct mysql_link *link, struct order_no order_no,
                                        struct order_row *ret_row);

/* Rows in order of order_no; `each` must not use the link. */
typedef enum err order_row_fn(void *arg, const struct order_row *row);
struct order_filter {
    struct sale_id sale;       /* 0: any */
    const struct buyer *buyer; /* NULL: any */
    bool has_state;
    enum order_state state;
    struct order_no after; /* page on: the last order_no seen; 0: from the start */
    uint32_t limit;        /* at most ORDER_LIST_MAX */
};
MUST_CHECK enum err order_store_list(struct mysql_link *link, const struct order_filter *filter,
                                     order_row_fn *each, void *arg);
/* Every row of a sale, by pages, in order of order_no, all states (a rebuild leaves out reason
 * EPOCH). Rows that come meanwhile may be in it or not. `each` may not use the link. */
MUST_CHECK enum err order_store_each(struct mysql_link *link, struct sale_id sale,
                                     order_row_fn *each, void *arg);

struct order_overdue {
    struct sale_id sale;
    struct sku sku;
    int64_t before_ms;         /* pay_by is below it, and below NOW(3) */
    const char *notices_topic; /* an open dead letter of it may be the order's payment */
    uint32_t max;              /* at most ORDER_LIST_MAX */
};
/* Inside the caller's transaction: PENDING orders that are overdue, have no PARKED notice and are
 * named by no open dead letter, the longest overdue first, locked until its end; those that
 * somebody else has locked are left out. */
MUST_CHECK enum err order_store_lock_overdue_in(struct mysql_link *link,
                                                const struct order_overdue *overdue,
                                                order_row_fn *each, void *arg);
