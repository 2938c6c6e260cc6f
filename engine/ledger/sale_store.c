#include "ledger/sale_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

enum { LIST_PAGE = 64, LISTED_PAGE = 5000 };

/* --- create --- */

struct create_job {
    const struct sale_definition *definition;
    const struct admin_actor *actor;
    struct sale_id sale;
};

/* The highest number is locked, so that two creations at once do not get the same one. */
static enum err next_number(struct mysql_link *link, struct sale_id *ret_sale)
{
    static const struct sql sql = {
        .head = "SELECT sale FROM sales ORDER BY sale DESC LIMIT 1 FOR UPDATE"};
    uint64_t last = 0;
    enum err err = mysql_link_query(link, &sql, 0, NULL, 0, sql_read_u64, &last);

    if (err != ERR_OK) {
        return err;
    }
    if (last >= SALE_ID_MAX) {
        return ERR_RANGE;
    }
    ret_sale->value = (uint32_t)last + 1;
    return ERR_OK;
}

static enum err insert_sale(struct mysql_link *link, const struct create_job *job)
{
    static const struct sql sql = {
        .head = "INSERT INTO sales (sale, name, currency, opens, closes, buyer_limit, listed, "
                "pay_window, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW_MS ")"};
    const struct sale_definition *sale = job->definition;
    const struct sql_value params[] = {
        sql_u64(job->sale.value),           sql_text(sale->name),
        sql_text(sale->currency),           sql_u64((uint64_t)sale->opens_ms),
        sql_u64((uint64_t)sale->closes_ms), sql_u64(sale->limit),
        sql_u64(sale->listed ? 1 : 0),      sql_u64(sale->pay_window_ms),
    };

    return mysql_link_execute(link, &sql, 0, params, sizeof params / sizeof params[0], NULL);
}

static enum err insert_sku(struct mysql_link *link, struct sale_id sale, uint32_t position,
                           const struct sale_sku *sku)
{
    static const struct sql insert = {
        .head = "INSERT INTO sale_skus (sale, sku, position, price, total) VALUES (?, ?, ?, ?, ?)"};
    static const struct sql ledger = {
        .head = "INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, created) "
                "VALUES (?, ?, ?, 'create', ?, 0, " SQL_NOW_MS ")"};
    const struct sql_value row[] = {sql_u64(sale.value), sql_sku(&sku->sku), sql_u64(position),
                                    sql_u64(sku->price), sql_u64(sku->total)};
    const struct sql_value change[] = {sql_u64(sale.value), sql_sku(&sku->sku), sql_u64(sku->total),
                                       sql_sku(&sku->sku)};
    enum err err = mysql_link_execute(link, &insert, 0, row, 5, NULL);

    return err == ERR_OK ? mysql_link_execute(link, &ledger, 0, change, 4, NULL) : err;
}

static enum err create_body(struct mysql_link *link, void *arg)
{
    struct create_job *job = arg;
    const struct sale_definition *definition = job->definition;
    enum err err = ERR_OK;

    job->sale = definition->sale;
    if (job->sale.value == 0) {
        err = next_number(link, &job->sale);
    }
    if (err == ERR_OK) {
        err = insert_sale(link, job);
    }
    if (err == ERR_CONFLICT && definition->sale.value == 0) {
        return ERR_BUSY; /* the number that we chose was taken meanwhile: choose again */
    }
    for (uint32_t i = 0; i < definition->sku_count && err == ERR_OK; i++) {
        err = insert_sku(link, job->sale, i, &definition->skus[i]);
    }
    return err == ERR_OK ? admin_log_put(link, job->actor, "create", job->sale, definition->name)
                         : err;
}

enum err sale_store_create(struct mysql_link *link, const struct sale_definition *definition,
                           const struct admin_actor *actor, struct sale_id *ret_sale)
{
    struct create_job job = {.definition = definition, .actor = actor};
    struct sale_definition checked = *definition;
    const char *why = NULL;
    enum err err = ERR_OK;

    /* What is not stored here must not refuse: the number may be MySQL's, times come at load. */
    checked.sale.value = definition->sale.value != 0 ? definition->sale.value : 1;
    checked.times = (struct sale_times){
        .deadline_ms = 1000, .lease_ms = 1000, .hold_ms = 1500, .guard_ms = 3000};
    err = sale_check(&checked, &why);
    if (err == ERR_OK) {
        err = mysql_link_transaction(link, create_body, &job);
    }
    if (err == ERR_OK) {
        *ret_sale = job.sale;
    }
    return err;
}

/* --- read --- */

struct read_job {
    struct sale_row *row;
    bool found;
};

/* Sale and sku columns repeat the sale in each row, so that one statement reads one state. */
#define SALE_COLUMNS                                                                               \
    "s.sale, s.name, s.currency, s.opens, s.closes, s.buyer_limit, s.listed, s.pay_window, "       \
    "s.control, s.epoch, s.version, s.created, k.sku, k.price, k.total, k.sold"

static enum err read_sale(struct sale_row *row, const struct sql_value *columns)
{
    struct sale_definition *sale = &row->definition;

    *row = (struct sale_row){.version = (uint32_t)sql_column_u64(&columns[10]),
                             .created_ms = (int64_t)sql_column_u64(&columns[11])};
    sale->sale.value = (uint32_t)sql_column_u64(&columns[0]);
    sql_column_text(&columns[1], sale->name, sizeof sale->name);
    sql_column_text(&columns[2], sale->currency, sizeof sale->currency);
    sale->opens_ms = (int64_t)sql_column_u64(&columns[3]);
    sale->closes_ms = (int64_t)sql_column_u64(&columns[4]);
    sale->limit = (uint32_t)sql_column_u64(&columns[5]);
    sale->listed = sql_column_u64(&columns[6]) != 0;
    sale->pay_window_ms = (uint32_t)sql_column_u64(&columns[7]);
    sale->epoch = (uint32_t)sql_column_u64(&columns[9]);
    return sale_control_read(&columns[8], &row->control);
}

static enum err on_sale(void *arg, const struct sql_value *columns)
{
    struct read_job *job = arg;
    struct sale_definition *sale = &job->row->definition;
    struct sale_sku *sku = NULL;
    enum err err = job->found ? ERR_OK : read_sale(job->row, columns);

    job->found = true;
    if (err != ERR_OK) {
        return err;
    }
    if (sale->sku_count == SALE_SKUS_MAX) {
        return ERR_PARSE;
    }
    sku = &sale->skus[sale->sku_count];
    sku->price = sql_column_u64(&columns[13]);
    sku->total = (uint32_t)sql_column_u64(&columns[14]);
    job->row->sold[sale->sku_count] = sql_column_u64(&columns[15]);
    sale->sku_count++;
    return sql_column_sku(&columns[12], &sku->sku);
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT " SALE_COLUMNS
                                           " FROM sales s JOIN sale_skus k ON k.sale = s.sale "
                                           "WHERE s.sale = ? ORDER BY k.position"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct read_job job = {.row = ret_row};
    enum err err = mysql_link_query(link, &sql, 0, params, 1, on_sale, &job);

    return err == ERR_OK && !job.found ? ERR_NOT_FOUND : err;
}

/* --- list --- */

#define DAY_MS UINT64_C(86400000)
#define KEEP_ALL_MS (UINT64_C(1) << 62) /* closes is below 2^63: their sum fits */

struct page {
    struct sale_id sales[LIST_PAGE];
    size_t count;
};

static enum err on_number(void *arg, const struct sql_value *columns)
{
    struct page *page = arg;

    page->sales[page->count++].value = (uint32_t)sql_column_u64(&columns[0]);
    return ERR_OK;
}

static enum err read_page(struct mysql_link *link, const struct sale_filter *filter,
                          struct sale_id after, uint32_t limit, struct page *ret_page)
{
    static const struct sql sql = {.head = "SELECT sale FROM sales WHERE sale > ? AND epoch >= ? "
                                           "AND closes + pay_window + ? > " SQL_NOW_MS
                                           " ORDER BY sale LIMIT ?"};
    const uint64_t keep_ms = filter->keep_days > 0 ? filter->keep_days * DAY_MS : KEEP_ALL_MS;
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(filter->loaded_only ? 1 : 0),
                                       sql_u64(keep_ms),
                                       sql_u64(limit < LIST_PAGE ? limit : LIST_PAGE)};

    ret_page->count = 0;
    return mysql_link_query(link, &sql, 0, params, 4, on_number, ret_page);
}

/* Each sale is read by a statement of its own: `each` may use the link, and a page stays small. */
enum err sale_store_list(struct mysql_link *link, const struct sale_filter *filter,
                         sale_row_fn *each, void *arg)
{
    struct sale_row *row = malloc(sizeof *row);
    struct sale_id after = filter->after;
    uint32_t left = filter->limit;
    struct page page = {.count = LIST_PAGE};
    enum err err = row != NULL ? ERR_OK : ERR_NO_MEMORY;

    while (err == ERR_OK && left > 0 && page.count > 0) {
        err = read_page(link, filter, after, left, &page);
        for (size_t i = 0; i < page.count && err == ERR_OK; i++) {
            after = page.sales[i];
            err = sale_store_read(link, after, row);
            if (err == ERR_OK) {
                err = each(arg, row);
            } else if ((err == ERR_PARSE || err == ERR_NOT_FOUND) && filter->unreadable != NULL) {
                err = filter->unreadable(arg, after);
            }
        }
        left -= (uint32_t)page.count;
    }
    free(row);
    return err;
}

/* --- lists and sums --- */

struct listed_job {
    sale_buyer_fn *each;
    void *arg;
    struct buyer last;
    size_t count;
};

static enum err on_listed(void *arg, const struct sql_value *columns)
{
    struct listed_job *job = arg;
    enum err err = sql_column_buyer(&columns[0], &job->last);

    job->count++;
    return err == ERR_OK ? job->each(job->arg, job->last.text, job->last.size) : err;
}

enum err sale_store_each_listed(struct mysql_link *link, struct sale_id sale, sale_buyer_fn *each,
                                sale_page_fn *page, void *arg)
{
    static const struct sql sql = {.head = "SELECT buyer FROM sale_listed WHERE sale = ? "
                                           "AND buyer > ? ORDER BY buyer LIMIT ?"};
    struct listed_job job = {.each = each, .arg = arg, .count = LISTED_PAGE};
    enum err err = ERR_OK;

    while (err == ERR_OK && job.count == LISTED_PAGE) {
        struct buyer after = job.last;
        const struct sql_value params[] = {sql_u64(sale.value), sql_buyer(&after),
                                           sql_u64(LISTED_PAGE)};
        job.count = 0;
        err = mysql_link_query(link, &sql, 0, params, 3, on_listed, &job);
        if (err == ERR_OK && page && job.count == LISTED_PAGE) {
            err = page(arg);
        }
    }
    return err;
}

struct sums_job {
    sale_ledger_fn *each;
    void *arg;
};

static enum err on_sum(void *arg, const struct sql_value *columns)
{
    const struct sums_job *job = arg;
    struct sku sku;
    enum err err = sql_column_sku(&columns[0], &sku);

    return err == ERR_OK ? job->each(job->arg, &sku, columns[1].i64) : err;
}

enum err sale_store_ledger_sums(struct mysql_link *link, struct sale_id sale, sale_ledger_fn *each,
                                void *arg)
{
    static const struct sql sql = {
        .head = "SELECT sku, CAST(SUM(delta) AS SIGNED) FROM stock_ledger WHERE sale = ? "
                "GROUP BY sku ORDER BY sku"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct sums_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 1, on_sum, &job);
}
