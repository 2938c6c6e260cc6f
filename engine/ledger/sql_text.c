#include "ledger/sql_text.h"

#include <string.h>

#include "common/assert.h"

enum err sql_read_u64(void *arg, const struct sql_value *columns)
{
    uint64_t *value = arg;

    *value = sql_column_u64(&columns[0]);
    return ERR_OK;
}

enum err sql_read_sale(void *arg, const struct sql_value *columns)
{
    struct sql_sales *sales = arg;

    sales->sales[sales->count++].value = (uint32_t)sql_column_u64(&columns[0]);
    return ERR_OK;
}

uint64_t sql_column_u64(const struct sql_value *column)
{
    ASSERT(column->kind != SQL_BYTES && column->kind != SQL_BLOB);
    return column->kind == SQL_NULL ? 0 : column->u64;
}

void sql_column_text(const struct sql_value *column, char *ret_text, size_t size)
{
    size_t used = 0;

    ASSERT(size > 0);
    ASSERT(column->kind == SQL_BYTES || column->kind == SQL_NULL);
    if (column->kind == SQL_BYTES) {
        used = column->size < size - 1 ? column->size : size - 1;
        memcpy(ret_text, column->bytes, used);
    }
    ret_text[used] = '\0';
}

enum err sql_column_sku(const struct sql_value *column, struct sku *ret_sku)
{
    if (column->kind != SQL_BYTES) {
        return ERR_PARSE;
    }
    return sku_parse(column->bytes, column->size, ret_sku);
}

enum err sql_column_buyer(const struct sql_value *column, struct buyer *ret_buyer)
{
    if (column->kind != SQL_BYTES) {
        return ERR_PARSE;
    }
    return buyer_parse(column->bytes, column->size, ret_buyer);
}

int sql_column_name(const struct sql_value *column, const char *const *names, int count)
{
    if (column->kind != SQL_BYTES) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        if (strlen(names[i]) == column->size
            && memcmp(names[i], column->bytes, column->size) == 0) {
            return i;
        }
    }
    return -1;
}

uint32_t sql_power_of_two(size_t count)
{
    uint32_t power = 1;

    ASSERT(count > 0);
    while (power < SQL_TUPLES_MAX && (size_t)power * 2 <= count) {
        power *= 2;
    }
    return power;
}
