/* sale_store: sales, their stock and their control state, as MySQL has them.
 * Why:    everything that Redis must be rebuilt from is written here first (PROTOCOL §6).
 * Never:  changes a definition; what may change is in sale_change.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/sale.h"
#include "ledger/admin_log.h"
#include "ledger/sale_change.h"
#include "ledger/sale_control.h"

struct mysql_link;

struct sale_row {
    struct sale_definition definition; /* times are zero: they are written at load */
    enum sale_control control;
    uint32_t version; /* +1 by each change of control */
    int64_t created_ms;
    uint64_t sold[SALE_SKUS_MAX]; /* of definition.skus[i]; left = total - sold */
};

/* `definition->sale.value` 0: MySQL gives the next number. Checks with sale_check(). ERR_RANGE: it
 * does not hold; ERR_CONFLICT: that number is taken. Writes rows, the ledger's `create` rows and
 * admin_log. */
MUST_CHECK enum err sale_store_create(struct mysql_link *link,
                                      const struct sale_definition *definition,
                                      const struct admin_actor *actor, struct sale_id *ret_sale);
/* ERR_NOT_FOUND. One consistent read of sale and skus (in order of their position); also inside a
 * transaction. */
MUST_CHECK enum err sale_store_read(struct mysql_link *link, struct sale_id sale,
                                    struct sale_row *ret_row);

/* Sales with a number above `after`, ascending, at most `limit`; `each` may use the link.
 * It ends early with what `each` returns other than ERR_OK. */
typedef enum err sale_row_fn(void *arg, const struct sale_row *row);
struct sale_filter {
    struct sale_id after;
    bool loaded_only; /* those that the catalogue holds */
    /* 0: all; else without those that closed so long ago, and whose pay windows are over since; by
     * the database's clock */
    uint32_t keep_days;
    uint32_t limit;
    /* NULL: a row that is no definition ends it with ERR_PARSE, one without skus with
     * ERR_NOT_FOUND; else it is told and passed over */
    enum err (*unreadable)(void *arg, struct sale_id sale);
};
MUST_CHECK enum err sale_store_list(struct mysql_link *link, const struct sale_filter *filter,
                                    sale_row_fn *each, void *arg);

/* Buyers of a reservation sale, ascending, by pages; `each` must not use the link. `page` (NULL:
 * none) is called between two pages, and may use it. */
typedef enum err sale_buyer_fn(void *arg, const char *buyer, size_t size);
typedef enum err sale_page_fn(void *arg);
MUST_CHECK enum err sale_store_each_listed(struct mysql_link *link, struct sale_id sale,
                                           sale_buyer_fn *each, sale_page_fn *page, void *arg);

/* Σ delta of the ledger per sku (I21): sold orders are not in it. */
typedef enum err sale_ledger_fn(void *arg, const struct sku *sku, int64_t delta);
MUST_CHECK enum err sale_store_ledger_sums(struct mysql_link *link, struct sale_id sale,
                                           sale_ledger_fn *each, void *arg);
