#include "ledger/sale_sold_out.h"

#include "common/assert.h"
#include "ledger/outbox_store.h"
#include "ledger/sql_text.h"

/* Whoever else takes a last unit of this sale waits here until we have committed: then its own look
 * sees ours. */
static enum err lock_in(struct mysql_link *link, struct sale_id sale)
{
    static const struct sql sql = {.head = "INSERT INTO sold_outs (sale, times) VALUES (?, 0) "
                                           "ON DUPLICATE KEY UPDATE times = times"};
    const struct sql_value params[] = {sql_u64(sale.value)};

    return mysql_link_execute(link, &sql, 0, params, 1, NULL);
}

struct units_job {
    uint64_t total, sold;
};

static enum err on_units(void *arg, const struct sql_value *columns)
{
    struct units_job *job = arg;

    job->total = sql_column_u64(&columns[0]);
    job->sold = sql_column_u64(&columns[1]);
    return ERR_OK;
}

static enum err tell_in(struct mysql_link *link, struct sale_id sale, uint64_t units)
{
    static const struct sql sql = {
        .head = "UPDATE sold_outs SET times = LAST_INSERT_ID(times + 1) WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct outbox_row event = {
        .sale = sale, .kind = OUTBOX_EVENT, .verb = "sale.sold_out", .units = units};
    const enum err err = mysql_link_execute(link, &sql, 0, params, 1, NULL);

    event.order_version = (uint32_t)mysql_link_last_id(link);
    return err == ERR_OK ? outbox_store_put_in(link, &event) : err;
}

enum err sale_sold_out_in(struct mysql_link *link, struct sale_id sale)
{
    static const struct sql sql = {
        .head = "SELECT CAST(SUM(total) AS UNSIGNED), CAST(SUM(sold) AS UNSIGNED) FROM sale_skus "
                "WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct units_job units = {0};

    ASSERT(mysql_link_in_transaction(link));
    enum err err = lock_in(link, sale);
    err = err == ERR_OK ? mysql_link_query(link, &sql, 0, params, 1, on_units, &units) : err;
    if (err != ERR_OK || units.sold < units.total) {
        return err;
    }
    return tell_in(link, sale, units.total);
}
