#include "ledger/order_due.h"

#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

static bool is_listed(const struct order_due *due, const struct order_due_group *group)
{
    for (size_t i = 0; i < due->group_count; i++) {
        if (due->groups[i].sale.value == group->sale.value
            && sku_equal(&due->groups[i].sku, &group->sku)) {
            return true;
        }
    }
    return false;
}

/* One beyond the bound is looked at when others are done. */
static void list(struct order_due *due, const struct order_due_group *group)
{
    if (due->group_count < ORDER_DUE_GROUPS_MAX && !is_listed(due, group)) {
        due->groups[due->group_count++] = *group;
    }
}

static enum err on_group(void *arg, const struct sql_value *columns)
{
    struct order_due *due = arg;
    struct order_due_group group = {.sale = {(uint32_t)sql_column_u64(&columns[0])},
                                    .orders = sql_column_u64(&columns[2])};
    const enum err err = sql_column_sku(&columns[1], &group.sku);

    due->orders += group.orders;
    if (err == ERR_OK) {
        list(due, &group);
    }
    return err;
}

#define GROUPS_HEAD                                                                                \
    "SELECT sale, sku, CAST(COUNT(*) AS UNSIGNED), MIN(pay_by) AS oldest FROM (SELECT sale, sku, " \
    "pay_by FROM orders WHERE state = 'PENDING' AND pay_by < ? "
#define GROUPS_TAIL "ORDER BY pay_by LIMIT ?) AS due GROUP BY sale, sku ORDER BY oldest"

/* Those that nothing holds before those of `due`. */
static enum err put_free_first(struct mysql_link *link, const char *notices_topic,
                               uint64_t before_ms, struct order_due *due)
{
    static const struct sql sql = {
        .head = GROUPS_HEAD
        "AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.order_no = orders.order_no AND "
        "payments.state = 'PARKED') AND order_no NOT IN (SELECT order_no FROM dead_letters WHERE "
        "topic = ? AND resolved IS NULL) AND sale NOT IN (SELECT sale FROM dead_letters WHERE "
        "topic = ? AND resolved IS NULL AND order_no = 0) " GROUPS_TAIL};
    const struct sql_value params[] = {sql_u64(before_ms), sql_text(notices_topic),
                                       sql_text(notices_topic), sql_u64(ORDER_DUE_COUNT_MAX)};
    const struct order_due oldest = *due;

    due->group_count = 0;
    const enum err err = mysql_link_query(link, &sql, 0, params, 4, on_group, due);
    due->orders = oldest.orders;
    for (size_t i = 0; i < oldest.group_count; i++) {
        list(due, &oldest.groups[i]);
    }
    return err;
}

enum err order_due_read(struct mysql_link *link, const char *notices_topic, uint32_t grace_ms,
                        struct order_due *ret_due)
{
    static const struct sql sql = {.head = GROUPS_HEAD GROUPS_TAIL};
    enum err err = db_clock_read(link, &ret_due->now_ms);

    ret_due->orders = 0;
    ret_due->group_count = 0;
    if (err != ERR_OK) {
        return err;
    }
    const int64_t before_ms = ret_due->now_ms - (int64_t)grace_ms;
    const struct sql_value params[] = {sql_u64(before_ms > 0 ? (uint64_t)before_ms : 0),
                                       sql_u64(ORDER_DUE_COUNT_MAX)};
    err = mysql_link_query(link, &sql, 0, params, 2, on_group, ret_due);
    if (err == ERR_OK && ret_due->orders >= ORDER_DUE_COUNT_MAX) {
        err = put_free_first(link, notices_topic, params[0].u64, ret_due);
    }
    return err;
}

enum err order_due_count(struct mysql_link *link, struct sale_id sale, uint32_t late_ms,
                         uint64_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM orders WHERE state = 'PENDING' AND "
                "pay_by < " SQL_NOW_MS " - ? AND sale = ?"};
    const struct sql_value params[] = {sql_u64(late_ms), sql_u64(sale.value)};

    return mysql_link_query(link, &sql, 0, params, 2, sql_read_u64, ret_count);
}

static enum err on_hold(void *arg, const struct sql_value *columns)
{
    struct order_due_holds *holds = arg;
    const struct sale_id sale = {(uint32_t)sql_column_u64(&columns[0])};

    if (sale.value == 0 || holds->count == ORDER_DUE_SALES_MAX) {
        holds->holds_all = true;
    } else {
        holds->sales[holds->count++] = sale;
    }
    return ERR_OK;
}

enum err order_due_holds(struct mysql_link *link, const char *topic,
                         struct order_due_holds *ret_holds)
{
    static const struct sql sql = {
        .head = "SELECT DISTINCT sale FROM dead_letters WHERE resolved IS NULL AND topic = ? AND "
                "order_no = 0 ORDER BY sale LIMIT ?"};
    const struct sql_value params[] = {sql_text(topic), sql_u64(ORDER_DUE_SALES_MAX + 1)};

    *ret_holds = (struct order_due_holds){.count = 0};
    return mysql_link_query(link, &sql, 0, params, 2, on_hold, ret_holds);
}
