/* The histories of tests/property/test_order_payments.c on a real server: fewer of them, and all of
 * the SQL. PAYMENT_SEED=N plays that one alone, PAYMENT_HISTORIES=N so many. */
#include <criterion/criterion.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/order_life.h"
#include "ledger/sql_text.h"
#include "support/payment_world.h"

enum { HISTORIES = 40 };

static const struct admin_actor actor = {.name = "ann", .request_id = "r"};

struct stage {
    struct mysql_link *link;
    struct settle *settle;
    struct sale_id sale;
    uint32_t epoch;
};

static struct order_no order_no_of(void *arg, uint32_t order)
{
    const struct stage *stage = arg;

    return fixture_order_no(stage->sale, stage->epoch, 1 + order);
}

static void settle(void *arg, uint32_t order, bool is_newer_version)
{
    struct stage *stage = arg;
    struct order_record record = fixture_record(stage->sale, stage->epoch, 1 + order);
    struct settle_stats stats;

    record.version = is_newer_version ? 2 : 1;
    record.slot = order;
    record.buyer = (struct buyer){3, "ann"};
    const struct settle_item item = fixture_item(settle_next(stage->settle), &record);
    cr_assert(settle_batch(stage->settle, &item, 1, &stats) == SETTLE_DONE && stats.taken == 1);
}

static void cut(void *arg)
{
    const struct stage *stage = arg;

    (void)fixture_load(stage->link, stage->sale);
}

struct closing {
    struct order_overdue overdue;
    uint32_t closed;
};

static enum err close_body(struct mysql_link *link, void *arg)
{
    struct closing *closing = arg;

    return order_life_close_overdue_in(link, &closing->overdue, &closing->closed);
}

static uint32_t close_overdue(void *arg)
{
    static const struct sql lapse = {
        .head = "UPDATE orders SET pay_by = 1 WHERE sale = ? AND state = 'PENDING'"};
    const struct stage *stage = arg;
    const struct sql_value of_sale[] = {sql_u64(stage->sale.value)};
    struct closing closing = {.overdue = {.sale = stage->sale,
                                          .sku = {1, "a"},
                                          .before_ms = INT64_MAX,
                                          .notices_topic = "notices",
                                          .max = WORLD_ORDERS}};

    cr_assert(mysql_link_execute(stage->link, &lapse, 0, of_sale, 1, NULL) == ERR_OK);
    cr_assert(mysql_link_transaction(stage->link, close_body, &closing) == ERR_OK, "%s",
              mysql_link_error_text(stage->link));
    return closing.closed;
}

static enum err refund(void *arg, uint32_t order, bool restock)
{
    const struct stage *stage = arg;
    struct order_changed changed;
    const enum err err =
        order_life_refund(stage->link, order_no_of(arg, order), restock, &actor, &changed);

    cr_assert(err == ERR_OK || err == ERR_CONFLICT || err == ERR_NOT_FOUND);
    return err;
}

static enum err decide(void *arg, uint32_t order, bool is_void)
{
    const struct stage *stage = arg;
    const struct order_no order_no = order_no_of(arg, order);
    struct order_changed changed;

    return is_void ? order_change_void(stage->link, order_no, &actor, &changed)
                   : order_change_redrive(stage->link, order_no, &actor, &changed);
}

static bool find(void *arg, uint32_t order, struct order_row *ret_row)
{
    const struct stage *stage = arg;
    const enum err err = order_store_find(stage->link, order_no_of(arg, order), ret_row);

    cr_assert(err == ERR_OK || err == ERR_NOT_FOUND);
    return err == ERR_OK;
}

static struct world_stock stock(void *arg)
{
    const struct stage *stage = arg;

    return (struct world_stock){
        .sold = fixture_sold(stage->link, stage->sale),
        .returned = VALUE(stage->link,
                          "SELECT CAST(COALESCE(SUM(delta), 0) AS UNSIGNED) FROM stock_ledger "
                          "WHERE sale = ? AND cause IN ('close', 'refund', 'void')",
                          stage->sale.value)};
}

static enum err on_told(void *arg, const struct sql_value *columns)
{
    struct world_told_list *list = arg;
    struct world_told *told = &list->told[list->count++];
    const struct order_no order_no = {sql_column_u64(&columns[0])};

    cr_assert(list->count <= WORLD_EVENTS_MAX);
    told->order = order_no_seq(order_no) - 1;
    told->version = (uint32_t)sql_column_u64(&columns[1]);
    sql_column_text(&columns[2], told->verb, sizeof told->verb);
    return ERR_OK;
}

static void told(void *arg, struct world_told_list *ret_list)
{
    static const struct sql sql = {
        .head = "SELECT order_no, order_version, verb FROM outbox WHERE sale = ? AND kind = "
                "'event' AND verb LIKE 'order.%' ORDER BY id"};
    const struct stage *stage = arg;
    const struct sql_value params[] = {sql_u64(stage->sale.value)};

    ret_list->count = 0;
    cr_assert(mysql_link_query(stage->link, &sql, 0, params, 1, on_told, ret_list) == ERR_OK);
}

Test(payment_histories, are_as_the_model_says, .timeout = 300)
{
    const struct world_seeds seeds = payment_world_seeds(HISTORIES);
    char database[65];
    struct stage stage = {.link = fixture_own(database)};
    const struct world_ops ops = {.arg = &stage,
                                  .link = stage.link,
                                  .order_no = order_no_of,
                                  .settle = settle,
                                  .cut = cut,
                                  .close_overdue = close_overdue,
                                  .refund = refund,
                                  .decide = decide,
                                  .find = find,
                                  .stock = stock,
                                  .told = told};

    stage.settle = fixture_settle(stage.link, 0);
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; seed++) {
        stage.sale = fixture_sale(stage.link, 10, WORLD_ORDERS);
        stage.epoch = fixture_load(stage.link, stage.sale);
        const char *broken = payment_world_play(&ops, seed);
        cr_assert(broken == NULL, "PAYMENT_SEED=%llu: %s", (unsigned long long)seed, broken);
    }
    settle_destroy(stage.settle);
    fixture_drop(stage.link, database);
}
