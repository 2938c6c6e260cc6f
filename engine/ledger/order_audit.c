#include "ledger/order_audit.h"

#include <string.h>

#include "common/hash.h"
#include "ledger/sql_text.h"

enum {
    SALE_SHIFT = 40, /* of an order number: as the CHECK orders_id has it */
    PAGE_ROWS = 5000,
    PAYMENT_STATE_SIZE = 16
};

struct sums_job {
    order_sum_fn *each;
    void *arg;
};

static enum err on_sum(void *arg, const struct sql_value *columns)
{
    const struct sums_job *job = arg;
    struct order_sum sum = {.orders = sql_column_u64(&columns[3]),
                            .units = sql_column_u64(&columns[4])};
    enum err err = sql_column_sku(&columns[0], &sum.sku);

    if (err == ERR_OK) {
        err = order_state_read(&columns[1], &sum.state);
    }
    if (err == ERR_OK) {
        err = order_reason_read(&columns[2], &sum.reason);
    }
    return err == ERR_OK ? job->each(job->arg, &sum) : err;
}

enum err order_audit_sums(struct mysql_link *link, struct sale_id sale, order_sum_fn *each,
                          void *arg)
{
    static const struct sql sql = {.head =
                                       "SELECT sku, state, reason, CAST(COUNT(*) AS UNSIGNED), "
                                       "CAST(SUM(quantity) AS UNSIGNED) FROM orders WHERE sale = ? "
                                       "GROUP BY sku, state, reason ORDER BY sku, state, reason"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct sums_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 1, on_sum, &job);
}

enum err order_audit_epochs_differ(struct mysql_link *link, struct sale_id sale,
                                   uint64_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM sale_skus k JOIN sales s ON "
                "s.sale = k.sale WHERE s.sale = ? AND k.epoch <> s.epoch"};
    const struct sql_value params[] = {sql_u64(sale.value)};

    return mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, ret_count);
}

/* --- the ledger --- */

struct lines_job {
    const struct sku *sku;
    ledger_line_fn *each;
    void *arg;
    uint64_t count, last;
};

static enum err on_line(void *arg, const struct sql_value *columns)
{
    static const char *const causes[] = {
#define X(name, text) text,
        LEDGER_CAUSES(X)
#undef X
    };
    struct lines_job *job = arg;
    const int cause = sql_column_name(&columns[2], causes, LEDGER_CAUSE_COUNT);
    struct ledger_line line = {.id = sql_column_u64(&columns[0]),
                               .sku = *job->sku,
                               .delta = columns[1].i64,
                               .epoch = (uint32_t)sql_column_u64(&columns[4])};

    if (cause < 0) {
        return ERR_PARSE;
    }
    line.cause = (enum ledger_cause)cause;
    if (!ledger_cause_is_supply(line.cause)
        && order_no_parse(columns[3].bytes, columns[3].size, &line.order_no) != ERR_OK) {
        line.order_no.value = 0;
    }
    job->count++;
    job->last = line.id;
    return job->each(job->arg, &line);
}

/* The key of (sale, sku) leads through the lines of one sku in order of id. */
enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                            ledger_line_fn *each, void *arg)
{
    static const struct sql sql = {.head = "SELECT id, delta, cause, ref, epoch FROM stock_ledger "
                                           "WHERE sale = ? AND sku = ? AND id > ? "
                                           "ORDER BY id LIMIT ?"};
    struct lines_job job = {.sku = sku, .each = each, .arg = arg, .count = PAGE_ROWS};
    enum err err = ERR_OK;

    while (err == ERR_OK && job.count == PAGE_ROWS) {
        const struct sql_value params[] = {sql_u64(sale.value), sql_sku(sku), sql_u64(job.last),
                                           sql_u64(PAGE_ROWS)};
        job.count = 0;
        err = mysql_link_query(link, &sql, 0, params, 4, on_line, &job);
    }
    return err;
}

enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale, uint64_t *ret_id)
{
    static const struct sql sql = {.head = "SELECT CAST(COALESCE(MAX(id), 0) AS UNSIGNED) FROM "
                                           "stock_ledger WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};

    return mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, ret_id);
}

/* --- payments --- */

uint64_t payment_audit_event(const char *provider, const char *event_id)
{
    return hash64(event_id, strlen(event_id), hash64(provider, strlen(provider), 1));
}

uint64_t payment_audit_transaction(const char *provider, const char *transaction_id,
                                   enum notice_kind kind)
{
    const size_t size = strlen(transaction_id);
    const uint64_t hash =
        hash64(transaction_id, size, hash64(provider, strlen(provider), 2 + (uint64_t)kind));

    return size == 0 ? 0 : hash;
}

/* Where the next page goes on: the columns of the key payments_order, and the id behind them. */
struct payments_job {
    payment_audit_fn *each;
    void *arg;
    uint64_t count, last_order, last_id;
    char last_state[PAYMENT_STATE_SIZE];
};

static enum err on_payment(void *arg, const struct sql_value *columns)
{
    struct payments_job *job = arg;
    char provider[NOTICE_PROVIDER_SIZE_MAX + 1], id[NOTICE_ID_SIZE_MAX + 1];
    struct payment_audit payment = {
        .order_no = {sql_column_u64(&columns[0])},
        .is_right = sql_column_u64(&columns[8]) != 0,
        .has_row = sql_column_u64(&columns[9]) != 0,
        .may_wait = sql_column_u64(&columns[10]) != 0,
        .is_old = sql_column_u64(&columns[11]) != 0,
        .part = (uint32_t)sql_column_u64(&columns[6]),
        .offset = sql_column_u64(&columns[7]),
    };

    job->count++;
    job->last_order = payment.order_no.value;
    job->last_id = sql_column_u64(&columns[12]);
    sql_column_text(&columns[1], job->last_state, sizeof job->last_state);
    payment.is_applied = strcmp(job->last_state, "APPLIED") == 0;
    payment.is_parked = strcmp(job->last_state, "PARKED") == 0;
    sql_column_text(&columns[3], provider, sizeof provider);
    sql_column_text(&columns[4], id, sizeof id);
    payment.event = payment_audit_event(provider, id);
    sql_column_text(&columns[5], id, sizeof id);
    if (notice_kind_parse(columns[2].bytes, columns[2].size, &payment.kind) != ERR_OK) {
        return ERR_PARSE;
    }
    payment.transaction = payment_audit_transaction(provider, id, payment.kind);
    return job->each(job->arg, &payment);
}

enum err order_audit_payments(struct mysql_link *link, struct sale_id sale, uint32_t old_ms,
                              payment_audit_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT p.order_no, p.state, p.kind, p.provider, p.event_id, p.transaction_id, "
                "p.part, p.log_offset, CAST(COALESCE(p.amount = CAST(o.unit_price AS DECIMAL(20)) "
                "* o.quantity AND p.currency = o.currency, 0) AS UNSIGNED), "
                "CAST(o.order_no IS NOT NULL AS UNSIGNED), CAST(COALESCE(o.state = 'QUARANTINED', "
                "0) AS UNSIGNED), CAST(p.created + ? < " SQL_NOW_MS " AS UNSIGNED), p.id "
                "FROM payments p LEFT JOIN orders o ON o.order_no = p.order_no "
                "WHERE p.order_no >= ? AND p.order_no < ? AND (p.order_no > ? OR p.state > ? OR "
                "(p.state = ? AND p.id > ?)) ORDER BY p.order_no, p.state, p.id LIMIT ?"};
    const uint64_t first = (uint64_t)sale.value << SALE_SHIFT;
    struct payments_job job = {.each = each, .arg = arg, .count = PAGE_ROWS, .last_order = first};
    enum err err = ERR_OK;

    while (err == ERR_OK && job.count == PAGE_ROWS) {
        char state[PAYMENT_STATE_SIZE];
        memcpy(state, job.last_state, sizeof state);
        const struct sql_value params[] = {sql_u64(old_ms),
                                           sql_u64(job.last_order),
                                           sql_u64(first + (UINT64_C(1) << SALE_SHIFT)),
                                           sql_u64(job.last_order),
                                           sql_text(state),
                                           sql_text(state),
                                           sql_u64(job.last_id),
                                           sql_u64(PAGE_ROWS)};
        job.count = 0;
        err = mysql_link_query(link, &sql, 0, params, 8, on_payment, &job);
    }
    return err;
}

/* --- dead letters --- */

struct dead_job {
    struct sale_id sale;
    dead_place_fn *each;
    void *arg;
};

static enum err on_dead(void *arg, const struct sql_value *columns)
{
    const struct dead_job *job = arg;
    const struct dead_place place = {
        .part = (uint32_t)sql_column_u64(&columns[0]),
        .offset = sql_column_u64(&columns[1]),
        .order_no = {sql_column_u64(&columns[2])},
        .of_sale = sql_column_u64(&columns[3]) == job->sale.value,
        .is_open = sql_column_u64(&columns[4]) != 0,
    };

    return job->each(job->arg, &place);
}

enum err order_audit_dead(struct mysql_link *link, const char *topic, struct sale_id sale,
                          dead_place_fn *each, void *arg)
{
    static const struct sql sql = {
        .head = "SELECT part, log_offset, CAST(MAX(order_no) AS UNSIGNED), CAST(MAX(sale) AS "
                "UNSIGNED), CAST(MAX(resolved IS NULL) AS UNSIGNED) FROM dead_letters WHERE topic "
                "= ? AND sale IN (?, 0) GROUP BY part, log_offset"};
    const struct sql_value params[] = {sql_text(topic), sql_u64(sale.value)};
    struct dead_job job = {.sale = sale, .each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 2, on_dead, &job);
}
