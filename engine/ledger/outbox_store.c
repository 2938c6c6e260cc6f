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

enum {
    KIND_COUNT = sizeof kind_names / sizeof kind_names[0],
    PUT_COLUMNS = 12,
    DAY_MS = 86400000,
};

static void fill_row(struct sql_value *params, const struct outbox_row *row)
{
    params[0] = sql_u64(row->sale.value);
    params[1] = sql_text(kind_names[row->kind]);
    params[2] = sql_text(row->verb);
    params[3] = sql_sku(&row->sku);
    params[4] = sql_u64(row->units);
    params[5] = sql_u64(row->ledger_id);
    params[6] = sql_u64(row->epoch);
    params[7] = sql_u64(row->order_no.value);
    params[8] = sql_u64(row->order_version);
    params[9] = sql_buyer(&row->buyer);
    params[10] = sql_bytes(&row->letter, row->letter != '\0' ? 1 : 0);
    params[11] = row->payload != NULL ? sql_text(row->payload) : sql_null();
}

enum err outbox_store_put_many_in(struct mysql_link *link, const struct outbox_row *rows,
                                  size_t count)
{
    static const struct sql sql = {
        .head = "INSERT INTO outbox (sale, kind, verb, sku, units, ledger_id, epoch, order_no, "
                "order_version, buyer, letter, payload, created) VALUES ",
        .tuple = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW_MS ")"};
    struct sql_value params[OUTBOX_PUT_MAX * PUT_COLUMNS];
    enum err err = ERR_OK;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(count > 0 && count <= OUTBOX_PUT_MAX);
    while (count > 0 && err == ERR_OK) {
        const uint32_t some = sql_power_of_two(count);
        for (uint32_t i = 0; i < some; i++) {
            fill_row(&params[(size_t)i * PUT_COLUMNS], &rows[i]);
        }
        err = mysql_link_execute(link, &sql, some, params, (size_t)some * PUT_COLUMNS, NULL);
        rows += some;
        count -= some;
    }
    return err;
}

enum err outbox_store_put_in(struct mysql_link *link, const struct outbox_row *row)
{
    return outbox_store_put_many_in(link, row, 1);
}

enum err outbox_store_pending_sales(struct mysql_link *link, struct sale_id after,
                                    struct sale_id *ret_sales, size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT DISTINCT sale FROM outbox WHERE target = 'redis' AND confirmed IS NULL "
                "AND sale > ? ORDER BY sale LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(max)};
    struct sql_sales found = {.sales = ret_sales};
    enum err err = mysql_link_query(link, &sql, 0, params, 2, sql_read_sale, &found);

    if (err == ERR_OK) {
        *ret_count = found.count;
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
                "AND confirmed IS NULL AND sale = ? AND kind = ? ORDER BY id LIMIT ?"};
    static const enum outbox_kind kinds[] = {OUTBOX_STATE, OUTBOX_LETTER, OUTBOX_UNITS};
    struct rows_job job = {.rows = ret_rows};
    enum err err = ERR_OK;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && err == ERR_OK && job.count < max;
         i++) {
        const struct sql_value params[] = {sql_u64(sale.value), sql_text(kind_names[kinds[i]]),
                                           sql_u64(max - job.count)};
        err = mysql_link_query(link, &sql, 0, params, 3, on_row, &job);
    }
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

enum err outbox_store_forget(struct mysql_link *link, uint32_t days, uint32_t limit,
                             uint64_t *ret_count)
{
    static const struct sql sql = {
        .head = "DELETE FROM outbox WHERE target = ? AND confirmed < " SQL_NOW_MS
                " - ? ORDER BY confirmed LIMIT ?"};
    static const char *const targets[] = {"redis", "kafka"};
    const uint64_t age_ms = (uint64_t)days * DAY_MS;
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct sql_value params[] = {sql_text(targets[i]), sql_u64(age_ms), sql_u64(limit)};
        uint64_t count = 0;
        const enum err err = mysql_link_execute(link, &sql, 0, params, 3, &count);
        if (err != ERR_OK) {
            return err;
        }
        sum += count;
    }
    *ret_count = sum;
    return ERR_OK;
}

/* --- events to the shop --- */

struct events_job {
    outbox_event_fn *each;
    void *arg;
};

/* The columns of the order's row behind those of the event. */
static enum err read_order(const struct sql_value *columns, struct shop_event *event)
{
    struct order_record *order = &event->order;

    order->order_no = event->order_no;
    order->quantity = (uint32_t)sql_column_u64(&columns[2]);
    order->unit_price = sql_column_u64(&columns[3]);
    sql_column_text(&columns[4], order->currency, sizeof order->currency);
    order->won_at_ms = (int64_t)sql_column_u64(&columns[5]);
    event->reason = columns[6].bytes;
    event->has_order = true;
    const enum err err = sql_column_buyer(&columns[0], &order->buyer);
    return err == ERR_OK ? sql_column_sku(&columns[1], &order->sku) : err;
}

static enum err on_event(void *arg, const struct sql_value *columns)
{
    const struct events_job *job = arg;
    struct shop_event event = {
        .id = sql_column_u64(&columns[0]),
        .sale = {(uint32_t)sql_column_u64(&columns[1])},
        .verb = columns[2].bytes,
        .order_no = {sql_column_u64(&columns[3])},
        .version = (uint32_t)sql_column_u64(&columns[4]),
        .units = sql_column_u64(&columns[5]),
        .time_ms = (int64_t)sql_column_u64(&columns[7]),
        .reason = "",
    };
    enum err err = ERR_OK;

    if (columns[6].kind != SQL_NULL) {
        event.payload = columns[6].bytes;
        event.payload_size = columns[6].size;
    }
    if (columns[8].kind != SQL_NULL) {
        err = read_order(&columns[8], &event);
        event.is_broken = err == ERR_PARSE;
        err = event.is_broken ? ERR_OK : err;
    }
    return err == ERR_OK ? job->each(job->arg, &event) : err;
}

enum err outbox_store_events(struct mysql_link *link, uint64_t after, uint32_t limit,
                             outbox_event_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT e.id, e.sale, e.verb, e.order_no, e.order_version, e.units, e.payload, "
                "e.created, o.buyer, o.sku, o.quantity, o.unit_price, o.currency, o.won_at, "
                "o.reason FROM outbox e LEFT JOIN orders o ON o.order_no = e.order_no "
                "WHERE e.target = 'kafka' AND e.confirmed IS NULL AND e.id > ? "
                "ORDER BY e.id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after), sql_u64(limit)};
    struct events_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 2, on_event, &job);
}

enum err outbox_store_mark_told(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    static const struct sql sql = {.head = "UPDATE outbox SET sent = " SQL_NOW_MS
                                           ", confirmed = " SQL_NOW_MS
                                           " WHERE confirmed IS NULL AND id IN (",
                                   .tuple = "?",
                                   .tail = ")"};

    return mark(link, &sql, ids, count);
}

static enum err on_event_counts(void *arg, const struct sql_value *columns)
{
    struct outbox_event_counts *counts = arg;
    const int64_t created_ms = (int64_t)sql_column_u64(&columns[1]);
    const int64_t now_ms = (int64_t)sql_column_u64(&columns[2]);

    counts->pending = sql_column_u64(&columns[0]);
    counts->oldest_age_ms = created_ms != 0 && now_ms > created_ms ? now_ms - created_ms : 0;
    return ERR_OK;
}

enum err outbox_store_event_counts(struct mysql_link *link, struct outbox_event_counts *ret_counts)
{
    static const struct sql sql = {
        .head = "SELECT (SELECT CAST(COUNT(*) AS UNSIGNED) FROM outbox WHERE target = 'kafka' "
                "AND confirmed IS NULL), (SELECT created FROM outbox WHERE target = 'kafka' "
                "AND confirmed IS NULL ORDER BY id LIMIT 1), " SQL_NOW_MS};

    return mysql_link_query(link, &sql, 0, NULL, 0, on_event_counts, ret_counts);
}

enum err outbox_store_confirmed_since(struct mysql_link *link, struct sale_id sale,
                                      int64_t since_ms, uint64_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM outbox WHERE target = 'redis' "
                "AND confirmed >= ? AND sale = ?"};
    const struct sql_value params[] = {sql_u64((uint64_t)since_ms), sql_u64(sale.value)};

    return mysql_link_query(link, &sql, 0, params, 2, sql_read_u64, ret_count);
}
