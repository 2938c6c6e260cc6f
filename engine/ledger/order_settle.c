#include "ledger/order_settle.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

enum { INSERT_COLUMNS = 19 };

static_assert((int)ORDER_INSERT_MAX == (int)SQL_TUPLES_MAX, "one statement takes a whole batch");

struct existing_job {
    order_content_fn *each;
    void *arg;
};

static enum err on_existing(void *arg, const struct sql_value *columns)
{
    const struct existing_job *job = arg;
    struct order_content content = {.order_no = {sql_column_u64(&columns[0])},
                                    .quantity = (uint32_t)sql_column_u64(&columns[3])};
    enum err err = sql_column_buyer(&columns[1], &content.buyer);

    if (err == ERR_OK) {
        err = sql_column_sku(&columns[2], &content.sku);
    }
    if (err == ERR_OK) {
        err = key_hash_parse(columns[4].bytes, columns[4].size, &content.key_hash);
    }
    return err == ERR_OK ? job->each(job->arg, &content) : err;
}

enum err order_settle_existing_in(struct mysql_link *link, const struct order_no *order_nos,
                                  size_t count, order_content_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT order_no, buyer, sku, quantity, key_hash FROM orders WHERE order_no IN (",
        .tuple = "?",
        .tail = ") ORDER BY order_no"};
    struct sql_value params[ORDER_INSERT_MAX];
    struct existing_job job = {.each = each, .arg = arg};
    uint32_t tuples = 1;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(count > 0 && count <= ORDER_INSERT_MAX);
    while (tuples < count) {
        tuples *= 2;
    }
    for (uint32_t i = 0; i < tuples; i++) { /* the rest repeats the last one */
        params[i] = sql_u64(order_nos[i < count ? i : count - 1].value);
    }
    return mysql_link_query(link, &sql, tuples, params, tuples, on_existing, &job);
}

static void fill_row(struct sql_value *params, const struct order_row *row)
{
    const struct order_record *record = &row->record;

    params[0] = sql_u64(record->order_no.value);
    params[1] = sql_u64(order_no_sale(record->order_no).value);
    params[2] = sql_buyer(&record->buyer);
    params[3] = sql_sku(&record->sku);
    params[4] = sql_u64(record->quantity);
    params[5] = sql_u64(record->unit_price);
    params[6] = sql_bytes(record->currency, CURRENCY_SIZE);
    params[7] = row->has_slot ? sql_u64(record->slot) : sql_null();
    params[8] = sql_text(record->key_hash.hex);
    params[9] = sql_text(order_state_name(row->state));
    params[10] = sql_text(order_reason_name(row->reason));
    params[11] = sql_u64(row->version);
    params[12] = sql_u64((uint64_t)record->won_at_ms);
    params[13] = sql_u64((uint64_t)record->pay_by_ms);
    params[14] = sql_u64((uint64_t)row->created_ms);
    params[15] = sql_u64((uint64_t)row->created_ms);
    params[16] = sql_text(row->topic);
    params[17] = sql_u64(row->part);
    params[18] = sql_u64(row->offset);
}

enum err order_settle_insert_in(struct mysql_link *link, const struct order_row *const *rows,
                                size_t count)
{
    static const struct sql sql = {
        .head = "INSERT INTO orders (order_no, sale, buyer, sku, quantity, unit_price, currency, "
                "slot, key_hash, state, reason, version, won_at, pay_by, created, changed, topic, "
                "part, log_offset) VALUES ",
        .tuple = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"};
    struct sql_value *params = NULL;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(count > 0 && count <= ORDER_INSERT_MAX);
    params = malloc(sizeof *params * INSERT_COLUMNS * count);
    if (params == NULL) {
        return ERR_NO_MEMORY;
    }
    while (count > 0 && err == ERR_OK) {
        uint32_t some = sql_power_of_two(count);
        for (uint32_t i = 0; i < some; i++) {
            fill_row(&params[(size_t)i * INSERT_COLUMNS], rows[i]);
        }
        err = mysql_link_execute(link, &sql, some, params, (size_t)some * INSERT_COLUMNS, NULL);
        rows += some;
        count -= some;
    }
    free(params);
    return err;
}

enum err order_settle_void_in(struct mysql_link *link, struct order_no order_no,
                              enum order_reason reason, int64_t now_ms)
{
    static const struct sql sql = {.head = "UPDATE orders SET state = 'VOIDED', reason = ?, "
                                           "slot = NULL, changed = ? WHERE order_no = ? "
                                           "AND state IN ('PENDING', 'QUARANTINED')"};
    const struct sql_value params[] = {sql_text(order_reason_name(reason)),
                                       sql_u64((uint64_t)now_ms), sql_u64(order_no.value)};
    uint64_t affected = 0;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    err = mysql_link_execute(link, &sql, 0, params, 3, &affected);
    return err == ERR_OK && affected != 1 ? ERR_NOT_FOUND : err;
}

enum err order_settle_slot_taken_in(struct mysql_link *link, struct sale_id sale,
                                    const struct buyer *buyer, uint32_t slot, bool *ret_taken)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM orders WHERE sale = ? AND buyer = ? "
                "AND slot = ?"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_buyer(buyer), sql_u64(slot)};
    uint64_t count = 0;
    enum err err = mysql_link_query(link, &sql, 0, params, 3, sql_read_u64, &count);

    if (err == ERR_OK) {
        *ret_taken = count > 0;
    }
    return err;
}

enum err order_settle_take_in(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                              uint32_t epoch, uint64_t units, uint64_t *ret_sold)
{
    /* LAST_INSERT_ID(x) brings x back with the reply: no second statement. */
    static const struct sql sql = {
        .head = "UPDATE sale_skus SET sold = LAST_INSERT_ID(sold + ?) WHERE sale = ? "
                "AND sku = ? AND epoch = ? AND sold + ? <= total"};
    const struct sql_value params[] = {sql_u64(units), sql_u64(sale.value), sql_sku(sku),
                                       sql_u64(epoch), sql_u64(units)};
    uint64_t affected = 0;
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(units > 0);
    err = mysql_link_execute(link, &sql, 0, params, 5, &affected);
    if (err != ERR_OK || affected != 1) {
        return err != ERR_OK ? err : ERR_NOT_FOUND;
    }
    *ret_sold = mysql_link_last_id(link);
    return ERR_OK;
}

static enum err read_stock(const struct sql_value *columns, struct order_stock *stock)
{
    stock->epoch = (uint32_t)sql_column_u64(&columns[1]);
    stock->total = sql_column_u64(&columns[2]);
    stock->sold = sql_column_u64(&columns[3]);
    return sql_column_sku(&columns[0], &stock->sku);
}

static enum err on_sale(void *arg, const struct sql_value *columns)
{
    struct order_sale *sale = arg;

    if (sale->sku_count == SALE_SKUS_MAX) {
        return ERR_PARSE;
    }
    sale->epoch = (uint32_t)sql_column_u64(&columns[4]);
    sale->pay_window_ms = (uint32_t)sql_column_u64(&columns[5]);
    sale->now_ms = (int64_t)sql_column_u64(&columns[6]);
    return read_stock(columns, &sale->skus[sale->sku_count++]);
}

enum err order_settle_sale_in(struct mysql_link *link, struct sale_id sale,
                              struct order_sale *ret_sale)
{
    static const struct sql sql = {
        .head = "SELECT k.sku, k.epoch, k.total, k.sold, s.epoch, s.pay_window, " SQL_NOW_MS
                " FROM sales s JOIN sale_skus k ON k.sale = s.sale "
                "WHERE s.sale = ? ORDER BY k.sku"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    enum err err = ERR_OK;

    *ret_sale = (struct order_sale){.sale = sale};
    err = mysql_link_query(link, &sql, 0, params, 1, on_sale, ret_sale);
    return err == ERR_OK && ret_sale->sku_count == 0 ? ERR_NOT_FOUND : err;
}

struct stock_job {
    struct order_stock *stock;
    bool found;
};

static enum err on_stock(void *arg, const struct sql_value *columns)
{
    struct stock_job *job = arg;

    job->found = true;
    return read_stock(columns, job->stock);
}

enum err order_settle_stock_in(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                               struct order_stock *ret_stock)
{
    static const struct sql sql = {.head = "SELECT sku, epoch, total, sold FROM sale_skus "
                                           "WHERE sale = ? AND sku = ? FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_sku(sku)};
    struct stock_job job = {.stock = ret_stock};
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    err = mysql_link_query(link, &sql, 0, params, 2, on_stock, &job);
    return err == ERR_OK && !job.found ? ERR_NOT_FOUND : err;
}
