#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "settlement/settle_plan.h"

static struct order_record record_of(uint32_t sale, uint32_t epoch, uint32_t seq)
{
    struct order_record record = {.version = 1,
                                  .sku = {1, "a"},
                                  .quantity = 1,
                                  .currency = "CNY",
                                  .won_at_ms = 100,
                                  .pay_by_ms = 200};

    cr_assert(order_no_make((struct sale_id){sale}, epoch, seq, &record.order_no) == ERR_OK);
    snprintf(record.buyer.text, sizeof record.buyer.text, "b%u", seq);
    record.buyer.size = (uint8_t)strlen(record.buyer.text);
    return record;
}

static struct settle_item item_of(uint64_t offset, const struct order_record *record)
{
    return (struct settle_item){.offset = offset, .record = record};
}

/* What MySQL would tell: sale 1 is there in epoch 3, with skus a and b. */
static void tell_facts(struct settle_plan *plan)
{
    for (size_t i = 0; i < plan->sale_count; i++) {
        if (plan->sales[i].sale.value == 1) {
            plan->sales[i] = (struct order_sale){.sale = {1},
                                                 .epoch = 3,
                                                 .pay_window_ms = 900,
                                                 .now_ms = 1000,
                                                 .sku_count = 2,
                                                 .skus = {{.sku = {1, "a"}}, {.sku = {1, "b"}}}};
        }
    }
}

static struct settle_plan *decide(const struct settle_item *items, size_t count,
                                  const struct order_content *existing)
{
    struct settle_plan *plan = settle_plan_create();

    cr_assert(plan != NULL);
    cr_assert(settle_plan_begin(plan, items, count) == count);
    tell_facts(plan);
    if (existing != NULL) {
        cr_assert(settle_plan_add_existing(plan, existing) == ERR_OK);
    }
    settle_plan_decide(plan, "orders", 2);
    return plan;
}

static struct order_content content_of(const struct order_record *record)
{
    return (struct order_content){.order_no = record->order_no,
                                  .buyer = record->buyer,
                                  .sku = record->sku,
                                  .quantity = record->quantity,
                                  .key_hash = record->key_hash};
}

Test(settle_plan, unreadable_and_unknown_are_dead_letters)
{
    struct order_record records[3] = {record_of(2, 1, 1), record_of(1, 3, 1), record_of(2, 1, 1)};
    struct settle_item items[4] = {item_of(0, NULL), item_of(1, &records[0]),
                                   item_of(2, &records[1]), item_of(3, &records[2])};
    struct settle_plan *plan = NULL;

    records[1].sku = (struct sku){1, "z"};
    plan = decide(items, 4, NULL);
    cr_assert(plan->step_count == 4 && plan->row_count == 0);
    for (size_t i = 0; i < 4; i++) {
        cr_assert(plan->steps[i].fate == SETTLE_FATE_DEAD);
    }
    cr_assert(plan->steps[0].dead == DEAD_REASON_UNREADABLE);
    cr_assert(plan->steps[1].dead == DEAD_REASON_UNKNOWN_SALE);
    cr_assert(plan->steps[2].dead == DEAD_REASON_UNKNOWN_SKU);
    cr_assert(plan->steps[3].dead == DEAD_REASON_UNKNOWN_SALE, "its copy is none the better");
    settle_plan_destroy(plan);
}

Test(settle_plan, any_other_content_under_a_number_is_a_clash)
{
    struct order_record first = record_of(1, 3, 1);
    struct order_record other[4] = {first, first, first, first};
    struct settle_plan *plan = NULL;

    other[0].buyer.text[0] = 'x';
    other[1].sku.text[0] = 'b';
    other[2].quantity = 2;
    snprintf(other[3].key_hash.hex, sizeof other[3].key_hash.hex, "%032d", 7);
    for (size_t i = 0; i < 4; i++) {
        struct settle_item items[2] = {item_of(0, &first), item_of(1, &other[i])};
        struct order_content existing = content_of(&first);
        plan = decide(items, 2, NULL);
        cr_assert(plan->steps[0].fate == SETTLE_FATE_ROW);
        cr_assert(plan->steps[1].dead == DEAD_REASON_CLASH, "in the batch");
        settle_plan_destroy(plan);
        plan = decide(items, 2, &existing);
        cr_assert(plan->steps[0].fate == SETTLE_FATE_DUPLICATE);
        cr_assert(plan->steps[1].fate == SETTLE_FATE_DEAD);
        cr_assert(plan->steps[1].dead == DEAD_REASON_CLASH, "with the row");
        settle_plan_destroy(plan);
    }
}

Test(settle_plan, what_a_copy_may_differ_in_is_no_clash)
{
    struct order_record first = record_of(1, 3, 1);
    struct order_record copy = first;
    struct settle_item items[2] = {item_of(4, &copy), item_of(9, &first)};
    struct settle_plan *plan = NULL;

    copy.pay_by_ms += 5;
    copy.traceparent.text[0] = '0';
    plan = decide(items, 2, NULL);
    cr_assert(plan->row_count == 1 && plan->rows[0]->offset == 4, "the earlier one is the row");
    cr_assert(plan->steps[1].fate == SETTLE_FATE_DUPLICATE && plan->units[0][0] == 1);
    settle_plan_destroy(plan);
}

Test(settle_plan, nothing_from_a_newer_epoch_on_is_in_the_plan)
{
    struct order_record records[4] = {record_of(1, 3, 1), record_of(1, 4, 1), record_of(1, 3, 2),
                                      record_of(1, 3, 1)};
    struct settle_item items[4];
    struct settle_plan *plan = NULL;

    for (size_t i = 0; i < 4; i++) {
        items[i] = item_of(i, &records[i]);
    }
    plan = decide(items, 4, NULL);
    cr_assert(plan->step_count == 1 && plan->row_count == 1 && plan->units[0][0] == 1);
    settle_plan_destroy(plan);
    plan = decide(items + 1, 3, NULL);
    cr_assert(plan->step_count == 0 && plan->row_count == 0 && plan->units[0][0] == 0);
    settle_plan_destroy(plan);
}

Test(settle_plan, an_older_epoch_is_voided_without_slot_and_units)
{
    struct order_record record = record_of(1, 2, 1);
    struct settle_item item = item_of(0, &record);
    struct settle_plan *plan = NULL;

    record.version = 2; /* of an older epoch all the same */
    plan = decide(&item, 1, NULL);
    cr_assert(plan->row_count == 1 && plan->rows[0]->state == ORDER_STATE_VOIDED);
    cr_assert(plan->rows[0]->reason == ORDER_REASON_EPOCH && !plan->rows[0]->has_slot);
    cr_assert(plan->units[0][0] == 0);
    settle_plan_destroy(plan);
}

Test(settle_plan, a_newer_version_is_quarantined_in_slot_and_units)
{
    struct order_record record = record_of(1, 3, 1);
    struct settle_item item = item_of(0, &record);
    struct settle_plan *plan = NULL;

    record.version = 2;
    plan = decide(&item, 1, NULL);
    cr_assert(plan->rows[0]->state == ORDER_STATE_QUARANTINED && plan->rows[0]->has_slot);
    cr_assert(plan->rows[0]->reason == ORDER_REASON_VERSION && plan->units[0][0] == 1);
    settle_plan_destroy(plan);
}

Test(settle_plan, rows_ascend_by_number_and_units_add_up_by_sku)
{
    struct order_record records[3] = {record_of(1, 3, 9), record_of(1, 3, 2), record_of(1, 3, 5)};
    struct settle_item items[3];
    struct settle_plan *plan = NULL;

    records[1].sku.text[0] = 'b';
    records[1].quantity = 4;
    records[2].quantity = 3;
    for (size_t i = 0; i < 3; i++) {
        items[i] = item_of(i, &records[i]);
    }
    plan = decide(items, 3, NULL);
    cr_assert(plan->row_count == 3);
    for (size_t i = 1; i < 3; i++) {
        cr_assert(plan->rows[i]->record.order_no.value > plan->rows[i - 1]->record.order_no.value);
    }
    cr_assert(plan->units[0][0] == 4 && plan->units[0][1] == 4);
    cr_assert(plan->rows[0]->record.pay_by_ms == 1900, "now and the whole window");
    cr_assert(plan->rows[0]->created_ms == 1000 && plan->rows[0]->part == 2);
    cr_assert(strcmp(plan->rows[0]->topic, "orders") == 0 && plan->rows[0]->version == 1);
    settle_plan_destroy(plan);
}

Test(settle_plan, pay_by_is_never_earlier_than_the_buyer_was_told)
{
    struct order_record record = record_of(1, 3, 1);
    struct settle_item item = item_of(0, &record);
    struct settle_plan *plan = NULL;

    record.pay_by_ms = 1901;
    plan = decide(&item, 1, NULL);
    cr_assert(plan->rows[0]->record.pay_by_ms == 1901);
    settle_plan_destroy(plan);
}

Test(settle_plan, a_batch_of_too_many_sales_is_cut)
{
    struct order_record records[SETTLE_SALES_MAX + 2];
    struct settle_item items[SETTLE_SALES_MAX + 2];
    struct settle_plan *plan = settle_plan_create();
    struct order_no order_nos[SETTLE_BATCH_MAX];

    for (uint32_t i = 0; i < SETTLE_SALES_MAX + 2; i++) {
        records[i] = record_of(SETTLE_SALES_MAX + 2 - i, 1, 1);
        items[i] = item_of(i, &records[i]);
    }
    cr_assert(settle_plan_begin(plan, items, SETTLE_SALES_MAX + 2) == SETTLE_SALES_MAX);
    for (size_t i = 1; i < plan->sale_count; i++) {
        cr_assert(plan->sales[i].sale.value > plan->sales[i - 1].sale.value);
    }
    cr_assert(settle_plan_order_nos(plan, order_nos) == SETTLE_SALES_MAX);
    settle_plan_destroy(plan);
}

Test(settle_plan, numbers_are_asked_for_once)
{
    struct order_record records[2] = {record_of(1, 3, 5), record_of(1, 3, 2)};
    struct settle_item items[3] = {item_of(0, &records[0]), item_of(1, &records[1]),
                                   item_of(2, &records[0])};
    struct settle_plan *plan = settle_plan_create();
    struct order_no order_nos[SETTLE_BATCH_MAX];

    (void)settle_plan_begin(plan, items, 3);
    cr_assert(settle_plan_order_nos(plan, order_nos) == 2);
    cr_assert(order_nos[0].value == records[1].order_no.value);
    settle_plan_destroy(plan);
    settle_plan_destroy(NULL);
}

Test(settle_plan, rows_that_are_there_must_come_in_order, .signal = SIGABRT)
{
    struct order_record records[2] = {record_of(1, 3, 5), record_of(1, 3, 2)};
    struct settle_plan *plan = settle_plan_create();
    struct order_content content = content_of(&records[0]);

    (void)settle_plan_add_existing(plan, &content);
    content = content_of(&records[1]);
    (void)settle_plan_add_existing(plan, &content);
}
