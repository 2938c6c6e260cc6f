#include <inttypes.h>

#include "admin/admin_body.h"
#include "admin/admin_job.h"
#include "admin/admin_page.h"
#include "common/conf.h"
#include "ledger/dead_store.h"
#include "ledger/mysql_link.h"
#include "settlement/redrive.h"

enum { REASON_SIZE = REDRIVE_REASON_SIZE_MAX + 1 };

static void write_order_no(struct json_out *out, struct order_no order_no)
{
    char text[ORDER_NO_TEXT_SIZE];

    json_out_member_text_or_null(out, "order_no", order_no.value != 0,
                                 order_no_format(order_no, text));
}

static enum err on_dead(void *arg, const struct dead_letter *letter)
{
    struct admin_page *page = arg;
    struct json_out *out = &page->out;

    json_out_begin_object(out);
    json_out_member_u64(out, "id", letter->id);
    json_out_member_text(out, "topic", letter->topic);
    json_out_member_u64(out, "partition", letter->part);
    json_out_member_u64(out, "offset", letter->offset);
    json_out_member_text(out, "reason", dead_reason_name(letter->reason));
    json_out_member_u64(out, "sale", letter->sale.value);
    write_order_no(out, letter->order_no);
    json_out_member_u64(out, "size", letter->payload_size);
    json_out_member_time(out, "created_at", letter->created_ms);
    if (letter->resolved_ms > 0) {
        json_out_member_time(out, "resolved_at", letter->resolved_ms);
        json_out_member_text(out, "resolution", letter->resolution);
    }
    json_out_end_object(out);
    admin_page_add(page, letter->id);
    return ERR_OK;
}

static enum err read_letters(struct mysql_link *mysql, const void *filter, struct admin_page *page)
{
    return dead_store_list(mysql, filter, on_dead, page);
}

void admin_dead_list(struct admin_job *job, struct admin_thread *thread)
{
    const struct dead_filter filter = {
        .after = job->query.after, .open_only = job->query.open_only, .limit = job->query.limit};
    const struct admin_list list = {
        .name = "dead_letters", .read = read_letters, .filter = &filter};

    admin_page_answer(job, thread, &list);
}

static void answer_redrive(struct admin_job *job, const struct redrive *redrive)
{
    struct json_out out;

    if (redrive->result == REDRIVE_STAYS) {
        admin_answer_refusal(job, ADMIN_REFUSAL_STAYS_DEAD, "%s", redrive->why);
        return;
    }
    if (redrive->result == REDRIVE_GOOD) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "It can be settled now: drive it again, and nothing is lost.");
        return;
    }
    admin_answer_json(job, 200, &out);
    json_out_begin_object(&out);
    json_out_member_u64(&out, "id", job->letter_id);
    json_out_member_u64(&out, "sale", redrive->sale.value);
    write_order_no(&out, redrive->order_no);
    json_out_member_time(&out, "resolved_at", redrive->resolved_ms);
    json_out_member_text(&out, "resolution", redrive->resolution);
    json_out_member_bool(&out, "repeated", redrive->result == REDRIVE_BEFORE);
    json_out_end_object(&out);
}

typedef enum err deal_fn(struct mysql_link *link, const struct redrive_topics *topics, uint64_t id,
                         const struct admin_actor *actor, struct redrive *ret_redrive);

static void deal_with(struct admin_job *job, struct admin_thread *thread, deal_fn *deal,
                      const struct admin_actor *actor)
{
    const struct redrive_topics topics = {.orders = admin_job_conf(job)->kafka_orders_topic,
                                          .notices = admin_job_conf(job)->kafka_notices_topic};
    struct redrive redrive;

    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? deal(thread->mysql, &topics, job->letter_id, actor, &redrive) : err;
    if (err == ERR_OK) {
        answer_redrive(job, &redrive);
    } else if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_DEAD_LETTER,
                             "There is no dead letter %" PRIu64 ".", job->letter_id);
    } else {
        admin_answer_mysql(job, thread, err);
    }
}

void admin_dead_redrive(struct admin_job *job, struct admin_thread *thread)
{
    const struct admin_actor actor = admin_job_actor(job);

    deal_with(job, thread, redrive_dead_letter, &actor);
}

static void take_reason(struct json_take *object, void *arg)
{
    admin_body_text(object, "reason", JSON_REQUIRED, arg, REASON_SIZE);
}

void admin_dead_close(struct admin_job *job, struct admin_thread *thread)
{
    struct admin_actor actor = admin_job_actor(job);
    char reason[REASON_SIZE] = "";

    if (admin_body_read(job, 1, take_reason, reason)) {
        actor.why = reason;
        deal_with(job, thread, redrive_close_dead_letter, &actor);
    }
}
