#include <criterion/criterion.h>
#include <string.h>

#include "ledger/offset_store.h"
#include "settlement/settle_plan.h"
#include "settlement/settle_write.h"
#include "support/fakes/fake_ledger.h"

enum { SALE = 7, EPOCH = 3 };

static const struct offset_claim claim = {.topic = "orders", .part = 1, .owner_epoch = 1};

struct bench {
    struct mysql_link *link;
    struct settle_plan *plan;
    struct order_record records[2];
    struct settle_item items[2];
    struct settle_stats stats;
};

/* A plan of `count` records, decided as if the rows that are there had not been seen. */
static void set_up(struct bench *bench, size_t count)
{
    *bench = (struct bench){.link = fake_ledger_create(), .plan = settle_plan_create()};
    fake_ledger_add_sale(bench->link, SALE, EPOCH, 10);
    for (uint32_t i = 0; i < 2; i++) {
        bench->records[i] = (struct order_record){.version = 1,
                                                  .sku = {1, "a"},
                                                  .quantity = 1,
                                                  .currency = "CNY",
                                                  .buyer = {1, "b"},
                                                  .slot = i};
        cr_assert(order_no_make((struct sale_id){SALE}, EPOCH, i + 1, &bench->records[i].order_no)
                  == ERR_OK);
        bench->items[i] = (struct settle_item){.offset = i, .record = &bench->records[i]};
    }
    cr_assert(settle_plan_begin(bench->plan, bench->items, count) == count);
    bench->plan->sales[0] = bench->link->data.sales[0];
    settle_plan_decide(bench->plan, claim.topic, claim.part);
    cr_assert(mysql_link_begin(bench->link) == ERR_OK);
}

static void tear_down(struct bench *bench)
{
    settle_plan_destroy(bench->plan);
    fake_ledger_destroy(bench->link);
}

static void put_row(struct bench *bench, const struct order_record *record)
{
    bench->link->data.orders[bench->link->data.order_count++] = (struct order_row){
        .record = *record, .has_slot = true, .state = ORDER_STATE_PENDING, .version = 1};
}

static enum err write_plan(struct bench *bench)
{
    return settle_write(bench->link, bench->plan, &claim, &bench->stats);
}

Test(settle_write, of_several_a_refused_one_refuses_all)
{
    struct bench bench;

    set_up(&bench, 2);
    put_row(&bench, &bench.records[1]);
    cr_assert(write_plan(&bench) == ERR_CONFLICT);
    tear_down(&bench);
    set_up(&bench, 2);
    bench.link->data.sales[0].skus[0].total = 1;
    cr_assert(write_plan(&bench) == ERR_CONFLICT, "the bound, too");
    tear_down(&bench);
}

Test(settle_write, a_value_that_no_column_takes_is_a_dead_letter)
{
    struct bench bench;

    set_up(&bench, 1);
    fake_ledger_fail(bench.link, FAKE_INSERT, ERR_RANGE, 1);
    cr_assert(write_plan(&bench) == ERR_OK && bench.stats.dead[DEAD_REASON_VALUE] == 1);
    cr_assert(bench.link->data.dead[0].reason == DEAD_REASON_VALUE);
    cr_assert(bench.link->data.order_count == 0 && bench.link->data.sales[0].skus[0].sold == 0);
    tear_down(&bench);
}

Test(settle_write, one_whose_row_is_there_by_now_is_a_duplicate_or_a_clash)
{
    struct bench bench;
    struct order_record other;

    set_up(&bench, 1);
    put_row(&bench, &bench.records[0]);
    cr_assert(write_plan(&bench) == ERR_OK && bench.stats.duplicates == 1);
    cr_assert(bench.link->data.sales[0].skus[0].sold == 0 && !bench.link->data.frozen[0]);
    tear_down(&bench);
    set_up(&bench, 1);
    other = bench.records[0];
    other.quantity = 2;
    put_row(&bench, &other);
    cr_assert(write_plan(&bench) == ERR_OK && bench.stats.dead[DEAD_REASON_CLASH] == 1);
    cr_assert(bench.stats.frozen == 1 && bench.link->data.frozen[0]);
    tear_down(&bench);
}

Test(settle_write, a_taken_slot_quarantines_without_it_and_freezes)
{
    struct bench bench;
    const struct order_row *row = NULL;

    set_up(&bench, 1);
    bench.records[1].slot = bench.records[0].slot;
    put_row(&bench, &bench.records[1]);
    cr_assert(write_plan(&bench) == ERR_OK && bench.stats.quarantined == 1);
    row = fake_ledger_find(bench.link, bench.records[0].order_no);
    cr_assert(row->state == ORDER_STATE_QUARANTINED && !row->has_slot);
    cr_assert(row->reason == ORDER_REASON_SLOT_CLASH && bench.link->data.frozen[0]);
    cr_assert(bench.link->data.sales[0].skus[0].sold == 1);
    tear_down(&bench);
}

Test(settle_write, who_was_in_the_way_and_is_gone_means_again)
{
    struct bench bench;

    set_up(&bench, 1);
    fake_ledger_fail(bench.link, FAKE_INSERT, ERR_CONFLICT, 1);
    cr_assert(write_plan(&bench) == ERR_BUSY);
    cr_assert(bench.link->data.dead_count == 0);
    tear_down(&bench);
}

Test(settle_write, stock_that_came_in_between_means_again)
{
    struct bench bench;

    set_up(&bench, 1);
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_NOT_FOUND, 1);
    cr_assert(write_plan(&bench) == ERR_BUSY, "it fits by now");
    tear_down(&bench);
}

Test(settle_write, want_of_stock_is_told_to_buyer_and_shop)
{
    struct bench bench;
    const struct order_row *row = NULL;

    set_up(&bench, 1);
    bench.link->data.sales[0].skus[0].total = 0;
    cr_assert(write_plan(&bench) == ERR_OK && bench.stats.voided_stock == 1);
    row = fake_ledger_find(bench.link, bench.records[0].order_no);
    cr_assert(row->state == ORDER_STATE_VOIDED && row->reason == ORDER_REASON_STOCK);
    cr_assert(!row->has_slot && bench.link->data.outbox_count == 2);
    cr_assert(bench.link->data.outbox[0].kind == OUTBOX_LETTER);
    cr_assert(bench.link->data.outbox[0].letter == 'V');
    cr_assert(bench.link->data.outbox[1].kind == OUTBOX_EVENT);
    cr_assert(strcmp(bench.link->data.outbox[1].verb, "order.voided") == 0);
    tear_down(&bench);
}

Test(settle_write, a_failure_below_is_handed_up)
{
    struct bench bench;

    set_up(&bench, 1);
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_LOST, 1);
    cr_assert(write_plan(&bench) == ERR_LOST);
    tear_down(&bench);
    set_up(&bench, 1);
    fake_ledger_fail(bench.link, FAKE_INSERT, ERR_RANGE, 1);
    fake_ledger_fail(bench.link, FAKE_BURY, ERR_UNAVAILABLE, 1);
    cr_assert(write_plan(&bench) == ERR_UNAVAILABLE);
    tear_down(&bench);
}
