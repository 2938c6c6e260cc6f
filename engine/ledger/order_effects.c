#include "ledger/order_effects.h"

#include <stdio.h>

#include "common/assert.h"
#include "ledger/outbox_store.h"
#include "ledger/sql_text.h"

enum { LEDGER_COLUMNS = 6 };

static_assert(2 * (int)ORDER_RETURNS_MAX <= (int)OUTBOX_PUT_MAX, "one call tells of a whole batch");

static struct sale_id sale_of(const struct order_returns *returns)
{
    return order_no_sale(returns->rows[0]->record.order_no);
}

static enum err lower_sold(struct mysql_link *link, const struct order_returns *returns)
{
    static const struct sql sql = {.head = "UPDATE sale_skus SET sold = sold - ? WHERE sale = ? "
                                           "AND sku = ? AND sold >= ?"};
    uint64_t units = 0, affected = 0;
    enum err err = ERR_OK;

    for (size_t i = 0; i < returns->count; i++) {
        ASSERT(order_no_sale(returns->rows[i]->record.order_no).value == sale_of(returns).value);
        ASSERT(sku_equal(&returns->rows[i]->record.sku, &returns->rows[0]->record.sku));
        units += returns->rows[i]->record.quantity;
    }
    const struct sql_value params[] = {sql_u64(units), sql_u64(sale_of(returns).value),
                                       sql_sku(&returns->rows[0]->record.sku), sql_u64(units)};
    err = mysql_link_execute(link, &sql, 0, params, 4, &affected);
    return err == ERR_OK && affected != 1 ? ERR_RANGE : err;
}

static enum err write_ledger(struct mysql_link *link, const struct order_returns *returns)
{
    static const struct sql sql = {
        .head = "INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, created) VALUES ",
        .tuple = "(?, ?, ?, ?, ?, ?, " SQL_NOW_MS ")"};
    struct sql_value params[ORDER_RETURNS_MAX * LEDGER_COLUMNS];
    char refs[ORDER_RETURNS_MAX][ORDER_NO_TEXT_SIZE];
    size_t done = 0;
    enum err err = ERR_OK;

    while (done < returns->count && err == ERR_OK) {
        const uint32_t some = sql_power_of_two(returns->count - done);
        for (uint32_t i = 0; i < some; i++) {
            const struct order_record *record = &returns->rows[done + i]->record;
            struct sql_value *row = &params[(size_t)i * LEDGER_COLUMNS];
            row[0] = sql_u64(sale_of(returns).value);
            row[1] = sql_sku(&record->sku);
            row[2] = sql_u64(record->quantity);
            row[3] = sql_text(returns->cause);
            row[4] = sql_text(order_no_format(record->order_no, refs[i]));
            row[5] = sql_u64(returns->epoch);
        }
        err = mysql_link_execute(link, &sql, some, params, (size_t)some * LEDGER_COLUMNS, NULL);
        done += some;
    }
    return err;
}

struct ids_job {
    const struct order_returns *returns;
    uint64_t ids[ORDER_RETURNS_MAX]; /* beside the rows; 0: none */
};

static enum err on_id(void *arg, const struct sql_value *columns)
{
    struct ids_job *job = arg;

    for (size_t i = 0; i < job->returns->count; i++) {
        if (job->returns->rows[i]->record.order_no.value == sql_column_u64(&columns[1])) {
            job->ids[i] = sql_column_u64(&columns[0]);
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

/* The ids of an INSERT of many rows need not follow each other: they are read back. */
static enum err read_ids(struct mysql_link *link, struct ids_job *job)
{
    static const struct sql sql = {
        .head = "SELECT id, CAST(ref AS UNSIGNED) FROM stock_ledger WHERE sale = ? AND cause = ? "
                "AND ref IN (",
        .tuple = "?",
        .tail = ")"};
    const struct order_returns *returns = job->returns;
    struct sql_value params[2 + ORDER_RETURNS_MAX];
    char refs[ORDER_RETURNS_MAX][ORDER_NO_TEXT_SIZE];
    uint32_t tuples = 1;

    while (tuples < returns->count) {
        tuples *= 2;
    }
    params[0] = sql_u64(sale_of(returns).value);
    params[1] = sql_text(returns->cause);
    for (uint32_t i = 0; i < tuples; i++) { /* the rest repeats the last one */
        const size_t from = i < returns->count ? i : returns->count - 1;
        params[2 + i] = sql_text(order_no_format(returns->rows[from]->record.order_no, refs[i]));
    }
    return mysql_link_query(link, &sql, tuples, params, 2 + (size_t)tuples, on_id, job);
}

static enum err tell_units(struct mysql_link *link, const struct ids_job *job)
{
    struct outbox_row rows[ORDER_RETURNS_MAX];

    for (size_t i = 0; i < job->returns->count; i++) {
        const struct order_record *record = &job->returns->rows[i]->record;
        ASSERT(job->ids[i] > 0);
        rows[i] = (struct outbox_row){.sale = sale_of(job->returns),
                                      .kind = OUTBOX_UNITS,
                                      .sku = record->sku,
                                      .units = record->quantity,
                                      .ledger_id = job->ids[i],
                                      .epoch = job->returns->epoch};
    }
    return outbox_store_put_many_in(link, rows, job->returns->count);
}

enum err order_effects_return_in(struct mysql_link *link, const struct order_returns *returns)
{
    struct ids_job job = {.returns = returns};

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(returns->count > 0 && returns->count <= ORDER_RETURNS_MAX);
    enum err err = lower_sold(link, returns);
    err = err == ERR_OK ? write_ledger(link, returns) : err;
    if (err == ERR_OK && returns->count == 1) {
        job.ids[0] = mysql_link_last_id(link);
    } else if (err == ERR_OK) {
        err = read_ids(link, &job);
    }
    return err == ERR_OK ? tell_units(link, &job) : err;
}

static struct outbox_row letter_of(const struct order_row *row)
{
    return (struct outbox_row){.sale = order_no_sale(row->record.order_no),
                               .kind = OUTBOX_LETTER,
                               .order_no = row->record.order_no,
                               .buyer = row->record.buyer,
                               .letter = order_state_letter(row->state)};
}

static struct outbox_row event_of(const struct order_row *row, const char *verb,
                                  const char *payload)
{
    struct outbox_row event = {.sale = order_no_sale(row->record.order_no),
                               .kind = OUTBOX_EVENT,
                               .order_no = row->record.order_no,
                               .order_version = row->version,
                               .payload = payload};

    snprintf(event.verb, sizeof event.verb, "%s", verb);
    return event;
}

enum err order_effects_letter_in(struct mysql_link *link, const struct order_row *row)
{
    const struct outbox_row letter = letter_of(row);

    return outbox_store_put_in(link, &letter);
}

enum err order_effects_event_in(struct mysql_link *link, const struct order_row *row,
                                const char *verb, const char *payload)
{
    const struct outbox_row event = event_of(row, verb, payload);

    return outbox_store_put_in(link, &event);
}

enum err order_effects_tell_in(struct mysql_link *link, const struct order_row *const *rows,
                               size_t count, const char *verb)
{
    struct outbox_row told[2 * ORDER_RETURNS_MAX];

    ASSERT(count > 0 && count <= ORDER_RETURNS_MAX);
    for (size_t i = 0; i < count; i++) {
        told[2 * i] = letter_of(rows[i]);
        told[2 * i + 1] = event_of(rows[i], verb, NULL);
    }
    return outbox_store_put_many_in(link, told, 2 * count);
}
