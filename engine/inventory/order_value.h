/* order_value: a buyer's orders as the text that Redis keeps (schemas/redis.md buyers).
 * Why:    replies, loads and audits read and write one format in one place.
 * Never:  I/O; accepts what it would not write.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "domain/order.h"

/* The longest entry, with its `;`. */
enum { ORDER_VALUE_ENTRY_SIZE_MAX = 160 };

/* `<key_hash>,<epoch>-<seq>,<sku>,<quantity>,<slot>,<state>,<won_at>`. ERR_PARSE. */
MUST_CHECK enum err order_value_entry_parse(struct sale_id sale, const char *text, size_t size,
                                            struct order_entry *ret_entry);
/* `<epoch>-<seq>`. ERR_PARSE. */
MUST_CHECK enum err order_value_ref_parse(struct sale_id sale, const char *text, size_t size,
                                          struct order_no *ret_order_no);
/* Appends `;` and the entry. */
void order_value_entry_append(struct buf *out, const struct order_entry *entry);

/* The whole value, `1;entry;entry…`: `each` for every entry, oldest first; it ends early with what
 * `each` returns other than ERR_OK. ERR_PARSE (some entries may have been told). */
typedef enum err order_value_fn(void *arg, const struct order_entry *entry);
MUST_CHECK enum err order_value_each(struct sale_id sale, const char *text, size_t size,
                                     order_value_fn *each, void *arg);
