/* order_settle: what a settling transaction reads and writes.
 * Why:    MySQL's keys and the bound in sale_skus are the last word on a record (I1, I4, I7).
 * Never:  decides what becomes of a record (settlement/settle does); runs outside of a transaction.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/order.h"
#include "ledger/order_store.h"

struct mysql_link;

enum { ORDER_INSERT_MAX = 1024 };

/* The content that makes two records of one order_no the same order. */
struct order_content {
    struct order_no order_no;
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    struct key_hash key_hash;
};
typedef enum err order_content_fn(void *arg, const struct order_content *content);
/* Those of `order_nos` (ascending, at most ORDER_INSERT_MAX) that have a row, ascending. */
MUST_CHECK enum err order_settle_existing_in(struct mysql_link *link,
                                             const struct order_no *order_nos, size_t count,
                                             order_content_fn *each, void *arg);
/* Plain multi-row INSERT, ascending by order_no, at most ORDER_INSERT_MAX. slot is NULL unless
 * has_slot; created and changed are `created_ms`. ERR_CONFLICT, ERR_RANGE: a key, a CHECK or a
 * column refused one of them; some of the others may be in: roll back. */
MUST_CHECK enum err order_settle_insert_in(struct mysql_link *link,
                                           const struct order_row *const *rows, size_t count);
/* Turns a row of this very transaction into VOIDED, slot NULL; its version stays. ERR_NOT_FOUND. */
MUST_CHECK enum err order_settle_void_in(struct mysql_link *link, struct order_no order_no,
                                         enum order_reason reason, int64_t now_ms);
/* Is the slot held by an order? */
MUST_CHECK enum err order_settle_slot_taken_in(struct mysql_link *link, struct sale_id sale,
                                               const struct buyer *buyer, uint32_t slot,
                                               bool *ret_taken);
/* sold + units <= total, epoch as told; tells what is sold then. ERR_NOT_FOUND: there is no such
 * row (gone, another epoch, or it does not fit): order_settle_stock_in() tells which. */
MUST_CHECK enum err order_settle_take_in(struct mysql_link *link, struct sale_id sale,
                                         const struct sku *sku, uint32_t epoch, uint64_t units,
                                         uint64_t *ret_sold);

/* What settling must know of a sale. */
struct order_stock {
    struct sku sku;
    uint32_t epoch;
    uint64_t total, sold;
};
struct order_sale {
    struct sale_id sale;
    uint32_t epoch;
    uint32_t pay_window_ms;
    int64_t now_ms; /* NOW(3) of the database */
    uint32_t sku_count;
    struct order_stock skus[SALE_SKUS_MAX];
};
/* Without locks (as committed by now). ERR_NOT_FOUND: no such sale. */
MUST_CHECK enum err order_settle_sale_in(struct mysql_link *link, struct sale_id sale,
                                         struct order_sale *ret_sale);
/* Locks the sku's row. ERR_NOT_FOUND. */
MUST_CHECK enum err order_settle_stock_in(struct mysql_link *link, struct sale_id sale,
                                          const struct sku *sku, struct order_stock *ret_stock);
