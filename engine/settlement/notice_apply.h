/* notice_apply: a payment notice or a cancel request has its effect, once.
 * Why:    whatever order and how often notices come, a payment counts once: its row, the order's
 *         move, ledger and outbox share the transaction of the notice's place (PROTOCOL §6).
 * Never:  waits; logs inside a transaction; opens an ended order again.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/notice.h"
#include "ledger/payment_store.h"

struct mysql_link;

enum { NOTICE_LOCK_MAX = 1000 };

#define NOTICE_RESULTS(X)                                                                          \
    X(APPLIED, "applied")                                                                          \
    X(REPEATED, "repeated") /* the event, or its transaction, is known: nothing was changed */     \
    X(IGNORED, "ignored")                                                                          \
    X(PARKED, "parked") /* no row of its order yet, or that is QUARANTINED */                      \
    X(REFUND_DUE, "refund-due")                                                                    \
    X(QUARANTINED, "quarantined")
enum notice_result {
#define X(name, text) NOTICE_##name,
    NOTICE_RESULTS(X)
#undef X
        NOTICE_RESULT_COUNT
};
const char *notice_result_name(enum notice_result result); /* "refund-due"; static */

/* Of its record in the log. */
struct notice_place {
    const char *topic; /* borrowed for the call */
    uint32_t part;
    uint64_t offset;
};

struct notice_applied {
    enum notice_result result;
    enum payment_reason reason;
    bool differs; /* REPEATED: under the same event id something else was told before */
    enum notice_kind kind;
    char provider[NOTICE_PROVIDER_SIZE_MAX + 1];
    struct order_no order_no;
    uint32_t part;
    uint64_t offset;
};

/* Inside the caller's transaction; not of a newer version (notice_rule.h). ERR_RANGE, ERR_PARSE of
 * a notice by itself: its values are refused, or a row that it needs cannot be read; it fails the
 * same way again. */
MUST_CHECK enum err notice_apply_in(struct mysql_link *link, const struct notice *notice,
                                    const struct notice_place *place,
                                    struct notice_applied *ret_applied);
/* In front of several notices in one transaction (at most NOTICE_LOCK_MAX): locks the rows that
 * they will need, skus before orders, each ascending, so that two batches cannot wait for each
 * other (order_life.h). Orders without a row are passed by. */
MUST_CHECK enum err notice_apply_lock_in(struct mysql_link *link,
                                         const struct notice *const *notices, size_t count);

/* Inside the caller's transaction: the PARKED notices of an order, in the order in which they came,
 * as far as they can be decided now: the first NOTICE_JOIN_MAX, the rest by the next calls. Open:
 * one that was set aside for another's claim to its transaction is judged anew only by the call
 * that decides that claim; behind more rows than that it stays QUARANTINED, for an operator. */
enum { NOTICE_JOIN_MAX = 64 };
struct notice_joined {
    struct notice_applied applied[NOTICE_JOIN_MAX];
    uint32_t count;
};
MUST_CHECK enum err notice_apply_parked_in(struct mysql_link *link, struct order_no order_no,
                                           struct notice_joined *ret_joined);
