/* notice: what is to happen to an order, as the topic seckill.notices holds it.
 * Why:    a verified payment notice of whichever provider and a buyer's cancel request are one
 *         thing: written by the engine, applied by the worker in the order of one order's records
 *         (PROTOCOL §5).
 * Never:  I/O; a rule of what a notice does: settlement/ decides.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/ids.h"

enum { NOTICE_PROVIDER_SIZE_MAX = 32, NOTICE_ID_SIZE_MAX = 128 };

#define NOTICE_KINDS(X)                                                                            \
    X(PAID, "paid")                                                                                \
    X(FAILED, "failed")                                                                            \
    X(REFUNDED, "refunded")                                                                        \
    X(CANCEL, "cancel") /* the buyer's, provider "cancel" */                                       \
    X(OTHER, "other")   /* signed by its provider, of a type that has no effect here */
enum notice_kind {
#define X(name, text) NOTICE_KIND_##name,
    NOTICE_KINDS(X)
#undef X
        NOTICE_KIND_COUNT
};

/* Texts are NUL-terminated. */
struct notice {
    uint32_t version; /* 1 */
    enum notice_kind kind;
    bool is_kind_unknown; /* of a newer version, a kind that this build does not know: OTHER */
    char provider[NOTICE_PROVIDER_SIZE_MAX + 1]; /* [a-z0-9_-], not empty */
    char event_id[NOTICE_ID_SIZE_MAX + 1];       /* visible ASCII, not empty */
    char transaction_id[NOTICE_ID_SIZE_MAX + 1]; /* visible ASCII; "": none */
    struct order_no order_no;                    /* 0: it names none that can be read */
    bool has_amount;
    uint64_t amount;                  /* minor units; 0 without one */
    char currency[CURRENCY_SIZE + 1]; /* "" without amount */
    struct buyer buyer;               /* CANCEL: who asked; else size 0 */
    int64_t occurred_ms;              /* the provider's time; CANCEL: received_ms */
    int64_t received_ms;              /* the engine's wall clock */
    struct traceparent traceparent;
};

const char *notice_kind_name(enum notice_kind kind); /* "paid"; static */
/* ERR_PARSE. */
MUST_CHECK enum err notice_kind_parse(const char *text, size_t size, enum notice_kind *ret_kind);
/* The one request to cancel that an order can have: asked again it has the same event_id. */
void notice_make_cancel(struct order_no order_no, const struct buyer *buyer, int64_t now_ms,
                        const struct traceparent *traceparent, struct notice *ret_notice);
/* Every bound holds, and a cancel is one as notice_make_cancel() makes it; both sides of the wire
 * check it. ERR_RANGE. */
MUST_CHECK enum err notice_check(const struct notice *notice);
