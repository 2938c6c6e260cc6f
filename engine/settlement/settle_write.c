#include "settlement/settle_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/assert.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_sold_out.h"
#include "settlement/freeze.h"
#include "settlement/settle_dead.h"
#include "settlement/settle_plan.h"

struct writer {
    struct mysql_link *link;
    struct settle_plan *plan;
    const struct offset_claim *claim;
    struct settle_stats *stats;
};

static enum err freeze(const struct writer *writer, struct sale_id sale,
                       const struct freeze_cause *cause)
{
    struct settle_stats *stats = writer->stats;
    enum freeze_result result = FREEZE_NOTHING;
    const enum err err = freeze_sale_in(writer->link, sale, cause, &result);

    if (err == ERR_OK) {
        stats->frozen += result == FREEZE_DONE;
        if (stats->freeze_count < SETTLE_FREEZES_MAX) {
            stats->freezes[stats->freeze_count++] = (struct settle_freeze){sale, *cause, result};
        }
    }
    return err;
}

static enum err freeze_for_clash(const struct writer *writer, struct order_no order_no,
                                 uint64_t offset)
{
    struct freeze_cause cause = {FREEZE_PROMISE(I7), .by = "worker"};

    writer->stats->clashes++;
    snprintf(cause.found, sizeof cause.found,
             "order %" PRIu64 " has two contents; the record at partition %u offset %" PRIu64
             " is in dead_letters",
             order_no.value, writer->claim->part, offset);
    return freeze(writer, order_no_sale(order_no), &cause);
}

static enum err freeze_for_slot(const struct writer *writer, struct order_no order_no)
{
    struct freeze_cause cause = {FREEZE_PROMISE(I4), .by = "worker"};

    writer->stats->slot_clash++;
    snprintf(cause.found, sizeof cause.found,
             "order %" PRIu64 " came for a slot of its buyer that is taken; it is QUARANTINED",
             order_no.value);
    return freeze(writer, order_no_sale(order_no), &cause);
}

static enum err bury(const struct writer *writer, const struct settle_step *step)
{
    const struct settle_item *item = step->item;
    const struct order_no order_no = item->record != NULL ? item->record->order_no : item->hint;
    enum err err =
        settle_dead_put_in(writer->link, writer->claim, item, order_no, step->dead, writer->stats);

    if (err == ERR_OK && step->dead == DEAD_REASON_CLASH) {
        err = freeze_for_clash(writer, order_no, item->offset);
    }
    return err;
}

static void count_row(const struct order_row *row, struct settle_stats *stats)
{
    if (row->state == ORDER_STATE_PENDING) {
        stats->inserted++;
    } else if (row->state == ORDER_STATE_QUARANTINED) {
        stats->quarantined++;
    } else if (row->reason == ORDER_REASON_EPOCH) {
        stats->voided_epoch++;
    } else {
        stats->voided_stock++;
    }
}

static enum err write_rows(const struct writer *writer)
{
    const struct settle_plan *plan = writer->plan;
    enum err err = ERR_OK;

    if (plan->row_count > 0) {
        err = order_settle_insert_in(writer->link, plan->rows, plan->row_count);
    }
    for (size_t i = 0; i < plan->row_count; i++) {
        count_row(plan->rows[i], writer->stats);
    }
    return err;
}

/* Of one sale; tells whether the last unit of a sku was among them. */
static enum err take_sale(const struct writer *writer, size_t index, bool *ret_is_last)
{
    const struct order_sale *sale = &writer->plan->sales[index];
    uint64_t sold = 0;
    enum err err = ERR_OK;

    for (uint32_t k = 0; k < sale->sku_count && err == ERR_OK; k++) {
        const uint64_t units = writer->plan->units[index][k];
        if (units > 0) {
            err = order_settle_take_in(writer->link, sale->sale, &sale->skus[k].sku, sale->epoch,
                                       units, &sold);
            *ret_is_last = *ret_is_last || (err == ERR_OK && sold >= sale->skus[k].total);
        }
    }
    return err;
}

/* Stock last and in one order everywhere: sales and skus ascend (M14). */
static enum err take_stock(const struct writer *writer)
{
    const struct settle_plan *plan = writer->plan;
    bool is_last[SETTLE_SALES_MAX] = {false};
    enum err err = ERR_OK;

    for (size_t i = 0; i < plan->sale_count && err == ERR_OK; i++) {
        err = take_sale(writer, i, &is_last[i]);
    }
    for (size_t i = 0; i < plan->sale_count && err == ERR_OK; i++) {
        err = is_last[i] ? sale_sold_out_in(writer->link, plan->sales[i].sale) : ERR_OK;
    }
    writer->stats->stock_refused += err == ERR_NOT_FOUND;
    return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
}

static enum err bury_dead(const struct writer *writer)
{
    const struct settle_plan *plan = writer->plan;
    enum err err = ERR_OK;

    for (size_t i = 0; i < plan->step_count && err == ERR_OK; i++) {
        const struct settle_step *step = &plan->steps[i];
        if (step->fate == SETTLE_FATE_DEAD) {
            err = bury(writer, step);
        }
        writer->stats->duplicates += step->fate == SETTLE_FATE_DUPLICATE ? 1 : 0;
    }
    return err;
}

/* --- a chunk of one: what a key or the bound refuses is told apart here --- */

/* PROTOCOL §6: VOIDED for want of stock is an incident, told to buyer and shop. */
static enum err void_for_stock(const struct writer *writer, struct order_row *row)
{
    const struct order_record *record = &row->record;
    struct outbox_row letter = {.sale = order_no_sale(record->order_no),
                                .kind = OUTBOX_LETTER,
                                .order_no = record->order_no,
                                .buyer = record->buyer,
                                .letter = order_state_letter(ORDER_STATE_VOIDED)};
    struct outbox_row event = {.sale = letter.sale,
                               .kind = OUTBOX_EVENT,
                               .verb = "order.voided",
                               .order_no = record->order_no,
                               .order_version = row->version};
    enum err err =
        order_settle_void_in(writer->link, record->order_no, ORDER_REASON_STOCK, row->created_ms);

    if (err == ERR_OK) {
        err = outbox_store_put_in(writer->link, &letter);
    }
    if (err == ERR_OK) {
        err = outbox_store_put_in(writer->link, &event);
    }
    row->state = ORDER_STATE_VOIDED;
    row->reason = ORDER_REASON_STOCK;
    return err;
}

/* The stock UPDATE found no row. Now locked, the row tells why. */
static enum err refuse_stock(const struct writer *writer, struct settle_step *step)
{
    struct order_row *row = &step->row;
    const struct order_record *record = &row->record;
    uint32_t epoch = order_no_epoch(record->order_no);
    struct order_stock stock;
    enum err err =
        order_settle_stock_in(writer->link, order_no_sale(record->order_no), &record->sku, &stock);

    if (err != ERR_OK) {
        return err;
    }
    if (stock.epoch > epoch) {
        row->state = ORDER_STATE_VOIDED;
        row->reason = ORDER_REASON_EPOCH;
        return order_settle_void_in(writer->link, record->order_no, ORDER_REASON_EPOCH,
                                    row->created_ms);
    }
    if (stock.epoch < epoch || stock.sold + record->quantity <= stock.total) {
        return ERR_BUSY; /* changed in between: read and decide anew */
    }
    return void_for_stock(writer, row);
}

/* 1062, a CHECK, or a value: which key, is told by reading back, never by the error's text (M5). */
static enum err insert_refused(const struct writer *writer, struct settle_step *step, enum err why)
{
    struct settle_plan *plan = writer->plan;
    struct order_row *row = &step->row;
    const struct order_record *record = &row->record;
    struct sale_id sale = order_no_sale(record->order_no);
    bool taken = false;
    enum err err = ERR_OK;

    if (why == ERR_RANGE) {
        step->fate = SETTLE_FATE_DEAD;
        step->dead = DEAD_REASON_VALUE;
        return ERR_OK;
    }
    err = order_settle_existing_in(writer->link, &record->order_no, 1, settle_plan_add_existing,
                                   plan);
    if (err == ERR_OK && plan->existing_count > 0) {
        bool same = settle_plan_is_same(step->item->record, &plan->existing[0]);
        step->fate = same ? SETTLE_FATE_DUPLICATE : SETTLE_FATE_DEAD;
        step->dead = DEAD_REASON_CLASH;
        return ERR_OK;
    }
    if (err == ERR_OK && row->has_slot) {
        err = order_settle_slot_taken_in(writer->link, sale, &record->buyer, record->slot, &taken);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (!taken) {
        return ERR_BUSY; /* who was in the way is gone: again */
    }
    row->has_slot = false;
    row->state = ORDER_STATE_QUARANTINED;
    row->reason = ORDER_REASON_SLOT_CLASH;
    return order_settle_insert_in(writer->link, plan->rows, 1);
}

static enum err write_one(const struct writer *writer)
{
    struct settle_step *step = &writer->plan->steps[0];
    bool clashed = false;
    enum err err = order_settle_insert_in(writer->link, writer->plan->rows, 1);

    if (err == ERR_CONFLICT || err == ERR_RANGE) {
        err = insert_refused(writer, step, err);
    }
    if (err != ERR_OK || step->fate != SETTLE_FATE_ROW) {
        return err;
    }
    clashed = step->row.reason == ORDER_REASON_SLOT_CLASH;
    err = take_stock(writer);
    if (err == ERR_CONFLICT) {
        err = refuse_stock(writer, step);
    }
    if (err == ERR_OK && clashed) {
        err = freeze_for_slot(writer, step->row.record.order_no);
    }
    count_row(&step->row, writer->stats);
    return err;
}

enum err settle_read(struct mysql_link *link, struct settle_plan *plan)
{
    struct order_no order_nos[SETTLE_BATCH_MAX];
    size_t count = settle_plan_order_nos(plan, order_nos);
    enum err err = ERR_OK;

    for (size_t i = 0; i < plan->sale_count && err == ERR_OK; i++) {
        struct sale_id sale = plan->sales[i].sale;
        err = order_settle_sale_in(link, sale, &plan->sales[i]);
        if (err == ERR_NOT_FOUND) {
            plan->sales[i] = (struct order_sale){.sale = sale};
            err = ERR_OK;
        }
    }
    if (err == ERR_OK && count > 0) {
        err = order_settle_existing_in(link, order_nos, count, settle_plan_add_existing, plan);
    }
    return err;
}

enum err settle_write(struct mysql_link *link, struct settle_plan *plan,
                      const struct offset_claim *claim, struct settle_stats *stats)
{
    const struct writer writer = {.link = link, .plan = plan, .claim = claim, .stats = stats};
    enum err err = ERR_OK;

    if (plan->step_count == 1 && plan->row_count == 1) {
        err = write_one(&writer);
    } else {
        err = write_rows(&writer);
        if (err == ERR_OK) {
            err = take_stock(&writer);
        }
    }
    return err == ERR_OK ? bury_dead(&writer) : err;
}
