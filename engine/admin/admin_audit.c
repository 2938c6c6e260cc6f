#include <stdio.h>
#include <string.h>

#include "admin/admin_body.h"
#include "admin/admin_job.h"
#include "common/log.h"
#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "settlement/audit.h"

enum { REST_WAIT_MS = 10000, REASON_SIZE = 201 };

static void write_report(struct json_out *out, const struct audit_report *report)
{
    json_out_begin_object(out);
    json_out_member_u64(out, "sale", report->sale.value);
    json_out_member_bool(out, "ok", report->violations == 0 && report->untold == 0);
    json_out_member_bool(out, "at_rest", report->at_rest);
    json_out_member_bool(out, "frozen", report->is_frozen);
    json_out_member_u64(out, "violations", report->violations);
    json_out_name(out, "checks");
    json_out_begin_array(out);
    for (uint32_t i = 0; i < report->check_count; i++) {
        const struct audit_check *check = &report->checks[i];
        json_out_begin_object(out);
        json_out_member_text(out, "id", check->id);
        json_out_member_text(out, "name", check->name);
        json_out_member_bool(out, "ok", check->result == AUDIT_HOLDS);
        json_out_member_text(out, "result", audit_result_name(check->result));
        json_out_member_text(out, "found", check->found);
        json_out_end_object(out);
    }
    json_out_end_array(out);
    json_out_end_object(out);
}

static void log_violations(const struct audit_report *report)
{
    for (uint32_t i = 0; i < report->check_count; i++) {
        const struct audit_check *check = &report->checks[i];
        if (check->result == AUDIT_VIOLATED) {
            LOG_ERROR("invariant_violated", KV_U64("sale", report->sale.value),
                      KV_STR("id", check->id), KV_STR("check", check->name),
                      KV_STR("found", check->found),
                      KV_STR("next", "RUNBOOK: an audit that does not hold"));
        }
    }
}

/* False: answered. */
static bool run_audit(struct admin_job *job, struct admin_thread *thread,
                      struct audit_report *report)
{
    const struct audit_context context = {
        .mysql = thread->mysql,
        .redis = thread->redis,
        .waiter = admin_job_waiter(job),
        .conf = admin_job_conf(job),
        .rest_wait_ms = REST_WAIT_MS,
    };
    char why[AUDIT_TEXT_SIZE];
    const enum err err = audit_run(&context, job->sale, report, why);

    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err != ERR_OK) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNAVAILABLE, "%s", why);
    }
    if (err != ERR_OK) {
        return false;
    }
    log_violations(report);
    job->is_audit = true;
    job->violations = report->violations;
    for (uint32_t i = 0; i < report->check_count; i++) {
        job->violated |=
            report->checks[i].result == AUDIT_VIOLATED ? 1u << report->checks[i].label : 0;
    }
    return true;
}

void admin_audit_show(struct admin_job *job, struct admin_thread *thread)
{
    struct audit_report report;
    struct json_out out;

    if (run_audit(job, thread, &report)) {
        admin_answer_json(job, 200, &out);
        write_report(&out, &report);
    }
}

/* --- the release of a frozen sale --- */

struct release_request {
    char reason[REASON_SIZE];
    bool is_forced;
    bool stays_paused;
};

static void take_release(struct json_take *object, void *arg)
{
    struct release_request *request = arg;

    (void)json_take_bool(object, "force", JSON_OPTIONAL, &request->is_forced);
    (void)json_take_bool(object, "paused", JSON_OPTIONAL, &request->stays_paused);
    admin_body_text(object, "reason", JSON_OPTIONAL, request->reason, sizeof request->reason);
    if (request->is_forced && request->reason[0] == '\0') {
        json_take_fault(object, "reason", "is needed with force");
    }
}

/* The ids of what does not hold, or could not be told: "I4, I14". */
static void list_ids(const struct audit_report *report, enum audit_result result, char *text,
                     size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < report->check_count; i++) {
        if (report->checks[i].result == result && used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     report->checks[i].id);
        }
    }
}

/* True: nothing speaks against it. False: answered. */
static bool audit_allows(struct admin_job *job, struct admin_thread *thread)
{
    struct audit_report report;
    char ids[128];

    if (!run_audit(job, thread, &report)) {
        return false;
    }
    if (report.violations > 0) {
        list_ids(&report, AUDIT_VIOLATED, ids, sizeof ids);
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "The audit of the sale finds violated: %s. Mend it, or force with a "
                             "reason.",
                             ids);
        return false;
    }
    if (report.untold > 0) {
        list_ids(&report, AUDIT_NOT_TOLD, ids, sizeof ids);
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "It cannot be told now whether these hold: %s. Ask again.", ids);
        return false;
    }
    return true;
}

static void answer_released(struct admin_job *job, struct admin_thread *thread, enum err err)
{
    if (err == ERR_OK) {
        admin_answer_sale(job, thread, 200);
    } else if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err == ERR_CONFLICT) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT, "The sale is not frozen.");
    } else if (err == ERR_FENCED) {
        admin_answer_refusal(job, ADMIN_REFUSAL_CONFLICT,
                             "Something changed the sale while it was audited. Ask again.");
    } else {
        admin_answer_mysql(job, thread, err);
    }
}

void admin_sale_unfreeze(struct admin_job *job, struct admin_thread *thread)
{
    struct release_request request = {.is_forced = false};
    char why[REASON_SIZE + 32];
    struct admin_actor actor = admin_job_actor(job);
    struct sale_row row;

    if (!admin_body_read(job, 1, take_release, &request)) {
        return;
    }
    enum err err = mysql_link_ensure(thread->mysql);
    err = err == ERR_OK ? sale_store_read(thread->mysql, job->sale, &row) : err;
    if (err == ERR_OK && row.control != SALE_CONTROL_FROZEN) {
        err = ERR_CONFLICT;
    }
    if (err == ERR_OK && !request.is_forced && !audit_allows(job, thread)) {
        return;
    }
    if (err == ERR_OK) {
        const struct sale_release release = {
            .sale = job->sale, .version = row.version, .stays_paused = request.stays_paused};
        snprintf(why, sizeof why, "%s%s", request.is_forced ? "forced: " : "the audit holds; ",
                 request.reason);
        actor.why = why;
        err = sale_store_release(thread->mysql, &release, &actor);
    }
    if (err == ERR_OK) {
        LOG_WARN("sale_unfrozen", KV_U64("sale", job->sale.value),
                 KV_BOOL("forced", request.is_forced), KV_STR("reason", request.reason),
                 KV_STR("next", request.stays_paused ? "paused" : "as it was, after the hold"));
    }
    answer_released(job, thread, err);
}
