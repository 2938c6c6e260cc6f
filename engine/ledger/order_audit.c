#include "ledger/order_audit.h"

#include "ledger/sql_text.h"

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

enum err order_audit_findings(struct mysql_link *link, struct sale_id sale, uint32_t limit,
                              struct order_findings *ret_findings)
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
    const struct sql_value of_sale[] = {sql_u64(sale.value), sql_u64(limit)};
    const struct sql_value of_slots[] = {sql_u64(limit), sql_u64(sale.value)};
    struct order_findings findings = {0};
    enum err err = mysql_link_query(link, &over_limit, 0, of_sale, 2, sql_read_u64,
                                    &findings.buyers_over_limit);

    if (err == ERR_OK) {
        err = mysql_link_query(link, &keys, 0, of_sale, 1, sql_read_u64, &findings.repeated_keys);
    }
    if (err == ERR_OK) {
        err = mysql_link_query(link, &slots, 0, of_slots, 2, on_slots, &findings);
    }
    if (err == ERR_OK) {
        *ret_findings = findings;
    }
    return err;
}
