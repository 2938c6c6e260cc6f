/* purchase_columns: the purchases of one call by columns, as the script is given them and as the
 * outbox keeps them.
 * Why:    Redis pays for each argument and each text that its script makes: five arguments a call
 *         are a fraction of five a purchase (schemas/redis.md purchase, docs/DECISIONS.md).
 * Never:  I/O; guesses: what is not exactly of the form is ERR_PARSE.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "inventory/stock.h"

enum { PURCHASE_COLUMNS = 5, PURCHASE_COLUMN_ROWS_MAX = 128 };
/* Bytes of the five bulks at most: for each purchase, and besides. */
enum {
    PURCHASE_COLUMNS_ROW_SIZE_MAX =
        2 + BUYER_SIZE_MAX + 2 + SKU_SIZE_MAX + 5 + 1 + KEY_HASH_SIZE + TRACEPARENT_SIZE,
    PURCHASE_COLUMNS_HEAD_SIZE_MAX = PURCHASE_COLUMNS * (3 + 10),
};

/* Writes the five columns at `at` as bulks and returns the end. `count` is 1 to
 * PURCHASE_COLUMN_ROWS_MAX; the caller reserved the room above. */
char *purchase_columns_put(char *at, const struct attempt *const *attempts, uint32_t count);

struct purchase_row {
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    struct key_hash key_hash;
    struct traceparent traceparent;
};
struct column_text {
    const char *text; /* NULL: not a string */
    size_t size;
};
/* The rows of the five columns, in order; `rows` has room for PURCHASE_COLUMN_ROWS_MAX. ERR_PARSE:
 * `rows` is scratch. */
MUST_CHECK enum err purchase_columns_parse(const struct column_text columns[PURCHASE_COLUMNS],
                                           struct purchase_row *rows, uint32_t *ret_count);
/* How many tokens of a call's results say that a purchase won. */
uint32_t purchase_results_win_count(const char *results, size_t size);
