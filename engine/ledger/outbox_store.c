#include "ledger/outbox_store.h"

#include <string.h>

#include "common/assert.h"
#include "common/failpoint.h"
#include "ledger/sql_text.h"

static const char *const kind_names[] = {
    [OUTBOX_UNITS] = "units",
    [OUTBOX_STATE] = "state",
    [OUTBOX_LETTER] = "letter",
    [OUTBOX_EVENT] = "event",
};

enum { KIND_COUNT = sizeof kind_names / sizeof kind_names[0] };

enum err outbox_store_put_in(struct mysql_link *link, const struct outbox_row *row)
{
    static const struct sql sql = {
        .head = "INSERT INTO outbox (sale, kind, verb, sku, units, ledger_id, epoch, order_no, "
                "order_version, buyer, letter, payload, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW_MS ")"};
    const struct sql_value params[] = {
        sql_u64(row->sale.value),
        sql_text(kind_names[row->kind]),
        sql_text(row->verb),
        sql_sku(&row->sku),
        sql_u64(row->units),
        sql_u64(row->ledger_id),
        sql_u64(row->epoch),
        sql_u64(row->order_no.value),
        sql_u64(row->order_version),
        sql_buyer(&row->buyer),
        sql_bytes(&row->letter, row->letter != '\0' ? 1 : 0),
        row->payload != NULL ? sql_text(row->payload) : sql_null(),
    };

    ASSERT(mysql_link_in_transaction(link));
    return mysql_link_execute(link, &sql, 0, params, sizeof params / sizeof params[0], NULL);
}

struct sales_job {
    struct sale_id *sales;
    size_t count;
};

static enum err on_sale(void *arg, const struct sql_value *columns)
{
    struct sales_job *job = arg;

    job->sales[job->count++].value = (uint32_t)sql_column_u64(&columns[0]);
    return ERR_OK;
}

enum err outbox_store_pending_sales(struct mysql_link *link, struct sale_id after,
                                    struct sale_id *ret_sales, size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT DISTINCT sale FROM outbox WHERE target = 'redis' AND confirmed IS NULL "
                "AND sale > ? ORDER BY sale LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(max)};
    struct sales_job job = {.sales = ret_sales};
    enum err err = mysql_link_query(link, &sql, 0, params, 2, on_sale, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}

#define OUTBOX_COLUMNS                                                                             \
    "id, sale, kind, verb, sku, units, ledger_id, epoch, order_no, order_version, buyer, letter, " \
    "created"

struct rows_job {
    struct outbox_row *rows;
    size_t count;
};

/* Columns that do not apply are empty. */
static enum err read_names(struct outbox_row *row, const struct sql_value *columns)
{
    enum err err = ERR_OK;

    if (columns[4].size > 0) {
        err = sql_column_sku(&columns[4], &row->sku);
    }
    if (err == ERR_OK && columns[10].size > 0) {
        err = sql_column_buyer(&columns[10], &row->buyer);
    }
    row->letter = columns[11].size > 0 ? columns[11].bytes[0] : '\0';
    return err;
}

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct rows_job *job = arg;
    struct outbox_row *row = &job->rows[job->count];
    int kind = sql_column_name(&columns[2], kind_names, KIND_COUNT);

    if (kind < 0) {
        return ERR_PARSE;
    }
    *row = (struct outbox_row){
        .id = sql_column_u64(&columns[0]),
        .sale = {(uint32_t)sql_column_u64(&columns[1])},
        .kind = (enum outbox_kind)kind,
        .units = sql_column_u64(&columns[5]),
        .ledger_id = sql_column_u64(&columns[6]),
        .epoch = (uint32_t)sql_column_u64(&columns[7]),
        .order_no = {sql_column_u64(&columns[8])},
        .order_version = (uint32_t)sql_column_u64(&columns[9]),
        .created_ms = (int64_t)sql_column_u64(&columns[12]),
    };
    sql_column_text(&columns[3], row->verb, sizeof row->verb);
    job->count++;
    return read_names(row, columns);
}

enum err outbox_store_pending(struct mysql_link *link, struct sale_id sale,
                              struct outbox_row *ret_rows, size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE target = 'redis' "
                "AND confirmed IS NULL AND sale = ? ORDER BY id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_u64(max)};
    struct rows_job job = {.rows = ret_rows};
    enum err err = mysql_link_query(link, &sql, 0, params, 2, on_row, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}

enum err outbox_store_pending_events(struct mysql_link *link, struct outbox_row *ret_rows,
                                     size_t max, size_t *ret_count)
{
    static const struct sql sql = {.head = "SELECT " OUTBOX_COLUMNS
                                           " FROM outbox WHERE target = 'kafka' "
                                           "AND confirmed IS NULL ORDER BY id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(max)};
    struct rows_job job = {.rows = ret_rows};
    enum err err = mysql_link_query(link, &sql, 0, params, 1, on_row, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}

/* A statement per power of two; ids are few, so the largest that fits is taken again and again. */
static enum err mark(struct mysql_link *link, const struct sql *sql, const uint64_t *ids,
                     size_t count)
{
    struct sql_value params[OUTBOX_CONFIRM_MAX];
    enum err err = ERR_OK;

    ASSERT(count <= OUTBOX_CONFIRM_MAX);
    while (count > 0 && err == ERR_OK) {
        uint32_t some = sql_power_of_two(count);
        for (uint32_t i = 0; i < some; i++) {
            params[i] = sql_u64(ids[i]);
        }
        err = mysql_link_execute(link, sql, some, params, some, NULL);
        ids += some;
        count -= some;
    }
    return err;
}

enum err outbox_store_mark_sent(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    static const struct sql sql = {.head = "UPDATE outbox SET sent = " SQL_NOW_MS
                                           " WHERE sent IS NULL AND id IN (",
                                   .tuple = "?",
                                   .tail = ")"};

    return mark(link, &sql, ids, count);
}

enum err outbox_store_confirm(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    static const struct sql sql = {.head = "UPDATE outbox SET confirmed = " SQL_NOW_MS
                                           " WHERE confirmed IS NULL AND id IN (",
                                   .tuple = "?",
                                   .tail = ")"};

    FAILPOINT_PASS(change_applied);
    return mark(link, &sql, ids, count);
}

enum err outbox_store_pending_count(struct mysql_link *link, struct sale_id sale,
                                    uint64_t *ret_count)
{
    static const struct sql of_sale = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM outbox WHERE target = 'redis' "
                "AND confirmed IS NULL AND sale = ?"};
    static const struct sql of_all = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM outbox WHERE target = 'redis' "
                "AND confirmed IS NULL"};
    const struct sql_value params[] = {sql_u64(sale.value)};

    return sale.value != 0 ? mysql_link_query(link, &of_sale, 0, params, 1, sql_read_u64, ret_count)
                           : mysql_link_query(link, &of_all, 0, NULL, 0, sql_read_u64, ret_count);
}
