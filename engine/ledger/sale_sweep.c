#include "ledger/sale_sweep.h"

#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

struct due_job {
    struct sale_due *due;
    size_t count;
};

static enum err on_due(void *arg, const struct sql_value *columns)
{
    struct due_job *job = arg;

    job->due[job->count++] = (struct sale_due){
        .sale = {(uint32_t)sql_column_u64(&columns[0])},
        .epoch = (uint32_t)sql_column_u64(&columns[1]),
        .closes_ms = (int64_t)sql_column_u64(&columns[2]),
    };
    return ERR_OK;
}

enum err sale_sweep_due(struct mysql_link *link, struct sale_id after, struct sale_due *ret_due,
                        size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head =
            "SELECT sale, epoch, closes FROM sales WHERE sale > ? AND epoch > 0 "
            "AND control IN ('open', 'paused') AND closes <= " SQL_NOW_MS " ORDER BY sale LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(max)};
    struct due_job job = {.due = ret_due};
    const enum err err = mysql_link_query(link, &sql, 0, params, 2, on_due, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}

static enum err on_totals(void *arg, const struct sql_value *columns)
{
    struct sale_totals *totals = arg;

    totals->epoch_max = sql_column_u64(&columns[0]);
    totals->frozen = sql_column_u64(&columns[1]);
    return ERR_OK;
}

enum err sale_sweep_totals(struct mysql_link *link, struct sale_totals *ret_totals)
{
    static const struct sql sql = {.head = "SELECT CAST(MAX(epoch) AS UNSIGNED), "
                                           "CAST(SUM(control = 'frozen') AS UNSIGNED) FROM sales"};
    struct sale_totals totals = {0};
    const enum err err = mysql_link_query(link, &sql, 0, NULL, 0, on_totals, &totals);

    if (err == ERR_OK) {
        *ret_totals = totals;
    }
    return err;
}
