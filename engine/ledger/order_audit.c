#include "ledger/order_audit.h"

#include "ledger/sql_text.h"

enum { SALE_SHIFT = 40 }; /* of an order number: as the CHECK orders_id has it */

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

static enum err on_slots(void *arg, const struct sql_value *columns)
{
    struct order_findings *findings = arg;

    findings->slots_out_of_range = sql_column_u64(&columns[0]);
    findings->live_without_slot = sql_column_u64(&columns[1]);
    return ERR_OK;
}

static enum err find_orders(struct mysql_link *link, struct sale_id sale, uint32_t limit,
                            struct order_findings *findings)
{
    static const struct sql over_limit = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM (SELECT buyer FROM orders WHERE sale = ? "
                "AND state IN ('PENDING', 'PAID', 'QUARANTINED') GROUP BY buyer "
                "HAVING SUM(quantity) > ?) AS b"};
    /* One of a cut history was told to nobody: its key may have won again. */
    static const struct sql keys = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM (SELECT buyer FROM orders WHERE sale = ? "
                "AND key_hash <> '' AND reason <> 'epoch' GROUP BY buyer, key_hash "
                "HAVING COUNT(*) > 1) AS k"};
    static const struct sql slots = {
        .head = "SELECT CAST(COALESCE(SUM(slot >= ?), 0) AS UNSIGNED), CAST(COALESCE(SUM(slot IS "
                "NULL AND state IN ('PENDING', 'PAID', 'QUARANTINED')), 0) AS UNSIGNED) "
                "FROM orders WHERE sale = ?"};
    static const struct sql epochs = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM sale_skus k JOIN sales s ON "
                "s.sale = k.sale WHERE s.sale = ? AND k.epoch <> s.epoch"};
    const struct sql_value of_sale[] = {sql_u64(sale.value), sql_u64(limit)};
    const struct sql_value of_slots[] = {sql_u64(limit), sql_u64(sale.value)};
    enum err err = mysql_link_query(link, &over_limit, 0, of_sale, 2, sql_read_u64,
                                    &findings->buyers_over_limit);

    if (err == ERR_OK) {
        err = mysql_link_query(link, &keys, 0, of_sale, 1, sql_read_u64, &findings->repeated_keys);
    }
    if (err == ERR_OK) {
        err = mysql_link_query(link, &slots, 0, of_slots, 2, on_slots, findings);
    }
    return err == ERR_OK ? mysql_link_query(link, &epochs, 0, of_sale, 1, sql_read_u64,
                                            &findings->epochs_differ)
                         : err;
}

/* Two counts in one row. */
static enum err on_pair(void *arg, const struct sql_value *columns)
{
    uint64_t *const *pair = arg;

    *pair[0] = sql_column_u64(&columns[0]);
    *pair[1] = sql_column_u64(&columns[1]);
    return ERR_OK;
}

/* A return is the order's own: its units, and the state that gave them back. */
static enum err find_returns(struct mysql_link *link, struct sale_id sale,
                             struct order_findings *findings)
{
    static const struct sql wrong = {
        .head =
            "SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(SUM(o.order_no IS NULL OR o.sku <> "
            "l.sku OR o.quantity <> l.delta OR NOT ((l.cause = 'close' AND o.state = 'CLOSED') OR "
            "(l.cause = 'refund' AND o.state = 'REFUNDED') OR (l.cause = 'void' AND o.state = "
            "'VOIDED' AND o.reason = 'operator'))), 0) AS UNSIGNED) FROM stock_ledger l LEFT JOIN "
            "orders o ON o.order_no = CAST(l.ref AS UNSIGNED) AND o.sale = l.sale WHERE l.sale = ? "
            "AND l.cause IN ('close', 'refund', 'void')"};
    static const struct sql twice = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM (SELECT ref FROM stock_ledger WHERE "
                "sale = ? AND cause IN ('close', 'refund', 'void') GROUP BY ref HAVING COUNT(*) > "
                "1) AS r"};
    static const struct sql never = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM orders o LEFT JOIN stock_ledger l ON "
                "l.sale = o.sale AND l.cause = IF(o.state = 'CLOSED', 'close', 'void') AND l.ref = "
                "CONVERT(CAST(o.order_no AS CHAR) USING ascii) COLLATE ascii_bin WHERE o.sale = ? "
                "AND (o.state = 'CLOSED' OR (o.state = 'VOIDED' AND o.reason = 'operator')) AND "
                "l.id IS NULL"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    uint64_t *pair[] = {&findings->returns, &findings->returns_wrong};
    enum err err = mysql_link_query(link, &wrong, 0, params, 1, on_pair, pair);

    if (err == ERR_OK) {
        err = mysql_link_query(link, &twice, 0, params, 1, sql_read_u64, &findings->returned_twice);
    }
    return err == ERR_OK ? mysql_link_query(link, &never, 0, params, 1, sql_read_u64,
                                            &findings->never_returned)
                         : err;
}

/* Payments name an order, and an order number begins with its sale. */
static enum err find_payments(struct mysql_link *link, struct sale_id sale,
                              struct order_findings *findings)
{
    static const struct sql wrong = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(SUM(o.order_no IS NULL OR "
                "(p.kind = 'cancel' AND o.state <> 'CLOSED') OR (p.kind = 'paid' AND (o.state NOT "
                "IN ('PAID', 'REFUNDED') OR p.amount IS NULL OR p.amount <> o.quantity * "
                "o.unit_price OR p.currency <> o.currency))), 0) AS UNSIGNED) FROM payments p LEFT "
                "JOIN orders o ON o.order_no = p.order_no WHERE p.order_no >= ? AND p.order_no < ? "
                "AND p.state = 'APPLIED' AND p.kind IN ('paid', 'cancel')"};
    static const struct sql unpaid = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM orders o WHERE o.sale = ? AND o.state IN "
                "('PAID', 'REFUNDED') AND (SELECT COUNT(*) FROM payments p WHERE p.order_no = "
                "o.order_no AND p.state = 'APPLIED' AND p.kind = 'paid') <> 1"};
    const struct sql_value range[] = {sql_u64((uint64_t)sale.value << SALE_SHIFT),
                                      sql_u64(((uint64_t)sale.value + 1) << SALE_SHIFT)};
    const struct sql_value params[] = {sql_u64(sale.value)};
    uint64_t *pair[] = {&findings->payments, &findings->payments_wrong};
    enum err err = mysql_link_query(link, &wrong, 0, range, 2, on_pair, pair);

    return err == ERR_OK
               ? mysql_link_query(link, &unpaid, 0, params, 1, sql_read_u64, &findings->paid_wrong)
               : err;
}

enum err order_audit_findings(struct mysql_link *link, struct sale_id sale, uint32_t limit,
                              struct order_findings *ret_findings)
{
    struct order_findings findings = {0};
    enum err err = find_orders(link, sale, limit, &findings);

    err = err == ERR_OK ? find_returns(link, sale, &findings) : err;
    err = err == ERR_OK ? find_payments(link, sale, &findings) : err;
    if (err == ERR_OK) {
        *ret_findings = findings;
    }
    return err;
}

/* --- the ledger --- */

struct lines_job {
    ledger_line_fn *each;
    void *arg;
};

static enum err on_line(void *arg, const struct sql_value *columns)
{
    const struct lines_job *job = arg;
    struct ledger_line line = {.id = sql_column_u64(&columns[0]),
                               .delta = columns[2].i64,
                               .is_supply = sql_column_u64(&columns[3]) != 0,
                               .epoch = (uint32_t)sql_column_u64(&columns[4])};
    const enum err err = sql_column_sku(&columns[1], &line.sku);

    return err == ERR_OK ? job->each(job->arg, &line) : err;
}

enum err order_audit_ledger(struct mysql_link *link, struct sale_id sale, ledger_line_fn *each,
                            void *arg)
{
    static const struct sql sql = {
        .head = "SELECT id, sku, delta, CAST(cause IN ('create', 'add') AS UNSIGNED), "
                "epoch FROM stock_ledger WHERE sale = ? ORDER BY id"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct lines_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 1, on_line, &job);
}

enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale, uint64_t *ret_id)
{
    static const struct sql sql = {.head = "SELECT CAST(COALESCE(MAX(id), 0) AS UNSIGNED) FROM "
                                           "stock_ledger WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};

    return mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, ret_id);
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
        .head = "SELECT part, log_offset, order_no, sale, CAST(resolved IS NULL AS UNSIGNED) "
                "FROM dead_letters WHERE topic = ? AND sale IN (?, 0)"};
    const struct sql_value params[] = {sql_text(topic), sql_u64(sale.value)};
    struct dead_job job = {.sale = sale, .each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 2, on_dead, &job);
}
