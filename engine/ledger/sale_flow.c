#include "ledger/sale_flow.h"

#include <string.h>

#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/order_store.h"
#include "ledger/sql_text.h"

enum { PAGE_ROWS = 50000, SALE_SHIFT = 40 };

/* What a page's groups add up to. */
struct reading {
    struct sale_flow *flow;
    uint64_t rows; /* of this page */
    uint64_t last; /* key of its last row */
};

static uint64_t add_capped(uint64_t sum, uint64_t more)
{
    return sum > INT64_MAX - more ? INT64_MAX : sum + more;
}

static enum err on_states(void *arg, const struct sql_value *columns)
{
    struct reading *reading = arg;
    const uint64_t last = sql_column_u64(&columns[4]);
    enum order_state state;
    const enum err err = order_state_read(&columns[0], &state);

    if (err != ERR_OK) {
        return err;
    }
    struct sale_flow_state *sums = &reading->flow->states[state];
    sums->orders += sql_column_u64(&columns[1]);
    sums->units += sql_column_u64(&columns[2]);
    sums->amount = add_capped(sums->amount, sql_column_u64(&columns[3]));
    reading->rows += sql_column_u64(&columns[1]);
    reading->last = last > reading->last ? last : reading->last;
    return ERR_OK;
}

static enum err read_orders(struct mysql_link *link, struct sale_id sale, struct sale_flow *flow)
{
    static const struct sql sql = {
        .head = "SELECT state, CAST(COUNT(*) AS UNSIGNED), CAST(SUM(quantity) AS UNSIGNED), "
                "CAST(LEAST(SUM(CAST(unit_price AS DECIMAL(20)) * quantity), 9223372036854775807) "
                "AS UNSIGNED), CAST(MAX(order_no) AS UNSIGNED) FROM (SELECT order_no, state, "
                "quantity, unit_price FROM orders WHERE order_no > ? AND order_no < ? "
                "ORDER BY order_no LIMIT ?) AS page GROUP BY state"};
    const uint64_t first = (uint64_t)sale.value << SALE_SHIFT;
    struct reading reading = {.flow = flow, .rows = PAGE_ROWS, .last = first};
    enum err err = ERR_OK;

    while (err == ERR_OK && reading.rows == PAGE_ROWS) {
        const struct sql_value params[] = {sql_u64(reading.last),
                                           sql_u64(first + (UINT64_C(1) << SALE_SHIFT)),
                                           sql_u64(PAGE_ROWS)};
        reading.rows = 0;
        err = mysql_link_query(link, &sql, 0, params, 3, on_states, &reading);
    }
    return err;
}

static enum err on_causes(void *arg, const struct sql_value *columns)
{
    static const char *const names[] = {
#define X(name, text) text,
        LEDGER_CAUSES(X)
#undef X
    };
    struct reading *reading = arg;
    const uint64_t last = sql_column_u64(&columns[3]);
    const int cause = sql_column_name(&columns[0], names, LEDGER_CAUSE_COUNT);

    if (cause < 0) {
        return ERR_PARSE;
    }
    reading->flow->ledger[cause] += sql_column_u64(&columns[2]);
    reading->rows += sql_column_u64(&columns[1]);
    reading->last = last > reading->last ? last : reading->last;
    return ERR_OK;
}

/* The key of (sale, sku) leads through the lines of one sku in order of id. */
static enum err read_ledger(struct mysql_link *link, struct sale_id sale, const struct sku *sku,
                            struct sale_flow *flow)
{
    static const struct sql sql = {
        .head = "SELECT cause, CAST(COUNT(*) AS UNSIGNED), CAST(SUM(delta) AS UNSIGNED), "
                "CAST(MAX(id) AS UNSIGNED) FROM (SELECT id, cause, delta FROM stock_ledger "
                "WHERE sale = ? AND sku = ? AND id > ? ORDER BY id LIMIT ?) AS page "
                "GROUP BY cause"};
    struct reading reading = {.flow = flow, .rows = PAGE_ROWS};
    enum err err = ERR_OK;

    while (err == ERR_OK && reading.rows == PAGE_ROWS) {
        const struct sql_value params[] = {sql_u64(sale.value), sql_sku(sku), sql_u64(reading.last),
                                           sql_u64(PAGE_ROWS)};
        reading.rows = 0;
        err = mysql_link_query(link, &sql, 0, params, 4, on_causes, &reading);
    }
    return err;
}

static enum err read_all(struct mysql_link *link, struct sale_id sale, struct sale_flow *flow)
{
    enum err err = sale_store_read(link, sale, &flow->row);

    err = err == ERR_OK ? db_clock_read(link, &flow->now_ms) : err;
    err = err == ERR_OK ? read_orders(link, sale, flow) : err;
    for (uint32_t i = 0; i < flow->row.definition.sku_count && err == ERR_OK; i++) {
        err = read_ledger(link, sale, &flow->row.definition.skus[i].sku, flow);
    }
    return err;
}

enum err sale_flow_read(struct mysql_link *link, struct sale_id sale, struct sale_flow *ret_flow)
{
    enum err err = mysql_link_ensure(link);

    memset(ret_flow, 0, sizeof *ret_flow);
    err = err == ERR_OK ? mysql_link_begin_snapshot(link) : err;
    if (err == ERR_OK) {
        err = read_all(link, sale, ret_flow);
        mysql_link_rollback(link);
    }
    return err;
}
