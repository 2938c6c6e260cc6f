/* order_due: which orders are overdue, and what may speak for them.
 * Why:    the reaper goes sku by sku, because a close locks its sku's row before the order's
 *         (PROTOCOL §6).
 * Never:  closes one; judges by another clock than the database's.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/ids.h"

struct mysql_link;

enum { ORDER_DUE_GROUPS_MAX = 256, ORDER_DUE_SALES_MAX = 64, ORDER_DUE_COUNT_MAX = 10000 };

struct order_due_group {
    struct sale_id sale;
    struct sku sku;
    uint64_t orders;
};
struct order_due {
    int64_t now_ms;  /* NOW(3), read first */
    uint64_t orders; /* overdue by then; the ORDER_DUE_COUNT_MAX oldest are looked at */
    size_t group_count;
    struct order_due_group groups[ORDER_DUE_GROUPS_MAX]; /* that with the oldest first */
};
/* PENDING orders whose pay_by is more than `grace_ms` ago. Where there are more than can be looked
 * at, those that nothing holds come first, as many again of them: a notice that is PARKED holds its
 * order, an open dead letter of `notices_topic` the order that it names, or its sale. So the held
 * ones, however old and many, keep none of the others back. */
MUST_CHECK enum err order_due_read(struct mysql_link *link, const char *notices_topic,
                                   uint32_t grace_ms, struct order_due *ret_due);

/* PENDING orders of one sale whose pay_by was more than `late_ms` ago. */
MUST_CHECK enum err order_due_count(struct mysql_link *link, struct sale_id sale, uint32_t late_ms,
                                    uint64_t *ret_count);

/* Open dead letters of `topic` that name no order: they may be of any order of their sale. */
struct order_due_holds {
    bool holds_all; /* one whose sale cannot be told, or too many sales */
    size_t count;
    struct sale_id sales[ORDER_DUE_SALES_MAX];
};
MUST_CHECK enum err order_due_holds(struct mysql_link *link, const char *topic,
                                    struct order_due_holds *ret_holds);
