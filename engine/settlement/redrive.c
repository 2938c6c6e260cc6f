#include "settlement/redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/notice_event.h"
#include "codec/order_event.h"
#include "common/assert.h"
#include "common/buf.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "settlement/notice_apply.h"
#include "settlement/notice_rule.h"
#include "settlement/notice_tell.h"
#include "settlement/settle_plan.h"
#include "settlement/settle_write.h"

enum { PAYLOAD_MAX = 32 << 20, OUTCOME_SIZE = 40, DETAIL_SIZE = REDRIVE_REASON_SIZE_MAX + 120 };

/* The transaction was rolled back because the letter stays: no error of the database. */
#define STAYS ERR_CLOSED

struct job {
    const struct redrive_topics *topics;
    uint64_t id;
    const struct admin_actor *actor;
    struct settle_plan *plan; /* owned */
    struct buf payload;       /* owned */
    struct offset_claim place;
    uint64_t offset;
    struct redrive *redrive;
    struct settle_stats stats;     /* what it froze is told after the commit */
    struct notice_applied applied; /* and so is what became of a notice */
    bool is_notice;
    bool is_trial; /* whatever it is, nothing is changed */
};

static enum err keep_letter(void *arg, const struct dead_letter *letter)
{
    struct job *job = arg;

    *job->redrive = (struct redrive){
        .sale = letter->sale, .order_no = letter->order_no, .resolved_ms = letter->resolved_ms};
    snprintf(job->redrive->resolution, sizeof job->redrive->resolution, "%s", letter->resolution);
    snprintf(job->place.topic, sizeof job->place.topic, "%s", letter->topic);
    job->place.part = letter->part;
    job->offset = letter->offset;
    buf_clear(&job->payload);
    buf_append(&job->payload, letter->payload, letter->payload_size);
    return job->payload.failed ? ERR_NO_MEMORY : ERR_OK;
}

__attribute__((format(printf, 2, 3))) static enum err stays(struct job *job, const char *format,
                                                            ...)
{
    va_list arguments;

    job->redrive->result = REDRIVE_STAYS;
    va_start(arguments, format);
    vsnprintf(job->redrive->why, sizeof job->redrive->why, format, arguments);
    va_end(arguments);
    return STAYS;
}

static enum err stays_dead(struct job *job, enum dead_reason reason)
{
    switch (reason) {
    case DEAD_REASON_UNREADABLE: break;
    case DEAD_REASON_UNKNOWN_SALE:
        return stays(job, "MySQL still has no sale %" PRIu32 ".", job->redrive->sale.value);
    case DEAD_REASON_UNKNOWN_SKU:
        return stays(job, "Sale %" PRIu32 " still has no such sku.", job->redrive->sale.value);
    case DEAD_REASON_CLASH: return stays(job, "Another order has its number.");
    case DEAD_REASON_VALUE: return stays(job, "MySQL still refuses its values.");
    case DEAD_REASON_ROW: return stays(job, "A row that it needs still cannot be read.");
    case DEAD_REASON_VERSION: break;
    case DEAD_REASON_COUNT: break;
    }
    UNREACHABLE();
}

/* What became of the one record; the plan says. */
static void name_outcome(const struct settle_step *step, char *text, size_t size)
{
    if (step->fate == SETTLE_FATE_DUPLICATE) {
        snprintf(text, size, "had its row already");
    } else {
        snprintf(text, size, "applied as %s", order_state_name(step->row.state));
    }
}

/* The same way as a record of the log: plan, write, and what is refused becomes something else. */
static enum err settle_again(struct job *job, struct mysql_link *link,
                             const struct order_record *record, char *outcome, size_t size)
{
    const struct settle_item item = {.offset = job->offset,
                                     .record = record,
                                     .payload = job->payload.data,
                                     .payload_size = job->payload.size};
    const struct settle_step *step = &job->plan->steps[0];

    (void)settle_plan_begin(job->plan, &item, 1);
    enum err err = settle_read(link, job->plan);
    if (err != ERR_OK) {
        return err;
    }
    settle_plan_decide(job->plan, job->place.topic, job->place.part);
    if (job->plan->step_count == 0) {
        return stays(job, "It is of a newer epoch than MySQL's.");
    }
    if (step->fate != SETTLE_FATE_DEAD) {
        err = settle_write(link, job->plan, &job->place, &job->stats);
    }
    if (err == ERR_OK && step->fate == SETTLE_FATE_DEAD) {
        return stays_dead(job, step->dead);
    }
    name_outcome(step, outcome, size);
    return err;
}

static enum err read_order(struct job *job, struct mysql_link *link, char *outcome, size_t size)
{
    struct order_record record;
    const enum record_fault fault =
        order_event_read(job->payload.data, job->payload.size, &record, &job->redrive->order_no);

    if (fault != RECORD_FAULT_NONE) {
        return stays(job, "It still cannot be read: %s.", record_fault_name(fault));
    }
    job->redrive->order_no = record.order_no;
    job->redrive->sale = order_no_sale(record.order_no);
    return settle_again(job, link, &record, outcome, size);
}

/* As a record of the log: its effect is that of a notice that comes now. */
static enum err read_notice(struct job *job, struct mysql_link *link, char *outcome, size_t size)
{
    const struct notice_place place = {
        .topic = job->place.topic, .part = job->place.part, .offset = job->offset};
    struct notice notice;
    const enum record_fault fault =
        notice_event_read(job->payload.data, job->payload.size, &notice, &job->redrive->order_no);

    if (fault != RECORD_FAULT_NONE) {
        return stays(job, "It still cannot be read: %s.", record_fault_name(fault));
    }
    if (notice_rule_is_newer(&notice)) {
        return stays(job, "This worker does not know version %" PRIu32 " of notices.",
                     notice.version);
    }
    job->is_notice = true;
    job->redrive->order_no = notice.order_no;
    job->redrive->sale = order_no_sale(notice.order_no);
    const enum err err = notice_apply_in(link, &notice, &place, &job->applied);
    if (err == ERR_RANGE || err == ERR_PARSE) {
        return stays_dead(job, err == ERR_PARSE ? DEAD_REASON_ROW : DEAD_REASON_VALUE);
    }
    if (err == ERR_OK) {
        snprintf(outcome, size, "notice %s", notice_result_name(job->applied.result));
    }
    return err;
}

/* The letter tells the outcome; the log of operators the reason, too ("": none), in their words. */
static enum err resolve(struct job *job, struct mysql_link *link, const char *action,
                        const char *outcome, const char *why)
{
    char detail[DETAIL_SIZE];

    snprintf(detail, sizeof detail, "id=%" PRIu64 " order_no=%" PRIu64 " %s%s%s", job->id,
             job->redrive->order_no.value, outcome, why[0] != '\0' ? ": " : "", why);
    snprintf(job->redrive->resolution, sizeof job->redrive->resolution, "%.20s: %s",
             job->actor->name, outcome);
    enum err err = dead_store_resolve_in(link, job->id, job->redrive->resolution);
    return err == ERR_OK ? admin_log_put(link, job->actor, action, job->redrive->sale, detail)
                         : err;
}

static enum err body(struct mysql_link *link, void *arg)
{
    struct job *job = arg;
    char outcome[OUTCOME_SIZE];

    job->is_notice = false;
    job->stats = (struct settle_stats){0};
    enum err err = dead_store_lock_in(link, job->id, keep_letter, job);
    if (err != ERR_OK) {
        return err;
    }
    if (job->redrive->resolved_ms > 0) {
        job->redrive->result = REDRIVE_BEFORE;
        return ERR_OK;
    }
    if (strcmp(job->place.topic, job->topics->orders) == 0) {
        err = read_order(job, link, outcome, sizeof outcome);
    } else if (strcmp(job->place.topic, job->topics->notices) == 0) {
        err = read_notice(job, link, outcome, sizeof outcome);
    } else {
        return stays(job, "It is of the topic %s; only letters of %s and %s are driven again.",
                     job->place.topic, job->topics->orders, job->topics->notices);
    }
    if (err == ERR_OK && job->is_trial) {
        job->redrive->result = REDRIVE_GOOD;
        return STAYS;
    }
    return err == ERR_OK ? resolve(job, link, "redrive_dead_letter", outcome, "") : err;
}

static enum err close_body(struct mysql_link *link, void *arg)
{
    struct job *job = arg;

    job->is_notice = false; /* what the trial did is undone, and not told */
    job->stats = (struct settle_stats){0};
    const enum err err = dead_store_lock_in(link, job->id, keep_letter, job);
    if (err != ERR_OK) {
        return err;
    }
    if (job->redrive->resolved_ms > 0) {
        job->redrive->result = REDRIVE_BEFORE;
        return ERR_OK;
    }
    job->redrive->result = REDRIVE_CLOSED;
    return resolve(job, link, "close_dead_letter", "closed", job->actor->why);
}

/* When it was resolved, by the database's clock. */
static enum err keep_time(void *arg, const struct dead_letter *letter)
{
    *(int64_t *)arg = letter->resolved_ms;
    return ERR_OK;
}

/* After the commit. */
static void tell(const struct job *job)
{
    for (uint32_t i = 0; i < job->stats.freeze_count; i++) {
        const struct settle_freeze *freeze = &job->stats.freezes[i];
        freeze_alarm(freeze->sale, &freeze->cause, freeze->result);
    }
    if (job->is_notice) {
        notice_applied_tell(&job->applied, NULL);
    }
}

/* One transaction with the letter. */
static enum err deal_with(struct mysql_link *link, struct job *job, mysql_link_body_fn *deal)
{
    enum err err = mysql_link_transaction(link, deal, job);
    const enum redrive_result result = job->redrive->result;

    if (err == ERR_OK) {
        tell(job);
    }
    if (err == ERR_OK && (result == REDRIVE_APPLIED || result == REDRIVE_CLOSED)) {
        err = dead_store_read(link, job->id, keep_time, &job->redrive->resolved_ms);
        LOG_WARN("dead_letter_resolved", KV_U64("id", job->id),
                 KV_U64("sale", job->redrive->sale.value),
                 KV_STR("result", job->redrive->resolution));
    }
    return err == STAYS && (result == REDRIVE_STAYS || result == REDRIVE_GOOD) ? ERR_OK : err;
}

/* `close`: by the operator's word, where it cannot be driven. */
static enum err run(struct mysql_link *link, struct job *job, bool close)
{
    struct redrive redrive = {.result = REDRIVE_APPLIED};

    job->plan = settle_plan_create();
    if (!job->plan) {
        return ERR_NO_MEMORY;
    }
    job->is_trial = close;
    buf_init(&job->payload, PAYLOAD_MAX);
    struct redrive *ret_redrive = job->redrive;
    job->redrive = &redrive;
    enum err err = deal_with(link, job, body);
    if (close && err == ERR_OK && redrive.result == REDRIVE_STAYS) {
        err = deal_with(link, job, close_body);
    }
    if (err == ERR_OK) {
        *ret_redrive = redrive;
    }
    settle_plan_destroy(job->plan);
    buf_finish(&job->payload);
    return err;
}

enum err redrive_dead_letter(struct mysql_link *link, const struct redrive_topics *topics,
                             uint64_t id, const struct admin_actor *actor,
                             struct redrive *ret_redrive)
{
    struct job job = {.topics = topics, .id = id, .actor = actor, .redrive = ret_redrive};

    return run(link, &job, false);
}

enum err redrive_close_dead_letter(struct mysql_link *link, const struct redrive_topics *topics,
                                   uint64_t id, const struct admin_actor *actor,
                                   struct redrive *ret_redrive)
{
    struct job job = {.topics = topics, .id = id, .actor = actor, .redrive = ret_redrive};

    ASSERT(actor->why && actor->why[0] != '\0');
    ASSERT(strlen(actor->why) <= REDRIVE_REASON_SIZE_MAX); /* it would be cut in mid-character */
    return run(link, &job, true);
}
