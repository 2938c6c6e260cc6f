/* sql_text: small pieces that several stores share.
 * Why:    times, ids and single values are read and written in one way.
 * Never:  holds a statement of a table.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/ids.h"
#include "ledger/mysql_link.h"

/* The database's clock in milliseconds since the Unix epoch: the only one that judges pay_by (I20).
 * */
#define SQL_NOW_MS "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)"

enum { SQL_TUPLES_MAX = 1024 };

/* A row of one number, never NULL; arg: uint64_t. */
enum err sql_read_u64(void *arg, const struct sql_value *columns);
/* A row of one sale each, one behind the other; arg: struct sql_sales, with room for as many as the
 * statement's LIMIT lets through. */
struct sql_sales {
    struct sale_id *sales; /* borrowed */
    size_t count;
};
enum err sql_read_sale(void *arg, const struct sql_value *columns);
/* A column that is a number; NULL reads as 0. Asserts that it is no text. */
uint64_t sql_column_u64(const struct sql_value *column);
/* A column that is a text, cut at size - 1; NULL reads as "". Asserts that it is no number. */
void sql_column_text(const struct sql_value *column, char *ret_text, size_t size);
/* Columns that only this program writes: ERR_PARSE means that somebody else did. */
MUST_CHECK enum err sql_column_sku(const struct sql_value *column, struct sku *ret_sku);
MUST_CHECK enum err sql_column_buyer(const struct sql_value *column, struct buyer *ret_buyer);
/* The index of the name in `names`, -1 if it is not there. */
int sql_column_name(const struct sql_value *column, const char *const *names, int count);

/* The largest power of two that is not above `count` (at least 1) and 1,024: counts of prepared
 * tuples. */
uint32_t sql_power_of_two(size_t count);

static inline struct sql_value sql_sku(const struct sku *sku)
{
    return sql_bytes(sku->text, sku->size);
}
static inline struct sql_value sql_buyer(const struct buyer *buyer)
{
    return sql_bytes(buyer->text, buyer->size);
}
