#include "ledger/order_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

enum { PAGE_ROWS = 5000 };

static const char *const reason_names[] = {
#define X(name, text) text,
    ORDER_REASONS(X)
#undef X
};

const char *order_reason_name(enum order_reason reason)
{
    ASSERT((unsigned)reason < ORDER_REASON_COUNT);
    return reason_names[reason];
}

enum err order_reason_read(const struct sql_value *column, enum order_reason *ret_reason)
{
    int reason = sql_column_name(column, reason_names, ORDER_REASON_COUNT);

    if (reason < 0) {
        return ERR_PARSE;
    }
    *ret_reason = (enum order_reason)reason;
    return ERR_OK;
}

enum err order_state_read(const struct sql_value *column, enum order_state *ret_state)
{
    return column->kind == SQL_BYTES ? order_state_from_name(column->bytes, ret_state) : ERR_PARSE;
}

/* --- reading --- */

#define ORDER_COLUMNS                                                                              \
    "order_no, buyer, sku, quantity, unit_price, currency, slot, key_hash, won_at, pay_by, "       \
    "state, reason, version, created, changed, topic, part, log_offset"

enum column {
    COLUMN_ORDER_NO,
    COLUMN_BUYER,
    COLUMN_SKU,
    COLUMN_QUANTITY,
    COLUMN_UNIT_PRICE,
    COLUMN_CURRENCY,
    COLUMN_SLOT,
    COLUMN_KEY_HASH,
    COLUMN_WON_AT,
    COLUMN_PAY_BY,
    COLUMN_STATE,
    COLUMN_REASON,
    COLUMN_VERSION,
    COLUMN_CREATED,
    COLUMN_CHANGED,
    COLUMN_TOPIC,
    COLUMN_PART,
    COLUMN_OFFSET,
};

static enum err read_record(const struct sql_value *columns, struct order_record *record)
{
    enum err err = sql_column_buyer(&columns[COLUMN_BUYER], &record->buyer);

    if (err == ERR_OK) {
        err = sql_column_sku(&columns[COLUMN_SKU], &record->sku);
    }
    if (err == ERR_OK) {
        err = key_hash_parse(columns[COLUMN_KEY_HASH].bytes, columns[COLUMN_KEY_HASH].size,
                             &record->key_hash);
    }
    record->version = 1;
    record->order_no.value = sql_column_u64(&columns[COLUMN_ORDER_NO]);
    record->quantity = (uint32_t)sql_column_u64(&columns[COLUMN_QUANTITY]);
    record->unit_price = sql_column_u64(&columns[COLUMN_UNIT_PRICE]);
    sql_column_text(&columns[COLUMN_CURRENCY], record->currency, sizeof record->currency);
    record->slot = (uint32_t)sql_column_u64(&columns[COLUMN_SLOT]);
    record->won_at_ms = (int64_t)sql_column_u64(&columns[COLUMN_WON_AT]);
    record->pay_by_ms = (int64_t)sql_column_u64(&columns[COLUMN_PAY_BY]);
    return err;
}

static enum err read_row(const struct sql_value *columns, struct order_row *row)
{
    enum err err = ERR_OK;

    *row = (struct order_row){
        .has_slot = columns[COLUMN_SLOT].kind != SQL_NULL,
        .version = (uint32_t)sql_column_u64(&columns[COLUMN_VERSION]),
        .created_ms = (int64_t)sql_column_u64(&columns[COLUMN_CREATED]),
        .changed_ms = (int64_t)sql_column_u64(&columns[COLUMN_CHANGED]),
        .part = (uint32_t)sql_column_u64(&columns[COLUMN_PART]),
        .offset = sql_column_u64(&columns[COLUMN_OFFSET]),
    };
    sql_column_text(&columns[COLUMN_TOPIC], row->topic, sizeof row->topic);
    err = read_record(columns, &row->record);
    if (err == ERR_OK) {
        err = order_state_read(&columns[COLUMN_STATE], &row->state);
    }
    return err == ERR_OK ? order_reason_read(&columns[COLUMN_REASON], &row->reason) : err;
}

struct read_job {
    order_row_fn *each;
    void *arg;
    uint64_t count;
    struct order_no last;
};

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct read_job *job = arg;
    struct order_row row;
    enum err err = read_row(columns, &row);

    job->count++;
    job->last.value = columns[COLUMN_ORDER_NO].u64;
    return err == ERR_OK ? job->each(job->arg, &row) : err;
}

static enum err keep_row(void *arg, const struct order_row *row)
{
    struct order_row *kept = arg;

    *kept = *row;
    return ERR_OK;
}

static enum err find_by(struct mysql_link *link, const struct sql *sql, struct order_no order_no,
                        struct order_row *ret_row)
{
    const struct sql_value params[] = {sql_u64(order_no.value)};
    struct read_job job = {.each = keep_row, .arg = ret_row};
    enum err err = mysql_link_query(link, sql, 0, params, 1, on_row, &job);

    return err == ERR_OK && job.count == 0 ? ERR_NOT_FOUND : err;
}

enum err order_store_find(struct mysql_link *link, struct order_no order_no,
                          struct order_row *ret_row)
{
    static const struct sql sql = {.head =
                                       "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no = ?"};

    return find_by(link, &sql, order_no, ret_row);
}

enum err order_store_lock_in(struct mysql_link *link, struct order_no order_no,
                             struct order_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT " ORDER_COLUMNS
                                           " FROM orders WHERE order_no = ? FOR UPDATE"};

    ASSERT(mysql_link_in_transaction(link));
    return find_by(link, &sql, order_no, ret_row);
}

/* A sale's numbers lie together: its rows are a range of the primary key (PROTOCOL §2). */
static uint64_t first_of(struct sale_id sale)
{
    return (uint64_t)sale.value << 40;
}

/* One statement per combination: a condition that is not asked for must not spoil the plan. */
static const struct sql list_sql[2][2] = {
    {{.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
              "ORDER BY order_no LIMIT ?"},
     {.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
              "AND state = ? ORDER BY order_no LIMIT ?"}},
    {{.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
              "AND buyer = ? ORDER BY order_no LIMIT ?"},
     {.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
              "AND buyer = ? AND state = ? ORDER BY order_no LIMIT ?"}},
};
static const struct sql buyer_sql[2] = {
    {.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
             "AND sale = ? AND buyer = ? ORDER BY order_no LIMIT ?"},
    {.head = "SELECT " ORDER_COLUMNS " FROM orders WHERE order_no > ? AND order_no < ? "
             "AND sale = ? AND buyer = ? AND state = ? ORDER BY order_no LIMIT ?"},
};

enum err order_store_list(struct mysql_link *link, const struct order_filter *filter,
                          order_row_fn *each, void *arg)
{
    struct sql_value params[6];
    size_t count = 0;
    uint64_t low = filter->sale.value != 0 ? first_of(filter->sale) : 0;
    uint64_t high = filter->sale.value != 0 ? low + ((uint64_t)1 << 40) : INT64_MAX;
    bool by_key = filter->buyer != NULL && filter->sale.value != 0; /* orders_slot serves it */
    const struct sql *sql = by_key ? &buyer_sql[filter->has_state]
                                   : &list_sql[filter->buyer != NULL][filter->has_state];
    struct read_job job = {.each = each, .arg = arg};

    ASSERT(filter->limit > 0 && filter->limit <= ORDER_LIST_MAX);
    params[count++] = sql_u64(filter->after.value > low ? filter->after.value : low);
    params[count++] = sql_u64(high);
    if (by_key) {
        params[count++] = sql_u64(filter->sale.value);
    }
    if (filter->buyer != NULL) {
        params[count++] = sql_buyer(filter->buyer);
    }
    if (filter->has_state) {
        params[count++] = sql_text(order_state_name(filter->state));
    }
    params[count++] = sql_u64(filter->limit);
    return mysql_link_query(link, sql, 0, params, count, on_row, &job);
}

enum err order_store_each(struct mysql_link *link, struct sale_id sale, order_row_fn *each,
                          void *arg)
{
    struct read_job job = {.each = each, .arg = arg, .count = PAGE_ROWS, .last = {first_of(sale)}};
    enum err err = ERR_OK;

    while (err == ERR_OK && job.count == PAGE_ROWS) {
        const struct sql_value params[] = {sql_u64(job.last.value),
                                           sql_u64(first_of(sale) + ((uint64_t)1 << 40)),
                                           sql_u64(PAGE_ROWS)};
        job.count = 0;
        err = mysql_link_query(link, &list_sql[0][0], 0, params, 3, on_row, &job);
    }
    return err;
}

enum err order_store_lock_overdue_in(struct mysql_link *link, const struct order_overdue *overdue,
                                     order_row_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT " ORDER_COLUMNS " FROM orders WHERE state = 'PENDING' AND pay_by < "
                "LEAST(?, " SQL_NOW_MS ") AND sale = ? AND sku = ? AND NOT EXISTS (SELECT 1 FROM "
                "payments WHERE payments.order_no = orders.order_no AND payments.state = 'PARKED') "
                "AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE dead_letters.topic = ? AND "
                "dead_letters.order_no = orders.order_no AND dead_letters.resolved IS NULL) "
                "ORDER BY pay_by LIMIT ? FOR UPDATE SKIP LOCKED"};
    const struct sql_value params[] = {
        sql_u64(overdue->before_ms > 0 ? (uint64_t)overdue->before_ms : 0),
        sql_u64(overdue->sale.value), sql_sku(&overdue->sku), sql_text(overdue->notices_topic),
        sql_u64(overdue->max)};
    struct read_job job = {.each = each, .arg = arg};

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(overdue->max > 0 && overdue->max <= ORDER_LIST_MAX);
    return mysql_link_query(link, &sql, 0, params, 5, on_row, &job);
}
