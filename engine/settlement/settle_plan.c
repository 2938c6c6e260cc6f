#include "settlement/settle_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"

struct settle_plan *settle_plan_create(void)
{
    struct settle_plan *plan = calloc(1, sizeof *plan);

    if (plan == NULL) {
        return NULL;
    }
    plan->steps = calloc(SETTLE_BATCH_MAX, sizeof *plan->steps);
    plan->numbers = calloc(SETTLE_BATCH_MAX, sizeof *plan->numbers);
    plan->existing = calloc(SETTLE_BATCH_MAX, sizeof *plan->existing);
    plan->rows = calloc(SETTLE_BATCH_MAX, sizeof *plan->rows);
    if (plan->steps == NULL || plan->numbers == NULL || plan->existing == NULL
        || plan->rows == NULL) {
        settle_plan_destroy(plan);
        return NULL;
    }
    return plan;
}

void settle_plan_destroy(struct settle_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    free(plan->steps);
    free(plan->numbers);
    free(plan->existing);
    free(plan->rows);
    free(plan);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct settle_number *left = a;
    const struct settle_number *right = b;

    if (left->order_no.value != right->order_no.value) {
        return left->order_no.value < right->order_no.value ? -1 : 1;
    }
    return left->step < right->step ? -1 : left->step > right->step;
}

static size_t find_sale(const struct settle_plan *plan, struct sale_id sale)
{
    size_t i = 0;

    while (i < plan->sale_count && plan->sales[i].sale.value < sale.value) {
        i++;
    }
    return i;
}

/* False: there is no room for one more. */
static bool add_sale(struct settle_plan *plan, struct sale_id sale)
{
    size_t i = find_sale(plan, sale);

    if (i < plan->sale_count && plan->sales[i].sale.value == sale.value) {
        return true;
    }
    if (plan->sale_count == SETTLE_SALES_MAX) {
        return false;
    }
    memmove(&plan->sales[i + 1], &plan->sales[i], (plan->sale_count - i) * sizeof plan->sales[0]);
    plan->sales[i] = (struct order_sale){.sale = sale};
    plan->sale_count++;
    return true;
}

size_t settle_plan_begin(struct settle_plan *plan, const struct settle_item *items, size_t count)
{
    ASSERT(count > 0 && count <= SETTLE_BATCH_MAX);
    plan->step_count = 0;
    plan->number_count = 0;
    plan->existing_count = 0;
    plan->row_count = 0;
    plan->sale_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct order_record *record = items[i].record;
        if (record != NULL && !add_sale(plan, order_no_sale(record->order_no))) {
            break;
        }
        if (record != NULL) {
            plan->numbers[plan->number_count++] =
                (struct settle_number){.order_no = record->order_no, .step = (uint32_t)i};
        }
        plan->steps[i].item = &items[i];
        plan->step_count++;
    }
    qsort(plan->numbers, plan->number_count, sizeof plan->numbers[0], compare_numbers);
    return plan->step_count;
}

size_t settle_plan_order_nos(const struct settle_plan *plan,
                             struct order_no ret_order_nos[static SETTLE_BATCH_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < plan->number_count; i++) {
        if (count == 0 || ret_order_nos[count - 1].value != plan->numbers[i].order_no.value) {
            ret_order_nos[count++] = plan->numbers[i].order_no;
        }
    }
    return count;
}

enum err settle_plan_add_existing(void *arg, const struct order_content *content)
{
    struct settle_plan *plan = arg;

    ASSERT(plan->existing_count < SETTLE_BATCH_MAX);
    ASSERT(plan->existing_count == 0
           || plan->existing[plan->existing_count - 1].order_no.value < content->order_no.value);
    plan->existing[plan->existing_count++] = *content;
    return ERR_OK;
}

bool settle_plan_is_same(const struct order_record *record, const struct order_content *content)
{
    return record->order_no.value == content->order_no.value
           && buyer_equal(&record->buyer, &content->buyer) && sku_equal(&record->sku, &content->sku)
           && record->quantity == content->quantity
           && strcmp(record->key_hash.hex, content->key_hash.hex) == 0;
}

static void die(struct settle_step *step, enum dead_reason reason)
{
    step->fate = SETTLE_FATE_DEAD;
    step->dead = reason;
}

static bool find_sku(const struct order_sale *sale, const struct sku *sku, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < sale->sku_count; i++) {
        if (sku_equal(&sale->skus[i].sku, sku)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static void fill_row(struct settle_step *step, const struct order_sale *sale, const char *topic,
                     uint32_t part)
{
    const struct order_record *record = step->item->record;
    struct order_row *row = &step->row;
    int64_t latest = sale->now_ms + (int64_t)sale->pay_window_ms;

    *row = (struct order_row){.record = *record,
                              .has_slot = true,
                              .state = ORDER_STATE_PENDING,
                              .reason = ORDER_REASON_NONE,
                              .version = 1,
                              .created_ms = sale->now_ms,
                              .changed_ms = sale->now_ms,
                              .part = part,
                              .offset = step->item->offset};
    snprintf(row->topic, sizeof row->topic, "%s", topic);
    /* Never earlier than the buyer was told; a late settling gives the whole window again (I20). */
    row->record.pay_by_ms = record->pay_by_ms > latest ? record->pay_by_ms : latest;
    if (order_no_epoch(record->order_no) < sale->epoch) {
        row->state = ORDER_STATE_VOIDED;
        row->reason = ORDER_REASON_EPOCH;
        row->has_slot = false;
    } else if (record->version > 1) {
        row->state = ORDER_STATE_QUARANTINED;
        row->reason = ORDER_REASON_VERSION;
    }
}

/* A number that has no row yet, and no earlier record in the batch. */
static void decide_new(struct settle_plan *plan, struct settle_step *step, const char *topic,
                       uint32_t part)
{
    const struct order_record *record = step->item->record;
    size_t i = find_sale(plan, order_no_sale(record->order_no));
    const struct order_sale *sale = &plan->sales[i];

    step->sale_index = (uint32_t)i;
    if (sale->sku_count == 0) {
        die(step, DEAD_REASON_UNKNOWN_SALE);
    } else if (!find_sku(sale, &record->sku, &step->sku_index)) {
        die(step, DEAD_REASON_UNKNOWN_SKU);
    } else if (order_no_epoch(record->order_no) > sale->epoch) {
        step->fate = SETTLE_FATE_NEWER;
    } else {
        step->fate = SETTLE_FATE_ROW;
        fill_row(step, sale, topic, part);
    }
}

static struct order_content content_of(const struct order_record *record)
{
    return (struct order_content){.order_no = record->order_no,
                                  .buyer = record->buyer,
                                  .sku = record->sku,
                                  .quantity = record->quantity,
                                  .key_hash = record->key_hash};
}

/* A number that has a row, or an earlier record `first` in the batch. */
static void decide_again(struct settle_step *step, const struct settle_step *first,
                         const struct order_content *content)
{
    if (!settle_plan_is_same(step->item->record, content)) {
        die(step, DEAD_REASON_CLASH);
    } else if (first != NULL && first->fate == SETTLE_FATE_DEAD) {
        die(step, first->dead);
    } else if (first != NULL && first->fate == SETTLE_FATE_NEWER) {
        step->fate = SETTLE_FATE_NEWER;
    } else {
        step->fate = SETTLE_FATE_DUPLICATE;
    }
}

static void decide_numbers(struct settle_plan *plan, const char *topic, uint32_t part)
{
    const struct settle_step *first = NULL; /* of the current number, if it has no row */
    struct order_content content;
    size_t e = 0;

    for (size_t i = 0; i < plan->number_count; i++) {
        struct settle_step *step = &plan->steps[plan->numbers[i].step];
        uint64_t number = plan->numbers[i].order_no.value;
        bool repeated = i > 0 && plan->numbers[i - 1].order_no.value == number;
        while (e < plan->existing_count && plan->existing[e].order_no.value < number) {
            e++;
        }
        if (e < plan->existing_count && plan->existing[e].order_no.value == number) {
            first = NULL;
            decide_again(step, NULL, &plan->existing[e]);
        } else if (repeated) {
            decide_again(step, first, &content);
        } else {
            first = step;
            content = content_of(step->item->record);
            decide_new(plan, step, topic, part);
        }
    }
}

static void cut_before_newer(struct settle_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].fate == SETTLE_FATE_NEWER) {
            plan->step_count = i;
        }
    }
}

static void collect_rows(struct settle_plan *plan)
{
    memset(plan->units, 0, sizeof plan->units);
    for (size_t i = 0; i < plan->number_count; i++) {
        uint32_t index = plan->numbers[i].step;
        const struct settle_step *step = &plan->steps[index];
        if (index >= plan->step_count || step->fate != SETTLE_FATE_ROW) {
            continue;
        }
        plan->rows[plan->row_count++] = &step->row;
        if (step->row.state != ORDER_STATE_VOIDED) {
            plan->units[step->sale_index][step->sku_index] += step->row.record.quantity;
        }
    }
}

void settle_plan_decide(struct settle_plan *plan, const char *topic, uint32_t part)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].item->record == NULL) {
            die(&plan->steps[i], DEAD_REASON_UNREADABLE);
        }
    }
    decide_numbers(plan, topic, part);
    cut_before_newer(plan);
    collect_rows(plan);
}
