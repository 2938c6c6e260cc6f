/* notice_rule: what a notice does to its order, as a table of cases.
 * Why:    money counts once and never re-opens an order; each case is read in one place and tested
 *         without a database (PROTOCOL §6 payments, I11, I12).
 * Never:  I/O.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "domain/notice.h"
#include "ledger/order_store.h"
#include "ledger/payment_store.h"

/* What is known when the notice is judged. */
struct notice_case {
    const struct notice *notice;
    const struct order_row *order; /* NULL: no such row */
    /* Without a row: */
    bool is_unknown_sale; /* MySQL has no such sale */
    bool is_cut;          /* of an older epoch than the sale's: none will come that counts */
    /* REFUNDED: the payment that it returns, as notice_rule_match() chose. NULL: none. */
    const struct payment_row *payment;
    bool is_refunded; /* REFUNDED: another event has told the same refund, and it was applied */
    /* A notice that came before it waits for the same order: it waits behind it. */
    bool is_behind;
};

/* What is to be done beside writing the notice's row. */
enum notice_effect {
    NOTICE_EFFECT_NONE,
    NOTICE_EFFECT_PAY,            /* PENDING → PAID */
    NOTICE_EFFECT_CLOSE,          /* PENDING → CLOSED, the units come back */
    NOTICE_EFFECT_REFUND_DUE,     /* the shop is told to give this payment back */
    NOTICE_EFFECT_REFUND_ORDER,   /* PAID → REFUNDED, the units are kept */
    NOTICE_EFFECT_REFUND_PAYMENT, /* `payment` → REFUNDED, its order stays as it is */
};
struct notice_verdict {
    enum payment_state state; /* of the notice's own row */
    enum payment_reason reason;
    enum notice_effect effect;
};
struct notice_verdict notice_rule_judge(const struct notice_case *which);
/* Written by a newer engine, and it may change its order: not to be judged by this build. */
bool notice_rule_is_newer(const struct notice *notice);
/* FAILED, OTHER and what cannot be judged, whatever its order: no row need be looked for. */
bool notice_rule_is_plain(const struct notice *notice, struct notice_verdict *ret_verdict);

/* Chooses, among the payments of an order, the one that a REFUNDED notice returns: that of its
 * transaction; where it names none that is known, the only one of its provider that may be
 * returned. Zeroed at first; take each row in turn. */
struct notice_match {
    struct payment_row exact, other;
    bool is_known;    /* its transaction, if only of a payment that was returned before */
    bool is_refunded; /* as in notice_case */
    bool has_exact;
    uint32_t other_count;
};
void notice_rule_match(struct notice_match *match, const struct notice *notice,
                       const struct payment_row *row);
const struct payment_row *notice_rule_matched(const struct notice_match *match); /* NULL: none */

/* Two notices that say the same about one transaction: an event told again under another id. */
bool notice_rule_is_same(const struct notice *a, const struct notice *b);
/* The same provider, kind and transaction, whatever else they say; false without a transaction. */
bool notice_rule_is_of_one(const struct notice *a, const struct notice *b);
