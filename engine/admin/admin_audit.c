#include "admin/admin_job.h"
#include "common/log.h"
#include "settlement/audit.h"

enum { REST_WAIT_MS = 10000 };

static void write_report(struct json_out *out, const struct audit_report *report)
{
    json_out_begin_object(out);
    json_out_member_u64(out, "sale", report->sale.value);
    json_out_member_bool(out, "ok", report->violations == 0 && report->at_rest);
    json_out_member_bool(out, "at_rest", report->at_rest);
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

void admin_audit_show(struct admin_job *job, struct admin_thread *thread)
{
    const struct audit_context context = {
        .mysql = thread->mysql,
        .redis = thread->redis,
        .waiter = admin_job_waiter(job),
        .conf = admin_job_conf(job),
        .rest_wait_ms = REST_WAIT_MS,
    };
    struct audit_report report;
    char why[AUDIT_TEXT_SIZE];
    struct json_out out;
    const enum err err = audit_run(&context, job->sale, &report, why);

    if (err == ERR_NOT_FOUND) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNKNOWN_SALE, "There is no sale %u.",
                             job->sale.value);
    } else if (err != ERR_OK) {
        admin_answer_refusal(job, ADMIN_REFUSAL_UNAVAILABLE, "%s", why);
    } else {
        log_violations(&report);
        job->is_audit = true;
        job->violations = report.violations;
        for (uint32_t i = 0; i < report.check_count; i++) {
            job->violated |=
                report.checks[i].result == AUDIT_VIOLATED ? 1u << report.checks[i].label : 0;
        }
        admin_answer_json(job, 200, &out);
        write_report(&out, &report);
    }
}
