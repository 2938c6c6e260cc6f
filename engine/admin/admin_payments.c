#include "admin/admin_payments.h"

#include "admin/admin_job.h"
#include "admin/admin_page.h"
#include "ledger/payment_list.h"

void admin_payment_members(struct json_out *out, const struct payment_line *line)
{
    json_out_member_u64(out, "id", line->id);
    json_out_member_text(out, "provider", line->provider);
    json_out_member_text(out, "event_id", line->event_id);
    json_out_member_text_or_null(out, "transaction_id", line->transaction_id[0] != '\0',
                                 line->transaction_id);
    json_out_member_text(out, "kind", line->kind);
    json_out_member_text(out, "state", line->state);
    json_out_member_text(out, "reason", line->reason);
    json_out_member_u64_or_null(out, "amount", line->has_amount, line->amount);
    json_out_member_text_or_null(out, "currency", line->currency[0] != '\0', line->currency);
    json_out_member_time(out, "occurred_at", line->occurred_ms);
    json_out_member_time(out, "received_at", line->received_ms);
    json_out_member_time(out, "created_at", line->created_ms);
    json_out_member_time(out, "changed_at", line->changed_ms);
    json_out_member_u64(out, "partition", line->part);
    json_out_member_u64(out, "offset", line->offset);
}

static enum err on_line(void *arg, const struct payment_line *line)
{
    struct admin_page *page = arg;
    char text[ORDER_NO_TEXT_SIZE];

    json_out_begin_object(&page->out);
    admin_payment_members(&page->out, line);
    json_out_member_text_or_null(&page->out, "order_no", line->order_no.value != 0,
                                 order_no_format(line->order_no, text));
    json_out_end_object(&page->out);
    admin_page_add(page, line->id);
    return ERR_OK;
}

static enum err read_payments(struct mysql_link *mysql, const void *filter, struct admin_page *page)
{
    return payment_list_all(mysql, filter, on_line, page);
}

void admin_payment_list(struct admin_job *job, struct admin_thread *thread)
{
    const struct payment_filter filter = {
        .after = job->query.after,
        .has_state = job->query.has_state,
        .state = job->query.payment_state,
        .limit = job->query.limit,
    };
    const struct admin_list list = {.name = "payments", .read = read_payments, .filter = &filter};

    admin_page_answer(job, thread, &list);
}
