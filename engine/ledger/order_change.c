#include "ledger/order_change.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/assert.h"
#include "ledger/order_effects.h"
#include "ledger/order_settle.h"
#include "ledger/sale_store.h"
#include "ledger/sql_text.h"

enum { SLOTS_MAX = 1000, DETAIL_SIZE = 160 };

struct job {
    struct order_no order_no;
    const struct admin_actor *actor;
    struct order_changed *changed;
};

static struct sale_id sale_of(const struct job *job)
{
    return order_no_sale(job->order_no);
}

static enum err admin_row(struct mysql_link *link, const struct job *job, const char *action)
{
    const struct order_row *row = &job->changed->row; /* as it was */
    char detail[DETAIL_SIZE];

    snprintf(detail, sizeof detail, "order_no=%" PRIu64 " was %s %s", job->order_no.value,
             order_state_name(row->state), order_reason_name(row->reason));
    return admin_log_put(link, job->actor, action, sale_of(job), detail);
}

/* Reads the order. `already`: the state in which nothing is to be done. */
static enum err look(struct mysql_link *link, struct job *job, enum order_state already,
                     enum order_reason already_reason)
{
    struct order_row *row = &job->changed->row;

    *job->changed = (struct order_changed){.is_repeated = false};
    enum err err = order_store_find(link, job->order_no, row);
    if (err != ERR_OK) {
        return err;
    }
    job->changed->is_repeated = row->state == already && row->reason == already_reason;
    if (!job->changed->is_repeated && row->state != ORDER_STATE_QUARANTINED) {
        snprintf(job->changed->why, sizeof job->changed->why,
                 "Order %" PRIu64 " is %s; only a QUARANTINED order is decided by hand.",
                 job->order_no.value, order_state_name(row->state));
        return ERR_CONFLICT;
    }
    return ERR_OK;
}

/* --- redrive --- */

struct holdings {
    bool taken[SLOTS_MAX];
    uint64_t units; /* of live orders, this one included */
};

static enum err on_live(void *arg, const struct sql_value *columns)
{
    struct holdings *holdings = arg;

    if (columns[0].kind != SQL_NULL && sql_column_u64(&columns[0]) < SLOTS_MAX) {
        holdings->taken[sql_column_u64(&columns[0])] = true;
    }
    holdings->units += sql_column_u64(&columns[1]);
    return ERR_OK;
}

/* An order that is live again takes a slot of its buyer; the key of (sale, buyer, slot) has the
 * last word. */
static enum err choose_slot(struct mysql_link *link, struct job *job, uint32_t limit,
                            uint32_t *ret_slot)
{
    static const struct sql sql = {
        .head = "SELECT slot, quantity FROM orders WHERE sale = ? AND buyer = ? AND state IN "
                "('PENDING', 'PAID', 'QUARANTINED')"};
    const struct order_row *row = &job->changed->row;
    const struct sql_value params[] = {sql_u64(sale_of(job).value), sql_buyer(&row->record.buyer)};
    struct holdings holdings = {.units = 0};
    uint32_t slot = 0;
    enum err err = mysql_link_query(link, &sql, 0, params, 2, on_live, &holdings);

    if (err != ERR_OK) {
        return err;
    }
    while (slot < limit && slot < SLOTS_MAX && holdings.taken[slot]) {
        slot++;
    }
    if (!row->has_slot && (holdings.units > limit || slot == limit || slot == SLOTS_MAX)) {
        snprintf(job->changed->why, sizeof job->changed->why,
                 "With it its buyer would hold %" PRIu64 " units of at most %" PRIu32
                 "; void one of the orders.",
                 holdings.units, limit);
        return ERR_CONFLICT;
    }
    *ret_slot = row->has_slot ? row->record.slot : slot;
    return ERR_OK;
}

static enum err redrive_body(struct mysql_link *link, void *arg)
{
    static const struct sql sql = {
        .head = "UPDATE orders SET state = 'PENDING', reason = '', slot = ?, pay_by = "
                "GREATEST(pay_by, " SQL_NOW_MS " + ?), version = version + 1, changed = " SQL_NOW_MS
                " WHERE order_no = ? AND state = 'QUARANTINED'"};
    struct job *job = arg;
    struct sale_row sale;
    uint32_t slot = 0;
    uint64_t affected = 0;

    enum err err = look(link, job, ORDER_STATE_PENDING, ORDER_REASON_NONE);
    if (err != ERR_OK || job->changed->is_repeated) {
        return err;
    }
    err = sale_store_read(link, sale_of(job), &sale);
    err = err == ERR_OK ? choose_slot(link, job, sale.definition.limit, &slot) : err;
    if (err != ERR_OK) {
        return err;
    }
    const struct sql_value params[] = {sql_u64(slot), sql_u64(sale.definition.pay_window_ms),
                                       sql_u64(job->order_no.value)};
    err = mysql_link_execute(link, &sql, 0, params, 3, &affected);
    if (err == ERR_CONFLICT || (err == ERR_OK && affected != 1)) {
        return ERR_BUSY; /* somebody was faster: the slot is gone, or it is decided */
    }
    err = err == ERR_OK ? admin_row(link, job, "redrive_order") : err;
    err = err == ERR_OK ? order_store_find(link, job->order_no, &job->changed->row) : err;
    return err == ERR_OK ? order_effects_letter_in(link, &job->changed->row) : err;
}

/* --- void --- */

/* `epoch` of the sku's row, which the caller holds. */
static enum err give_back(struct mysql_link *link, const struct job *job, uint32_t epoch)
{
    const struct order_row *rows[] = {&job->changed->row};
    const struct order_returns returns = {
        .rows = rows, .count = 1, .cause = "void", .epoch = epoch};

    return order_effects_return_in(link, &returns);
}

static enum err tell_void(struct mysql_link *link, const struct job *job)
{
    const struct order_row *rows[] = {&job->changed->row};

    return order_effects_tell_in(link, rows, 1, "order.voided");
}

static enum err void_body(struct mysql_link *link, void *arg)
{
    static const struct sql sql = {
        .head = "UPDATE orders SET state = 'VOIDED', reason = 'operator', slot = NULL, "
                "version = version + 1, changed = " SQL_NOW_MS
                " WHERE order_no = ? AND state = 'QUARANTINED'"};
    struct job *job = arg;
    const struct sql_value params[] = {sql_u64(job->order_no.value)};
    struct order_stock stock;
    uint64_t affected = 0;

    enum err err = look(link, job, ORDER_STATE_VOIDED, ORDER_REASON_OPERATOR);
    if (err != ERR_OK || job->changed->is_repeated) {
        return err;
    }
    err = order_settle_stock_in(link, sale_of(job), &job->changed->row.record.sku, &stock);
    err = err == ERR_OK ? mysql_link_execute(link, &sql, 0, params, 1, &affected) : err;
    if (err == ERR_OK && affected != 1) {
        return ERR_BUSY; /* somebody decided meanwhile: look again */
    }
    err = err == ERR_OK ? give_back(link, job, stock.epoch) : err;
    err = err == ERR_OK ? admin_row(link, job, "void_order") : err;
    err = err == ERR_OK ? order_store_find(link, job->order_no, &job->changed->row) : err;
    return err == ERR_OK ? tell_void(link, job) : err;
}

enum err order_change_redrive(struct mysql_link *link, struct order_no order_no,
                              const struct admin_actor *actor, struct order_changed *ret_changed)
{
    struct job job = {.order_no = order_no, .actor = actor, .changed = ret_changed};

    return mysql_link_transaction(link, redrive_body, &job);
}

enum err order_change_void(struct mysql_link *link, struct order_no order_no,
                           const struct admin_actor *actor, struct order_changed *ret_changed)
{
    struct job job = {.order_no = order_no, .actor = actor, .changed = ret_changed};

    return mysql_link_transaction(link, void_body, &job);
}
