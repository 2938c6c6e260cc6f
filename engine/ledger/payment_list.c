#include "ledger/payment_list.h"

#include "ledger/mysql_link.h"
#include "ledger/sql_text.h"

struct list_job {
    payment_line_fn *each;
    void *arg;
};

static const char *text_of(const struct sql_value *column)
{
    return column->kind == SQL_BYTES ? column->bytes : "";
}

static enum err on_line(void *arg, const struct sql_value *columns)
{
    const struct list_job *job = arg;
    const struct payment_line line = {
        .id = sql_column_u64(&columns[0]),
        .provider = text_of(&columns[1]),
        .event_id = text_of(&columns[2]),
        .transaction_id = text_of(&columns[3]),
        .kind = text_of(&columns[4]),
        .state = text_of(&columns[5]),
        .has_amount = columns[6].kind != SQL_NULL,
        .amount = sql_column_u64(&columns[6]),
        .currency = text_of(&columns[7]),
        .occurred_ms = (int64_t)sql_column_u64(&columns[8]),
        .created_ms = (int64_t)sql_column_u64(&columns[9]),
        .changed_ms = (int64_t)sql_column_u64(&columns[10]),
        .part = (uint32_t)sql_column_u64(&columns[11]),
        .offset = sql_column_u64(&columns[12]),
        .reason = text_of(&columns[13]),
        .received_ms = (int64_t)sql_column_u64(&columns[14]),
        .order_no = {sql_column_u64(&columns[15])},
    };

    return job->each(job->arg, &line);
}

#define COLUMNS                                                                                    \
    "SELECT id, provider, event_id, transaction_id, kind, state, amount, currency, occurred, "     \
    "created, changed, part, log_offset, reason, received, order_no FROM payments "

enum err payment_list_of(struct mysql_link *link, struct order_no order_no, payment_line_fn *each,
                         void *arg)
{
    static const struct sql sql = {.head = COLUMNS "WHERE order_no = ? ORDER BY id DESC LIMIT ?"};
    const struct sql_value params[] = {sql_u64(order_no.value), sql_u64(PAYMENT_LIST_MAX)};
    struct list_job job = {.each = each, .arg = arg};

    return mysql_link_query(link, &sql, 0, params, 2, on_line, &job);
}

enum err payment_list_all(struct mysql_link *link, const struct payment_filter *filter,
                          payment_line_fn *each, void *arg)
{
    static const struct sql of_state = {.head = COLUMNS
                                        "WHERE id > ? AND state = ? ORDER BY id LIMIT ?"};
    static const struct sql waiting = {
        .head = COLUMNS "WHERE id > ? AND state IN ('PARKED', 'REFUND_DUE', 'QUARANTINED') "
                        "ORDER BY id LIMIT ?"};
    const struct sql_value params[] = {sql_u64(filter->after),
                                       sql_text(payment_state_name(filter->state)),
                                       sql_u64(filter->limit)};
    const struct sql_value all[] = {params[0], params[2]};
    struct list_job job = {.each = each, .arg = arg};

    return filter->has_state ? mysql_link_query(link, &of_state, 0, params, 3, on_line, &job)
                             : mysql_link_query(link, &waiting, 0, all, 2, on_line, &job);
}
