/* sale_reader: everything that the worker reads from Redis.
 * Why:    the guard looks at fences, its step 2 reads outboxes, the audit compares all there is.
 * Never:  writes, but for sale_reader_outbox_delete() (PROTOCOL §4 step 2).
 * Thread: that of the redis_blocking it is given.
 * Errors: as sale_loader.h; ERR_PARSE: something cannot be read, redis_blocking_trouble() names it.
 *         Plain reads are not fenced: a caller that must know whether the sale changed meanwhile
 *         looks before and after. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/sale.h"
#include "inventory/outbox_entry.h"
#include "inventory/sale_state.h"

struct redis_blocking;

/* What a poll (the purchase script without purchases) tells. */
struct sale_look {
    enum sale_answer answer;
    struct sale_head head; /* with OK; with EPOCH only head.epoch */
    uint32_t sku_count;    /* with OK */
    struct sale_left skus[SALE_SKUS_MAX];
};
/* ERR_OK whenever the script answered: `answer` is the news, a fence that does not fit included. */
MUST_CHECK enum err sale_reader_look(struct redis_blocking *redis, struct sale_id sale,
                                     uint32_t epoch, struct sale_look *ret_look);

/* Is the catalogue of this history? ERR_OK: `*ret_rebuilding` tells; the revision and the sales in
 * it are set when it is. */
struct catalogue_look {
    bool rebuilding; /* missing, or of another history: to be written again */
    uint64_t revision;
    uint32_t sale_count;
};
MUST_CHECK enum err sale_reader_catalogue(struct redis_blocking *redis,
                                          struct catalogue_look *ret_look);

/* Outbox entries from `after` on (exclusive; epoch 0: from the start), oldest first, at most `max`
 * (1 to 1,000). `each` may not use `redis`; it ends early with what `each` returns but ERR_OK.
 * ERR_CONFLICT: there is a key, and it is no stream. */
typedef enum err sale_reader_outbox_fn(void *arg, const struct outbox_listed_entry *entry);
struct outbox_place {
    uint32_t epoch, first_seq;
};
MUST_CHECK enum err sale_reader_outbox(struct redis_blocking *redis, struct sale_id sale,
                                       struct outbox_place after, uint32_t max,
                                       sale_reader_outbox_fn *each, void *arg, uint32_t *ret_count);
/* XDEL of one entry; gone already is ERR_OK. Only after all its wins were reported. */
MUST_CHECK enum err sale_reader_outbox_delete(struct redis_blocking *redis, struct sale_id sale,
                                              struct outbox_place place);

/* --- the audit's reads; a missing key is empty --- */

/* meta as it is, without a fence. ERR_NOT_FOUND: none. ERR_PARSE: garbage. */
struct sale_meta {
    struct sale_head head; /* redis_time_ms and outbox_first are 0 */
    char replid[41];       /* "" when the fence is closed */
    bool fence_fits;       /* replid is the server's own now */
    int64_t opens_ms, closes_ms;
    uint32_t limit;
    bool listed;
    uint32_t pay_window_ms;
    struct sale_times times;
};
MUST_CHECK enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                                     struct sale_meta *ret_meta);
/* `held`: the units announced, else the units left. At most SALE_SKUS_MAX. */
MUST_CHECK enum err sale_reader_units(struct redis_blocking *redis, struct sale_id sale, bool held,
                                      struct sale_left ret_left[static SALE_SKUS_MAX],
                                      uint32_t *ret_count);
/* Every order of every buyer, by HSCAN; a buyer may be told twice when the hash changes meanwhile.
 * `each` may not use `redis`. */
typedef enum err sale_reader_order_fn(void *arg, const struct buyer *buyer,
                                      const struct order_entry *entry);
MUST_CHECK enum err sale_reader_orders(struct redis_blocking *redis, struct sale_id sale,
                                       sale_reader_order_fn *each, void *arg);
typedef enum err sale_reader_applied_fn(void *arg, uint64_t ledger_id);
MUST_CHECK enum err sale_reader_applied(struct redis_blocking *redis, struct sale_id sale,
                                        sale_reader_applied_fn *each, void *arg);
MUST_CHECK enum err sale_reader_listed_count(struct redis_blocking *redis, struct sale_id sale,
                                             uint64_t *ret_count);
MUST_CHECK enum err sale_reader_outbox_count(struct redis_blocking *redis, struct sale_id sale,
                                             uint64_t *ret_count);
