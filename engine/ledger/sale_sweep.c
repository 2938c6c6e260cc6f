#include "ledger/sale_sweep.h"

#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

#define DAY_MS ((uint64_t)24 * 60 * 60 * 1000)

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

enum err sale_sweep_live(struct mysql_link *link, struct sale_id after, struct sale_id *ret_sales,
                         size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT sale FROM sales WHERE sale > ? AND epoch > 0 AND control IN ('open', "
                "'paused') AND opens <= " SQL_NOW_MS " AND closes > " SQL_NOW_MS
                " ORDER BY sale LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(max)};
    struct sql_sales found = {.sales = ret_sales};
    const enum err err = mysql_link_query(link, &sql, 0, params, 2, sql_read_sale, &found);

    if (err == ERR_OK) {
        *ret_count = found.count;
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

struct guarded_job {
    struct sale_guarded *sales;
    size_t count;
};

static enum err on_guarded(void *arg, const struct sql_value *columns)
{
    struct guarded_job *job = arg;
    struct sale_guarded *sale = &job->sales[job->count++];

    *sale = (struct sale_guarded){
        .sale = {(uint32_t)sql_column_u64(&columns[0])},
        .epoch = (uint32_t)sql_column_u64(&columns[1]),
        .fence = sql_column_u64(&columns[3]),
        .is_loading = sql_column_u64(&columns[4]) != 0,
        .silent_ms = (int64_t)sql_column_u64(&columns[5]),
        .has_failed = sql_column_u64(&columns[6]) != 0,
        .is_told = sql_column_u64(&columns[7]) != 0,
    };
    return sale_control_read(&columns[2], &sale->control);
}

enum err sale_sweep_guarded(struct mysql_link *link, struct sale_id after, uint32_t keep_days,
                            struct sale_guarded *ret_sales, size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT s.sale, s.epoch, s.control, CAST(IFNULL(g.fence, 0) AS UNSIGNED), "
                "CAST(g.fence IS NOT NULL AND g.finished IS NULL AS UNSIGNED), "
                "CAST(IF(g.beat < " SQL_NOW_MS ", " SQL_NOW_MS " - g.beat, 0) AS UNSIGNED), "
                "CAST(IFNULL(g.step = 'failed', 0) AS UNSIGNED), "
                "CAST(IFNULL(g.note LIKE '" SALE_BLOCKED_NOTE "%', 0) AS UNSIGNED) "
                "FROM sales s LEFT JOIN guard g ON g.sale = s.sale WHERE s.sale > ? AND "
                "((s.epoch > 0 AND s.closes + s.pay_window + ? > " SQL_NOW_MS ") "
                "OR (g.fence IS NOT NULL AND g.finished IS NULL)) ORDER BY s.sale LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(keep_days * DAY_MS),
                                       sql_u64(max)};
    struct guarded_job job = {.sales = ret_sales};
    const enum err err = mysql_link_query(link, &sql, 0, params, 3, on_guarded, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}
