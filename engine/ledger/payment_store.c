#include "ledger/payment_store.h"

#include <string.h>

#include "common/assert.h"
#include "ledger/sql_text.h"

static const char *const state_names[PAYMENT_STATE_COUNT] = {
#define X(name, text) [PAYMENT_##name] = text,
    PAYMENT_STATES(X)
#undef X
};
static const char *const reason_names[PAYMENT_REASON_COUNT] = {
#define X(name, text) [PAYMENT_REASON_##name] = text,
    PAYMENT_REASONS(X)
#undef X
};

const char *payment_state_name(enum payment_state state)
{
    ASSERT((unsigned)state < PAYMENT_STATE_COUNT);
    return state_names[state];
}

enum err payment_state_from_name(const char *name, enum payment_state *ret_state)
{
    for (int state = 0; state < PAYMENT_STATE_COUNT; state++) {
        if (strcmp(name, state_names[state]) == 0) {
            *ret_state = (enum payment_state)state;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

const char *payment_reason_name(enum payment_reason reason)
{
    ASSERT((unsigned)reason < PAYMENT_REASON_COUNT);
    return reason_names[reason];
}

/* --- writing --- */

enum err payment_store_put_in(struct mysql_link *link, const struct payment_row *row)
{
    static const struct sql sql = {
        .head = "INSERT INTO payments (provider, event_id, transaction_id, kind, order_no, amount, "
                "currency, buyer, state, reason, occurred, received, created, changed, topic, "
                "part, log_offset) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW_MS
                ", " SQL_NOW_MS ", ?, ?, ?)"};
    const struct notice *notice = &row->notice;
    const struct sql_value params[] = {
        sql_text(notice->provider),
        sql_text(notice->event_id),
        notice->transaction_id[0] != '\0' ? sql_text(notice->transaction_id) : sql_null(),
        sql_text(notice_kind_name(notice->kind)),
        sql_u64(notice->order_no.value),
        notice->has_amount ? sql_u64(notice->amount) : sql_null(),
        notice->has_amount ? sql_text(notice->currency) : sql_null(),
        sql_buyer(&notice->buyer),
        sql_text(payment_state_name(row->state)),
        sql_text(payment_reason_name(row->reason)),
        sql_u64((uint64_t)notice->occurred_ms),
        sql_u64((uint64_t)notice->received_ms),
        sql_text(row->topic),
        sql_u64(row->part),
        sql_u64(row->offset),
    };

    ASSERT(mysql_link_in_transaction(link));
    return mysql_link_execute(link, &sql, 0, params, sizeof params / sizeof params[0], NULL);
}

enum err payment_store_move_in(struct mysql_link *link, uint64_t id, enum payment_state from,
                               enum payment_state to, enum payment_reason reason)
{
    static const struct sql sql = {.head = "UPDATE payments SET state = ?, reason = ?, "
                                           "changed = " SQL_NOW_MS " WHERE id = ? AND state = ?"};
    const struct sql_value params[] = {sql_text(payment_state_name(to)),
                                       sql_text(payment_reason_name(reason)), sql_u64(id),
                                       sql_text(payment_state_name(from))};
    uint64_t affected = 0;

    ASSERT(mysql_link_in_transaction(link));
    ASSERT(from != to);
    const enum err err = mysql_link_execute(link, &sql, 0, params, 4, &affected);
    return err == ERR_OK && affected != 1 ? ERR_NOT_FOUND : err;
}

/* --- reading --- */

#define PAYMENT_COLUMNS                                                                            \
    "id, provider, event_id, transaction_id, kind, order_no, amount, currency, buyer, state, "     \
    "reason, occurred, received, created, changed, topic, part, log_offset"

enum column {
    COLUMN_ID,
    COLUMN_PROVIDER,
    COLUMN_EVENT_ID,
    COLUMN_TRANSACTION_ID,
    COLUMN_KIND,
    COLUMN_ORDER_NO,
    COLUMN_AMOUNT,
    COLUMN_CURRENCY,
    COLUMN_BUYER,
    COLUMN_STATE,
    COLUMN_REASON,
    COLUMN_OCCURRED,
    COLUMN_RECEIVED,
    COLUMN_CREATED,
    COLUMN_CHANGED,
    COLUMN_TOPIC,
    COLUMN_PART,
    COLUMN_OFFSET,
};

static enum err read_notice(const struct sql_value *columns, struct notice *notice)
{
    const struct sql_value *kind = &columns[COLUMN_KIND];
    enum err err = ERR_OK;

    *notice = (struct notice){
        .version = 1,
        .order_no = {sql_column_u64(&columns[COLUMN_ORDER_NO])},
        .has_amount = columns[COLUMN_AMOUNT].kind != SQL_NULL,
        .amount = sql_column_u64(&columns[COLUMN_AMOUNT]),
        .occurred_ms = (int64_t)sql_column_u64(&columns[COLUMN_OCCURRED]),
        .received_ms = (int64_t)sql_column_u64(&columns[COLUMN_RECEIVED]),
    };
    sql_column_text(&columns[COLUMN_PROVIDER], notice->provider, sizeof notice->provider);
    sql_column_text(&columns[COLUMN_EVENT_ID], notice->event_id, sizeof notice->event_id);
    sql_column_text(&columns[COLUMN_TRANSACTION_ID], notice->transaction_id,
                    sizeof notice->transaction_id);
    sql_column_text(&columns[COLUMN_CURRENCY], notice->currency, sizeof notice->currency);
    if (columns[COLUMN_BUYER].size > 0) {
        err = sql_column_buyer(&columns[COLUMN_BUYER], &notice->buyer);
    }
    if (err == ERR_OK && kind->kind != SQL_BYTES) {
        err = ERR_PARSE;
    }
    return err == ERR_OK ? notice_kind_parse(kind->bytes, kind->size, &notice->kind) : err;
}

static enum err read_row(const struct sql_value *columns, struct payment_row *row)
{
    const int state = sql_column_name(&columns[COLUMN_STATE], state_names, PAYMENT_STATE_COUNT);
    const int reason = sql_column_name(&columns[COLUMN_REASON], reason_names, PAYMENT_REASON_COUNT);

    if (state < 0 || reason < 0) {
        return ERR_PARSE;
    }
    *row = (struct payment_row){
        .id = sql_column_u64(&columns[COLUMN_ID]),
        .state = (enum payment_state)state,
        .reason = (enum payment_reason)reason,
        .created_ms = (int64_t)sql_column_u64(&columns[COLUMN_CREATED]),
        .changed_ms = (int64_t)sql_column_u64(&columns[COLUMN_CHANGED]),
        .part = (uint32_t)sql_column_u64(&columns[COLUMN_PART]),
        .offset = sql_column_u64(&columns[COLUMN_OFFSET]),
    };
    sql_column_text(&columns[COLUMN_TOPIC], row->topic, sizeof row->topic);
    return read_notice(columns, &row->notice);
}

struct read_job {
    payment_row_fn *each;
    void *arg;
    uint64_t count;
};

static enum err on_row(void *arg, const struct sql_value *columns)
{
    struct read_job *job = arg;
    struct payment_row row;
    const enum err err = read_row(columns, &row);

    job->count++;
    return err == ERR_OK ? job->each(job->arg, &row) : err;
}

static enum err keep_row(void *arg, const struct payment_row *row)
{
    struct payment_row *kept = arg;

    *kept = *row;
    return ERR_OK;
}

static enum err find_by(struct mysql_link *link, const struct sql *sql,
                        const struct sql_value *params, size_t count, struct payment_row *ret_row)
{
    struct read_job job = {.each = keep_row, .arg = ret_row};
    const enum err err = mysql_link_query(link, sql, 0, params, count, on_row, &job);

    return err == ERR_OK && job.count == 0 ? ERR_NOT_FOUND : err;
}

enum err payment_store_by_event(struct mysql_link *link, const char *provider, const char *event_id,
                                struct payment_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE "
                                           "provider = ? AND event_id = ?"};
    const struct sql_value params[] = {sql_text(provider), sql_text(event_id)};

    return find_by(link, &sql, params, 2, ret_row);
}

enum err payment_store_by_claim(struct mysql_link *link, const char *provider,
                                const char *transaction_id, enum notice_kind kind,
                                struct payment_row *ret_row)
{
    static const struct sql sql = {.head = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE "
                                           "provider = ? AND claimed = ? AND kind = ?"};
    const struct sql_value params[] = {sql_text(provider), sql_text(transaction_id),
                                       sql_text(notice_kind_name(kind))};

    return find_by(link, &sql, params, 3, ret_row);
}

enum err payment_store_lock_of_in(struct mysql_link *link, struct order_no order_no,
                                  payment_row_fn *each, void *arg)
{
    static const struct sql sql = {.head = "SELECT " PAYMENT_COLUMNS " FROM payments WHERE "
                                           "order_no = ? ORDER BY id FOR UPDATE"};
    const struct sql_value params[] = {sql_u64(order_no.value)};
    struct read_job job = {.each = each, .arg = arg};

    ASSERT(mysql_link_in_transaction(link));
    return mysql_link_query(link, &sql, 0, params, 1, on_row, &job);
}

static enum err on_parked(void *arg, const struct sql_value *columns)
{
    struct payment_parked *parked = arg;

    parked->count = (uint32_t)sql_column_u64(&columns[0]);
    parked->has_cancel = sql_column_u64(&columns[1]) > 0;
    return ERR_OK;
}

enum err payment_store_parked_of(struct mysql_link *link, struct order_no order_no,
                                 struct payment_parked *ret_parked)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(SUM(kind = 'cancel'), 0) AS "
                "UNSIGNED) FROM payments WHERE order_no = ? AND state = 'PARKED'"};
    const struct sql_value params[] = {sql_u64(order_no.value)};

    return mysql_link_query(link, &sql, 0, params, 1, on_parked, ret_parked);
}

enum err payment_store_due_count(struct mysql_link *link, struct order_no order_no,
                                 uint32_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM payments WHERE order_no = ? AND "
                "kind = 'paid' AND (state = 'REFUND_DUE' OR (state = 'REFUNDED' AND reason IN "
                "('second', 'closed', 'refunded', 'voided', 'epoch')))"};
    const struct sql_value params[] = {sql_u64(order_no.value)};
    uint64_t count = 0;
    const enum err err = mysql_link_query(link, &sql, 0, params, 1, sql_read_u64, &count);

    if (err == ERR_OK) {
        *ret_count = (uint32_t)count;
    }
    return err;
}

struct joinable_job {
    struct order_no *order_nos;
    size_t count;
};

static enum err on_joinable(void *arg, const struct sql_value *columns)
{
    struct joinable_job *job = arg;

    job->order_nos[job->count++].value = sql_column_u64(&columns[0]);
    return ERR_OK;
}

/* One statement reads one moment: an order without a row there, of an epoch that is older than its
 * sale's, will have none that anybody was told of. */
enum err payment_store_joinable(struct mysql_link *link, struct order_no after,
                                struct order_no *ret_order_nos, size_t max, size_t *ret_count)
{
    static const struct sql sql = {
        .head = "SELECT DISTINCT p.order_no FROM payments p LEFT JOIN orders o ON o.order_no = "
                "p.order_no LEFT JOIN sales s ON s.sale = p.order_no >> 40 WHERE p.state = "
                "'PARKED' AND p.order_no > ? AND IF(o.order_no IS NULL, s.epoch > ((p.order_no >> "
                "26) & 16383), o.state <> 'QUARANTINED') ORDER BY p.order_no LIMIT ?"};
    const struct sql_value params[] = {sql_u64(after.value), sql_u64(max)};
    struct joinable_job job = {.order_nos = ret_order_nos};
    const enum err err = mysql_link_query(link, &sql, 0, params, 2, on_joinable, &job);

    if (err == ERR_OK) {
        *ret_count = job.count;
    }
    return err;
}

static enum err on_waiting(void *arg, const struct sql_value *columns)
{
    struct payment_waiting *waiting = arg;

    waiting->parked = sql_column_u64(&columns[0]);
    waiting->oldest_ms = (int64_t)sql_column_u64(&columns[1]);
    return ERR_OK;
}

enum err payment_store_waiting(struct mysql_link *link, struct payment_waiting *ret_waiting)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED), CAST(COALESCE(GREATEST(" SQL_NOW_MS
                ", MIN(created)) - MIN(created), 0) AS UNSIGNED) FROM payments "
                "WHERE state = 'PARKED'"};

    return mysql_link_query(link, &sql, 0, NULL, 0, on_waiting, ret_waiting);
}
