/* audit_mysql: what the audit reads of MySQL, in one snapshot (PROTOCOL §6, audit). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "ledger/db_clock.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_audit.h"
#include "ledger/order_store.h"
#include "ledger/payment_store.h"
#include "settlement/audit_data.h"

enum err audit_by_mysql(struct audit *audit, enum err err)
{
    if (err != ERR_OK) {
        snprintf(audit->why, AUDIT_TEXT_SIZE, "MySQL: %s (%s)", err_text(err),
                 mysql_link_error_text(audit->context->mysql));
    }
    return err;
}

static enum err on_place(void *arg, const struct offset_row *row)
{
    struct audit_places *places = arg;

    if (row->part < AUDIT_PARTITIONS_MAX) {
        places->next[row->part] = row->next;
        places->owner_epoch[row->part] = row->owner_epoch;
    }
    return ERR_OK;
}

enum err audit_mysql_places(struct audit *audit, const char *topic, struct audit_places *ret_places)
{
    memset(ret_places, 0, sizeof *ret_places);
    memset(ret_places->first, 0xff, sizeof ret_places->first);
    return audit_by_mysql(audit,
                          offset_store_list(audit->context->mysql, topic, on_place, ret_places));
}

void audit_see_epoch(struct audit *audit, struct order_no order_no)
{
    const uint32_t epoch = order_no_epoch(order_no);

    audit->epoch_max = epoch > audit->epoch_max ? epoch : audit->epoch_max;
}

/* --- rows --- */

static void count_units(struct sku_figures *figures, const struct order_row *row)
{
    const bool never = row->reason == ORDER_REASON_EPOCH || row->reason == ORDER_REASON_STOCK;
    const bool kept = row->state == ORDER_STATE_REFUNDED && row->reason != ORDER_REASON_RESTOCKED;

    figures->live += order_state_is_live(row->state) ? row->record.quantity : 0;
    figures->kept += kept ? row->record.quantity : 0;
    figures->counted += never ? 0 : row->record.quantity;
}

static enum err on_row(void *arg, const struct order_row *row)
{
    struct audit *audit = arg;
    const struct order_entry entry = {.sku = row->record.sku,
                                      .quantity = row->record.quantity,
                                      .key_hash = row->record.key_hash,
                                      .won_at_ms = row->record.won_at_ms};
    struct audit_item item = {.order_no = row->record.order_no,
                              .content = audit_content(&row->record),
                              .entry = audit_entry(&row->record.buyer, &entry),
                              .place = audit_place(row->part, row->offset),
                              .letter = order_state_letter(row->state),
                              .never_told = row->reason == ORDER_REASON_EPOCH};
    const int sku = sale_find_sku(&audit->row.definition, &row->record.sku);

    if (sku >= 0) {
        count_units(&audit->skus[sku], row);
    }
    audit_see_epoch(audit, row->record.order_no);
    const enum err err = audit_orders_row(&audit->orders, row, sku, &item);
    return err == ERR_OK ? audit_list_add(&audit->rows, &item) : err;
}

/* --- the ledger --- */

static enum err on_ledger(void *arg, const struct ledger_line *line)
{
    struct audit *audit = arg;
    const struct audit_item item = {.order_no = {line->id}};
    const bool is_supply = ledger_cause_is_supply(line->cause);
    const int sku = sale_find_sku(&audit->row.definition, &line->sku);
    enum err err = ERR_OK;

    if (sku >= 0) {
        audit->skus[sku].supplied += is_supply ? line->delta : 0;
        audit->skus[sku].returned += is_supply ? 0 : line->delta;
        audit->skus[sku].since_load += line->epoch == audit->row.definition.epoch ? line->delta : 0;
    }
    audit->ledger_mark = line->id > audit->ledger_mark ? line->id : audit->ledger_mark;
    err = is_supply ? ERR_OK : audit_orders_return(&audit->orders, line, sku);
    return err == ERR_OK ? audit_list_add(&audit->ledger, &item) : err;
}

/* Sku by sku, then in order of id again. */
static enum err read_ledger(struct audit *audit)
{
    const struct sale_definition *definition = &audit->row.definition;
    enum err err = ERR_OK;

    for (uint32_t i = 0; i < definition->sku_count && err == ERR_OK; i++) {
        err = order_audit_ledger(audit->context->mysql, definition->sale, &definition->skus[i].sku,
                                 on_ledger, audit);
    }
    audit_list_sort(&audit->ledger);
    return err;
}

/* --- payments --- */

static enum err keep_payment(struct audit *audit, const struct payment_audit *payment)
{
    const struct audit_item item = {.order_no = payment->order_no,
                                    .content = payment->event,
                                    .entry = payment->transaction,
                                    .place = audit_place(payment->part, payment->offset)};

    return audit_list_add(&audit->payments, &item);
}

static enum err on_payment(void *arg, const struct payment_audit *payment)
{
    struct audit *audit = arg;

    audit_orders_payment(&audit->orders, payment);
    return keep_payment(audit, payment);
}

static enum err on_payment_alone(void *arg, const struct payment_audit *payment)
{
    return keep_payment(arg, payment);
}

static int by_event(const void *a, const void *b)
{
    const struct audit_item *x = a, *y = b;

    return (x->content > y->content) - (x->content < y->content);
}

static enum err read_payments(struct audit *audit)
{
    static const struct sale_id none = {0};
    struct mysql_link *mysql = audit->context->mysql;
    enum err err =
        order_audit_payments(mysql, audit->row.definition.sale, AUDIT_SETTLE_MS, on_payment, audit);

    audit_orders_payments_done(&audit->orders);
    err = err == ERR_OK
              ? order_audit_payments(mysql, none, AUDIT_SETTLE_MS, on_payment_alone, audit)
              : err;
    if (audit->payments.count > 0) {
        qsort(audit->payments.items, audit->payments.count, sizeof *audit->payments.items,
              by_event);
    }
    return err;
}

/* Settled, but no row of this sale or of no order has its event, and it is no dead letter. */
static bool is_left_over(const struct audit *audit, const struct audit_item *item)
{
    const struct audit_list *payments = &audit->payments;

    return !audit_places_is_behind(&audit->notice_places, item->place)
           && audit_log_dead_at(&audit->notice_dead, item->place) == AUDIT_DEAD_NONE
           && (payments->count == 0
               || !bsearch(item, payments->items, payments->count, sizeof *item, by_event));
}

enum err audit_mysql_keep_notice(struct audit *audit, const struct notice *notice,
                                 const struct audit_item *item)
{
    const struct sale_id sale = audit->row.definition.sale;
    struct payment_row row = {.id = 0};
    enum err err = ERR_NOT_FOUND;

    if (is_left_over(audit, item)) {
        err =
            payment_store_by_event(audit->context->mysql, notice->provider, notice->event_id, &row);
    }
    if (err == ERR_NOT_FOUND
        || (err == ERR_OK && order_no_sale(row.notice.order_no).value == sale.value)) {
        return audit_list_add(&audit->notices, item);
    }
    audit->notices_elsewhere += err == ERR_OK;
    return audit_by_mysql(audit, err);
}

/* --- dead letters --- */

static enum err add_dead(struct audit_list *list, const struct dead_place *dead)
{
    const struct audit_item item = {.order_no = dead->order_no,
                                    .place = audit_place(dead->part, dead->offset),
                                    .content =
                                        dead->is_open ? AUDIT_DEAD_OPEN : AUDIT_DEAD_RESOLVED};

    return audit_list_add(list, &item);
}

static enum err on_dead(void *arg, const struct dead_place *dead)
{
    struct audit *audit = arg;

    audit->dead_of_sale += dead->is_open && dead->of_sale;
    audit->dead_of_none += dead->is_open && !dead->of_sale;
    return add_dead(&audit->dead, dead);
}

static enum err on_notice_dead(void *arg, const struct dead_place *dead)
{
    struct audit *audit = arg;

    audit->notice_dead_of_sale += dead->is_open && dead->of_sale;
    audit->notice_dead_of_none += dead->is_open && !dead->of_sale;
    return add_dead(&audit->notice_dead, dead);
}

static enum err read_dead(struct audit *audit)
{
    const struct audit_context *context = audit->context;
    const struct sale_id sale = audit->row.definition.sale;
    enum err err =
        order_audit_dead(context->mysql, context->conf->kafka_orders_topic, sale, on_dead, audit);

    err = err == ERR_OK ? order_audit_dead(context->mysql, context->conf->kafka_notices_topic, sale,
                                           on_notice_dead, audit)
                        : err;
    audit_log_sort_places(&audit->dead);
    audit_log_sort_places(&audit->notice_dead);
    return err;
}

/* --- all --- */

static enum err read_sale(struct audit *audit)
{
    const struct audit_context *context = audit->context;
    enum err err = sale_store_read(context->mysql, audit->row.definition.sale, &audit->row);

    err = err == ERR_OK ? db_clock_read(context->mysql, &audit->orders.now_ms) : err;
    audit->orders.limit = audit->row.definition.limit;
    err = err == ERR_OK ? order_audit_epochs_differ(context->mysql, audit->row.definition.sale,
                                                    &audit->orders.found.epochs_differ)
                        : err;
    return err;
}

static enum err read_snapshot(struct audit *audit)
{
    const struct audit_context *context = audit->context;
    enum err err = read_sale(audit);

    err = err == ERR_OK
              ? audit_mysql_places(audit, context->conf->kafka_orders_topic, &audit->places)
              : err;
    err = err == ERR_OK
              ? audit_mysql_places(audit, context->conf->kafka_notices_topic, &audit->notice_places)
              : err;
    err = err == ERR_OK
              ? order_store_each(context->mysql, audit->row.definition.sale, on_row, audit)
              : err;
    audit_list_sort(&audit->rows);
    err = err == ERR_OK ? read_ledger(audit) : err;
    audit_orders_rows_done(&audit->orders, &audit->rows);
    err = err == ERR_OK ? read_payments(audit) : err;
    return err == ERR_OK ? read_dead(audit) : err;
}

enum err audit_mysql_read(struct audit *audit)
{
    struct mysql_link *mysql = audit->context->mysql;
    enum err err = mysql_link_ensure(mysql);

    err = err == ERR_OK ? mysql_link_begin_snapshot(mysql) : err;
    if (err == ERR_OK) {
        err = read_snapshot(audit);
        mysql_link_rollback(mysql);
    }
    return audit_by_mysql(audit, err);
}
