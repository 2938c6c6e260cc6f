#include <inttypes.h>
#include <stdio.h>

#include "admin/admin_body.h"
#include "admin/admin_job.h"
#include "admin/admin_page.h"
#include "admin/admin_payments.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/order_change.h"
#include "ledger/order_life.h"
#include "ledger/order_store.h"
#include "ledger/payment_list.h"

enum { REASON_SIZE = 201 };

/* Its members, without the braces: some answers have more of them. */
static void write_members(struct json_out *out, const struct order_row *row)
{
    const struct order_record *record = &row->record;
    char order_no[ORDER_NO_TEXT_SIZE];

    json_out_member_text(out, "order_no", order_no_format(record->order_no, order_no));
    json_out_member_u64(out, "sale", order_no_sale(record->order_no).value);
    json_out_member_u64(out, "epoch", order_no_epoch(record->order_no));
    json_out_member_u64(out, "seq", order_no_seq(record->order_no));
    json_out_member_text(out, "buyer", record->buyer.text);
    json_out_member_text(out, "sku", record->sku.text);
    json_out_member_u64(out, "quantity", record->quantity);
    json_out_member_u64(out, "unit_price", record->unit_price);
    json_out_member_text(out, "currency", record->currency);
    json_out_member_u64_or_null(out, "slot", row->has_slot, record->slot);
    json_out_member_text(out, "state", order_state_name(row->state));
    json_out_member_text(out, "reason", order_reason_name(row->reason));
    json_out_member_u64(out, "version", row->version);
    json_out_member_time(out, "won_at", record->won_at_ms);
    json_out_member_time(out, "pay_by", record->pay_by_ms);
    json_out_member_time(out, "created_at", row->created_ms);
    json_out_member_time(out, "changed_at", row->changed_ms);
    json_out_member_u64(out, "partition", row->part);
    json_out_member_u64(out, "offset", row->offset);
}

static void write_order(struct json_out *out, const struct order_row *row)
{
    json_out_begin_object(out);
    write_members(out, row);
    json_out_end_object(out);
}

/* --- list --- */

static enum err on_order(void *arg, const struct order_row *row)
{
    struct admin_page *page = arg;

    write_order(&page->out, row);
    admin_page_add(page, row->record.order_no.value);
    return ERR_OK;
}

static enum err read_orders(struct mysql_link *mysql, const void *filter, struct admin_page *page)
{
    return order_store_list(mysql, filter, on_order, page);
}

void admin_order_list(struct admin_job *job, struct admin_thread *thread)
{
    const struct order_filter filter = {
        .sale = job->query.sale,
        .buyer = job->query.has_buyer ? &job->query.buyer : NULL,
        .has_state = job->query.has_state,
        .state = job->query.state,
        .after = {job->query.after},
        .limit = job->query.limit,
    };
    const struct admin_list list = {
        .name = "orders", .read = read_orders, .filter = &filter, .next_is_text = true};

    admin_page_answer(job, thread, &list);
}

/* --- one order, with its notices --- */

static enum err on_payment(void *arg, const struct payment_line *line)
{
    struct json_out *out = arg;

    json_out_begin_object(out);
    admin_payment_members(out, line);
    json_out_end_object(out);
    return ERR_OK;
}

static enum err write_detail(struct json_out *out, struct mysql_link *mysql,
                             const struct order_row *row)
{
    json_out_begin_object(out);
    write_members(out, row);
    json_out_name(out, "payments");
    json_out_begin_array(out);
    const enum err err = payment_list_of(mysql, row->record.order_no, on_payment, out);
    json_out_end_array(out);
    json_out_end_object(out);
    return err;
}

/* Order and notices as they were in one moment. */
static enum err read_detail(struct admin_job *job, struct mysql_link *mysql)
{
    struct order_row row;
    struct json_out out;
    enum err err = mysql_link_ensure(mysql);

    err = err == ERR_OK ? mysql_link_begin_snapshot(mysql) : err;
    if (err != ERR_OK) {
        return err;
    }
    err = order_store_find(mysql, job->order_no, &row);
    if (err == ERR_OK) {
        admin_answer_json(job, 200, &out);
        err = write_detail(&out, mysql, &row);
    }
    mysql_link_rollback(mysql);
    return err;
}

void admin_order_show(struct admin_job *job, struct admin_thread *thread)
{
    const enum err err = read_detail(job, thread->mysql);

    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_ORDER, "There is no order %" PRIu64 ".",
                             job->order_no.value);
    } else if (err != ERR_OK) {
        admin_answer_mysql(job, thread, err);
    }
}

/* --- what an operator decides --- */

static void answer_changed(struct admin_job *job, struct admin_thread *thread, enum err err,
                           const struct order_changed *changed)
{
    struct json_out out;

    if (err == ERR_OK) {
        LOG_WARN("order_decided", KV_U64("order_no", job->order_no.value),
                 KV_STR("state", order_state_name(changed->row.state)),
                 KV_BOOL("repeated", changed->is_repeated));
        admin_answer_json(job, 200, &out);
        write_order(&out, &changed->row);
    } else if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_ORDER, "There is no order %" PRIu64 ".",
                             job->order_no.value);
    } else if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT, "%s", changed->why);
    } else {
        admin_answer_mysql(job, thread, err);
    }
}

typedef enum err change_fn(struct mysql_link *link, struct order_no order_no,
                           const struct admin_actor *actor, struct order_changed *ret_changed);

static void change_order(struct admin_job *job, struct admin_thread *thread, change_fn *change)
{
    const struct admin_actor actor = admin_job_actor(job);
    struct order_changed changed = {.is_repeated = false};

    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? change(thread->mysql, job->order_no, &actor, &changed) : err;
    answer_changed(job, thread, err, &changed);
}

void admin_order_redrive(struct admin_job *job, struct admin_thread *thread)
{
    change_order(job, thread, order_change_redrive);
}

void admin_order_void(struct admin_job *job, struct admin_thread *thread)
{
    change_order(job, thread, order_change_void);
}

struct refund_request {
    bool restock;
    char reason[REASON_SIZE];
};

static void take_refund(struct json_take *object, void *arg)
{
    struct refund_request *request = arg;

    (void)json_take_bool(object, "restock", JSON_REQUIRED, &request->restock);
    admin_body_text(object, "reason", JSON_REQUIRED, request->reason, sizeof request->reason);
}

void admin_order_refund(struct admin_job *job, struct admin_thread *thread)
{
    struct admin_actor actor = admin_job_actor(job);
    struct order_changed changed = {.is_repeated = false};
    struct refund_request request = {.reason = ""};

    if (!admin_body_read(job, 1, take_refund, &request)) {
        return;
    }
    actor.why = request.reason;
    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK
              ? order_life_refund(thread->mysql, job->order_no, request.restock, &actor, &changed)
              : err;
    answer_changed(job, thread, err, &changed);
}
