#include "ledger/order_life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/json_out.h"
#include "common/assert.h"
#include "ledger/order_effects.h"
#include "ledger/order_settle.h"
#include "ledger/outbox_store.h"
#include "ledger/sql_text.h"

enum { DETAIL_SIZE = 400, PAYLOAD_MAX = 1024 };

static bool is_wanted(enum order_units units, const struct order_row *row)
{
    return units == ORDER_UNITS_ALWAYS
           || (units == ORDER_UNITS_OF_PENDING && row->state == ORDER_STATE_PENDING);
}

enum err order_life_lock_in(struct mysql_link *link, struct order_no order_no,
                            enum order_units units, struct order_held *ret_held)
{
    struct order_held held = {.has_units = false};
    struct order_stock stock;

    ASSERT(mysql_link_in_transaction(link));
    enum err err = order_store_find(link, order_no, &held.row); /* waits for no insert */
    if (err == ERR_OK && is_wanted(units, &held.row)) {
        held.has_units = true;
        err = order_settle_stock_in(link, order_no_sale(order_no), &held.row.record.sku, &stock);
        held.epoch = err == ERR_OK ? stock.epoch : 0;
    }
    err = err == ERR_OK ? order_store_lock_in(link, order_no, &held.row) : err;
    if (err == ERR_OK && is_wanted(units, &held.row) && !held.has_units) {
        return ERR_BUSY; /* the sku's row comes first */
    }
    if (err == ERR_OK) {
        *ret_held = held;
    }
    return err;
}

/* --- locks of many --- */

struct found_sku {
    struct sale_id sale;
    struct sku sku;
};
struct find_job {
    struct order_no numbers[ORDER_LOCK_MAX];
    struct found_sku skus[ORDER_LOCK_MAX];
    size_t count;
};

static enum err on_number(void *arg, const struct sql_value *columns)
{
    struct find_job *job = arg;

    ASSERT(job->count < ORDER_LOCK_MAX);
    job->numbers[job->count++].value = sql_column_u64(&columns[0]);
    return ERR_OK;
}

static enum err on_found_sku(void *arg, const struct sql_value *columns)
{
    struct find_job *job = arg;

    ASSERT(job->count < ORDER_LOCK_MAX);
    job->skus[job->count].sale.value = (uint32_t)sql_column_u64(&columns[0]);
    return sql_column_sku(&columns[1], &job->skus[job->count++].sku);
}

static enum err ignore_row(void *arg, const struct sql_value *columns)
{
    (void)arg;
    (void)columns;
    return ERR_OK;
}

/* One statement for each power of two of numbers; the rest repeats the last one. */
static enum err ask_for(struct mysql_link *link, const struct sql *sql,
                        const struct order_no *numbers, size_t count, sql_row_fn *row, void *arg)
{
    struct sql_value params[SQL_TUPLES_MAX];
    uint32_t tuples = 1;

    ASSERT(count <= ORDER_LOCK_MAX);
    while (tuples < count) {
        tuples *= 2;
    }
    for (uint32_t i = 0; i < tuples; i++) {
        params[i] = sql_u64(numbers[i < count ? i : count - 1].value);
    }
    return mysql_link_query(link, sql, tuples, params, tuples, row, arg);
}

static enum err lock_skus(struct mysql_link *link, const struct order_locks *locks,
                          struct find_job *job)
{
    static const struct sql sql = {
        .head = "SELECT DISTINCT sale, sku FROM orders WHERE state = 'PENDING' AND order_no IN (",
        .tuple = "?",
        .tail = ") ORDER BY sale, sku"};
    struct order_stock stock;

    job->count = 0;
    enum err err = ask_for(link, &sql, locks->cancels, locks->cancel_count, on_found_sku, job);
    for (size_t i = 0; i < job->count && err == ERR_OK; i++) {
        err = order_settle_stock_in(link, job->skus[i].sale, &job->skus[i].sku, &stock);
    }
    return err;
}

/* Those that are there, found without a lock: a row that is just being inserted is not waited for,
 * as who inserts it wants a sku's row next. */
static enum err lock_orders(struct mysql_link *link, const struct order_locks *locks,
                            struct find_job *job)
{
    static const struct sql find = {.head = "SELECT order_no FROM orders WHERE order_no IN (",
                                    .tuple = "?",
                                    .tail = ") ORDER BY order_no"};
    static const struct sql lock = {.head = "SELECT order_no FROM orders WHERE order_no IN (",
                                    .tuple = "?",
                                    .tail = ") ORDER BY order_no FOR UPDATE"};

    job->count = 0;
    enum err err = ask_for(link, &find, locks->order_nos, locks->count, on_number, job);
    return err == ERR_OK && job->count > 0
               ? ask_for(link, &lock, job->numbers, job->count, ignore_row, NULL)
               : err;
}

enum err order_life_lock_many_in(struct mysql_link *link, const struct order_locks *locks)
{
    struct find_job *job = malloc(sizeof *job);
    enum err err = job != NULL ? ERR_OK : ERR_NO_MEMORY;

    ASSERT(mysql_link_in_transaction(link));
    if (err == ERR_OK && locks->cancel_count > 0) {
        err = lock_skus(link, locks, job);
    }
    if (err == ERR_OK && locks->count > 0) {
        err = lock_orders(link, locks, job);
    }
    free(job);
    return err;
}

/* --- moves --- */

static void enter(struct order_row *row, enum order_state state, enum order_reason reason)
{
    row->state = state;
    row->reason = reason;
    row->has_slot = row->has_slot && order_state_is_live(state);
    row->version++;
}

static enum err move(struct mysql_link *link, struct order_held *held, enum order_state state,
                     enum order_reason reason)
{
    static const struct sql sql = {
        .head = "UPDATE orders SET state = ?, reason = ?, slot = IF(? = 1, slot, NULL), "
                "version = version + 1, changed = " SQL_NOW_MS
                " WHERE order_no = ? AND state = ? AND version = ?"};
    const struct order_row *row = &held->row;
    const struct sql_value params[] = {
        sql_text(order_state_name(state)),      sql_text(order_reason_name(reason)),
        sql_u64(order_state_is_live(state)),    sql_u64(row->record.order_no.value),
        sql_text(order_state_name(row->state)), sql_u64(row->version)};
    uint64_t affected = 0;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(order_state_may_become(row->state, state));
    enum err err = mysql_link_execute(link, &sql, 0, params, 6, &affected);
    if (err == ERR_OK && affected != 1) {
        return ERR_BUSY; /* somebody wrote a row that we hold: look again */
    }
    if (err == ERR_OK) {
        enter(&held->row, state, reason);
    }
    return err;
}

static enum err tell(struct mysql_link *link, const struct order_row *row, const char *verb)
{
    return order_effects_tell_in(link, &row, 1, verb);
}

static enum err give_back(struct mysql_link *link, const struct order_held *held, const char *cause)
{
    const struct order_row *rows[] = {&held->row};
    const struct order_returns returns = {
        .rows = rows, .count = 1, .cause = cause, .epoch = held->epoch};

    ASSERT(held->has_units);
    return order_effects_return_in(link, &returns);
}

enum err order_life_pay_in(struct mysql_link *link, struct order_held *held)
{
    enum err err = move(link, held, ORDER_STATE_PAID, ORDER_REASON_NONE);

    return err == ERR_OK ? tell(link, &held->row, "order.paid") : err;
}

enum err order_life_close_in(struct mysql_link *link, struct order_held *held,
                             enum order_reason cause)
{
    ASSERT(cause == ORDER_REASON_OVERDUE || cause == ORDER_REASON_CANCEL);
    enum err err = move(link, held, ORDER_STATE_CLOSED, cause);
    err = err == ERR_OK ? give_back(link, held, "close") : err;
    return err == ERR_OK ? tell(link, &held->row, "order.closed") : err;
}

enum err order_life_refund_in(struct mysql_link *link, struct order_held *held,
                              enum order_reason how)
{
    ASSERT(how == ORDER_REASON_RESTOCKED || how == ORDER_REASON_KEPT
           || how == ORDER_REASON_PROVIDER);
    enum err err = move(link, held, ORDER_STATE_REFUNDED, how);
    if (err == ERR_OK && how == ORDER_REASON_RESTOCKED) {
        err = give_back(link, held, "refund");
    }
    return err == ERR_OK ? tell(link, &held->row, "order.refunded") : err;
}

/* --- money that must go back --- */

static enum err tell_refund_due(struct mysql_link *link, const struct order_row *row,
                                const struct notice *due)
{
    struct json_out out;
    struct buf payload;
    enum err err = ERR_NO_MEMORY;

    buf_init(&payload, PAYLOAD_MAX);
    json_out_init(&out, &payload);
    json_out_begin_object(&out);
    json_out_member_text(&out, "provider", due->provider);
    json_out_member_text(&out, "transaction_id", due->transaction_id);
    json_out_member_u64(&out, "amount", due->amount);
    json_out_member_text(&out, "currency", due->currency);
    json_out_end_object(&out);
    const char *text = buf_text(&payload);
    if (!payload.failed) {
        err = order_effects_event_in(link, row, "order.refund_due", text);
    }
    buf_finish(&payload);
    return err;
}

enum err order_life_refund_due_in(struct mysql_link *link, struct order_held *held,
                                  const struct notice *due, uint32_t at_least)
{
    static const struct sql sql = {.head = "UPDATE orders SET version = ? WHERE order_no = ? AND "
                                           "version = ?"};
    const uint32_t now = held->row.version;
    const uint32_t next = now + 1 > at_least ? now + 1 : at_least;
    const struct sql_value params[] = {sql_u64(next), sql_u64(held->row.record.order_no.value),
                                       sql_u64(now)};
    uint64_t affected = 0;

    ASSERT(mysql_link_in_transaction(link));
    enum err err = mysql_link_execute(link, &sql, 0, params, 3, &affected);
    if (err == ERR_OK && affected != 1) {
        return ERR_BUSY;
    }
    held->row.version = err == ERR_OK ? next : now;
    return err == ERR_OK ? tell_refund_due(link, &held->row, due) : err;
}

enum err order_life_refund_due_alone_in(struct mysql_link *link, const struct notice *due,
                                        uint32_t version)
{
    const struct order_row row = {.record = {.order_no = due->order_no}, .version = version};

    ASSERT(version > 0);
    return tell_refund_due(link, &row, due);
}

enum err order_life_lock_sale_in(struct mysql_link *link, struct sale_id sale)
{
    static const struct sql sql = {.head = "SELECT epoch FROM sales WHERE sale = ? FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    uint64_t epoch = 0;

    ASSERT(mysql_link_in_transaction(link));
    const enum err err = mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, &epoch);
    return err == ERR_OK && epoch == 0 ? ERR_NOT_FOUND : err;
}

/* --- overdue --- */

struct batch {
    struct order_row *rows; /* owned */
    const struct order_row *ascending[ORDER_RETURNS_MAX];
    size_t count;
};

static enum err keep_row(void *arg, const struct order_row *row)
{
    struct batch *batch = arg;

    ASSERT(batch->count < ORDER_RETURNS_MAX);
    batch->rows[batch->count] = *row;
    batch->ascending[batch->count] = &batch->rows[batch->count];
    batch->count++;
    return ERR_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct order_row *const *left = a;
    const struct order_row *const *right = b;
    const uint64_t x = (*left)->record.order_no.value, y = (*right)->record.order_no.value;

    return x < y ? -1 : x > y;
}

static enum err close_rows(struct mysql_link *link, const struct batch *batch)
{
    static const struct sql sql = {
        .head = "UPDATE orders SET state = 'CLOSED', reason = 'overdue', slot = NULL, "
                "version = version + 1, changed = " SQL_NOW_MS
                " WHERE state = 'PENDING' AND order_no IN (",
        .tuple = "?",
        .tail = ")"};
    struct sql_value params[ORDER_RETURNS_MAX];
    uint64_t affected = 0;
    uint32_t tuples = 1;

    while (tuples < batch->count) {
        tuples *= 2;
    }
    for (uint32_t i = 0; i < tuples; i++) { /* the rest repeats the last one */
        const size_t from = i < batch->count ? i : batch->count - 1;
        params[i] = sql_u64(batch->ascending[from]->record.order_no.value);
    }
    enum err err = mysql_link_execute(link, &sql, tuples, params, tuples, &affected);
    if (err == ERR_OK && affected != batch->count) {
        return ERR_BUSY;
    }
    for (size_t i = 0; i < batch->count && err == ERR_OK; i++) {
        enter(&batch->rows[i], ORDER_STATE_CLOSED, ORDER_REASON_OVERDUE);
    }
    return err;
}

static enum err close_batch(struct mysql_link *link, struct batch *batch, uint32_t epoch)
{
    const struct order_returns returns = {
        .rows = batch->ascending, .count = batch->count, .cause = "close", .epoch = epoch};

    qsort(batch->ascending, batch->count, sizeof(const struct order_row *), compare_rows);
    enum err err = close_rows(link, batch);
    err = err == ERR_OK ? order_effects_return_in(link, &returns) : err;
    return err == ERR_OK
               ? order_effects_tell_in(link, batch->ascending, batch->count, "order.closed")
               : err;
}

enum err order_life_close_overdue_in(struct mysql_link *link, const struct order_overdue *overdue,
                                     uint32_t *ret_closed)
{
    struct batch batch = {.count = 0};
    struct order_stock stock;

    ASSERT(overdue->max > 0 && overdue->max <= ORDER_RETURNS_MAX);
    batch.rows = malloc(sizeof *batch.rows * ORDER_RETURNS_MAX);
    if (batch.rows == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = order_settle_stock_in(link, overdue->sale, &overdue->sku, &stock);
    err = err == ERR_OK ? order_store_lock_overdue_in(link, overdue, keep_row, &batch) : err;
    if (err == ERR_OK && batch.count > 0) {
        err = close_batch(link, &batch, stock.epoch);
    }
    if (err == ERR_OK) {
        *ret_closed = (uint32_t)batch.count;
    }
    free(batch.rows);
    return err;
}

/* --- the operator's refund --- */

struct refund_job {
    struct order_no order_no;
    bool restock;
    const struct admin_actor *actor;
    struct order_changed *changed;
};

static enum err refuse(struct refund_job *job, const char *why)
{
    snprintf(job->changed->why, sizeof job->changed->why, "Order %" PRIu64 " is %s; %s.",
             job->order_no.value, order_state_name(job->changed->row.state), why);
    return ERR_CONFLICT;
}

/* It is REFUNDED: the same that is asked for? */
static enum err refunded_before(struct refund_job *job)
{
    const bool restocked = job->changed->row.reason == ORDER_REASON_RESTOCKED;

    if (restocked != job->restock) {
        return refuse(job, restocked ? "its units came back then" : "its units were kept then");
    }
    job->changed->is_repeated = true;
    return ERR_OK;
}

static enum err refund_row(struct mysql_link *link, const struct refund_job *job)
{
    const char *why = job->actor->why != NULL ? job->actor->why : "";
    char detail[DETAIL_SIZE];

    snprintf(detail, sizeof detail, "order_no=%" PRIu64 " restock=%s%s%s", job->order_no.value,
             job->restock ? "yes" : "no", why[0] != '\0' ? " why=" : "", why);
    return admin_log_put(link, job->actor, "refund_order", order_no_sale(job->order_no), detail);
}

static enum err refund_body(struct mysql_link *link, void *arg)
{
    struct refund_job *job = arg;
    struct order_held held;

    *job->changed = (struct order_changed){.is_repeated = false};
    enum err err = order_life_lock_in(link, job->order_no,
                                      job->restock ? ORDER_UNITS_ALWAYS : ORDER_UNITS_NEVER, &held);
    if (err != ERR_OK) {
        return err;
    }
    job->changed->row = held.row;
    if (held.row.state == ORDER_STATE_REFUNDED) {
        return refunded_before(job);
    }
    if (held.row.state != ORDER_STATE_PAID) {
        return refuse(job, "only a PAID order is refunded");
    }
    err = order_life_refund_in(link, &held,
                               job->restock ? ORDER_REASON_RESTOCKED : ORDER_REASON_KEPT);
    err = err == ERR_OK ? refund_row(link, job) : err;
    return err == ERR_OK ? order_store_find(link, job->order_no, &job->changed->row) : err;
}

enum err order_life_refund(struct mysql_link *link, struct order_no order_no, bool restock,
                           const struct admin_actor *actor, struct order_changed *ret_changed)
{
    struct refund_job job = {
        .order_no = order_no, .restock = restock, .actor = actor, .changed = ret_changed};

    return mysql_link_transaction(link, refund_body, &job);
}

struct epoch_job {
    bool is_found;
    uint64_t epoch;
};

static enum err on_epoch(void *arg, const struct sql_value *columns)
{
    struct epoch_job *job = arg;

    job->is_found = true;
    return sql_read_u64(&job->epoch, columns);
}

enum err order_life_epoch(struct mysql_link *link, struct sale_id sale, uint32_t *ret_epoch)
{
    static const struct sql sql = {.head = "SELECT epoch FROM sales WHERE sale = ?"};
    const struct sql_value params[] = {sql_u64(sale.value)};
    struct epoch_job job = {.is_found = false};
    const enum err err = mysql_link_query(link, &sql, 0, params, 1, on_epoch, &job);

    if (err == ERR_OK && !job.is_found) {
        return ERR_NOT_FOUND;
    }
    if (err == ERR_OK) {
        *ret_epoch = (uint32_t)job.epoch;
    }
    return err;
}
