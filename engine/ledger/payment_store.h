/* payment_store: the rows of payments, one for each notice that had no equal before it.
 * Why:    MySQL's keys make an event and a transaction count once (I7, I12).
 * Never:  judges a notice; changes an order.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/notice.h"

struct mysql_link;

#define PAYMENT_STATES(X)                                                                          \
    X(PARKED, "PARKED")           /* waits for its order */                                        \
    X(APPLIED, "APPLIED")         /* had its effect */                                             \
    X(IGNORED, "IGNORED")         /* has none */                                                   \
    X(REFUND_DUE, "REFUND_DUE")   /* money to be given back */                                     \
    X(REFUNDED, "REFUNDED")       /* a payment without effect: it was given back */                \
    X(QUARANTINED, "QUARANTINED") /* does not match: a human must act */
enum payment_state {
#define X(name, text) PAYMENT_##name,
    PAYMENT_STATES(X)
#undef X
        PAYMENT_STATE_COUNT
};

/* Why it is so. */
#define PAYMENT_REASONS(X)                                                                         \
    X(NONE, "")                                                                                    \
    X(VERSION, "version")         /* QUARANTINED by an older build, of a newer version */          \
    X(ORDER, "order")             /* QUARANTINED: no order number, or of a sale that is unknown */ \
    X(AMOUNT, "amount")           /* QUARANTINED: none, or not what is to be paid or refunded */   \
    X(CURRENCY, "currency")       /* QUARANTINED: not the order's */                               \
    X(BUYER, "buyer")             /* QUARANTINED: a cancel of another buyer */                     \
    X(TRANSACTION, "transaction") /* QUARANTINED: it says something else in another notice */      \
    X(NO_PAYMENT, "no_payment")   /* QUARANTINED: a refund of a payment that nobody told of */     \
    X(NO_TRANSACTION, "no_transaction") /* QUARANTINED: money that names no transaction */         \
    X(SECOND, "second")                 /* REFUND_DUE: another transaction has paid the order */   \
    X(PAID, "paid")                     /* IGNORED: the order is PAID */                           \
    X(CLOSED, "closed")                 /* REFUND_DUE, IGNORED: the order is CLOSED */             \
    X(REFUNDED, "refunded")             /* REFUND_DUE, IGNORED, APPLIED: the order was REFUNDED */ \
    X(VOIDED, "voided")                 /* REFUND_DUE, IGNORED: the order is VOIDED */             \
    X(EPOCH, "epoch")                   /* REFUND_DUE, IGNORED: no order; its history was cut */
enum payment_reason {
#define X(name, text) PAYMENT_REASON_##name,
    PAYMENT_REASONS(X)
#undef X
        PAYMENT_REASON_COUNT
};
const char *payment_state_name(enum payment_state state); /* "REFUND_DUE"; static */
/* ERR_PARSE: there is none of this name. */
MUST_CHECK enum err payment_state_from_name(const char *name, enum payment_state *ret_state);
const char *payment_reason_name(enum payment_reason reason); /* "" for NONE; static */

enum { PAYMENT_TOPIC_SIZE_MAX = 64 };

struct payment_row {
    uint64_t id;          /* 0 when put */
    struct notice notice; /* version and traceparent are not kept: 1 and "" when read */
    enum payment_state state;
    enum payment_reason reason;
    int64_t created_ms, changed_ms;         /* by the database's clock; not used when put */
    char topic[PAYMENT_TOPIC_SIZE_MAX + 1]; /* of the notice's record */
    uint32_t part;
    uint64_t offset;
};

/* Inside the caller's transaction. ERR_CONFLICT: its event is known, or its transaction is claimed;
 * payment_store_by_event() and payment_store_by_claim() tell which. */
MUST_CHECK enum err payment_store_put_in(struct mysql_link *link, const struct payment_row *row);
/* Inside the caller's transaction: from → to. ERR_NOT_FOUND: it is not in `from` (any more). */
MUST_CHECK enum err payment_store_move_in(struct mysql_link *link, uint64_t id,
                                          enum payment_state from, enum payment_state to,
                                          enum payment_reason reason);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err payment_store_by_event(struct mysql_link *link, const char *provider,
                                           const char *event_id, struct payment_row *ret_row);
/* The row of this kind that has, or may get, the effect of the transaction. ERR_NOT_FOUND. */
MUST_CHECK enum err payment_store_by_claim(struct mysql_link *link, const char *provider,
                                           const char *transaction_id, enum notice_kind kind,
                                           struct payment_row *ret_row);

/* Rows by id; `each` must not use the link. What it returns other than ERR_OK ends it. */
typedef enum err payment_row_fn(void *arg, const struct payment_row *row);
/* Inside the caller's transaction: all of an order, locked until its end. Lock the order first. */
MUST_CHECK enum err payment_store_lock_of_in(struct mysql_link *link, struct order_no order_no,
                                             payment_row_fn *each, void *arg);
/* Those of an order that are PARKED, and whether a cancel is among them. */
struct payment_parked {
    uint32_t count;
    bool has_cancel;
};
MUST_CHECK enum err payment_store_parked_of(struct mysql_link *link, struct order_no order_no,
                                            struct payment_parked *ret_parked);
/* Payments of an order that were due to be given back, returned or not: as many as were told. */
MUST_CHECK enum err payment_store_due_count(struct mysql_link *link, struct order_no order_no,
                                            uint32_t *ret_count);

/* Orders above `after` with PARKED notices that can be decided now: those with a row that is not
 * QUARANTINED, and those without one of a history that was cut. Ascending, at most `max`. */
MUST_CHECK enum err payment_store_joinable(struct mysql_link *link, struct order_no after,
                                           struct order_no *ret_order_nos, size_t max,
                                           size_t *ret_count);
struct payment_waiting {
    uint64_t parked;
    int64_t oldest_ms; /* how long the oldest of them waits; 0: none */
};
MUST_CHECK enum err payment_store_waiting(struct mysql_link *link,
                                          struct payment_waiting *ret_waiting);
