/* notices: notices as tests of payments make them.
 * Why:    most are the same but for a field or two.
 * Never:  checks one.
 * Thread: any. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "domain/notice.h"

/* What the provider "standard" says about a payment of 100 CNY. */
static inline struct notice notice_of(enum notice_kind kind, struct order_no order_no,
                                      const char *event_id, const char *transaction_id)
{
    struct notice notice = {.version = 1,
                            .kind = kind,
                            .provider = "standard",
                            .order_no = order_no,
                            .has_amount = true,
                            .amount = 100,
                            .currency = "CNY",
                            .occurred_ms = 1700000000000,
                            .received_ms = 1700000000500};

    snprintf(notice.event_id, sizeof notice.event_id, "%s", event_id);
    snprintf(notice.transaction_id, sizeof notice.transaction_id, "%s", transaction_id);
    return notice;
}

static inline struct notice notice_cancel(struct order_no order_no, const char *buyer)
{
    const struct traceparent none = {.text = ""};
    struct buyer who = {.size = (uint8_t)strlen(buyer)};
    struct notice notice;

    snprintf(who.text, sizeof who.text, "%s", buyer);
    notice_make_cancel(order_no, &who, 1700000000000, &none, &notice);
    return notice;
}
