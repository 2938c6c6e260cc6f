#include "admin/admin_body.h"

#include <string.h>

#include "admin/admin_job.h"

bool admin_body_read(struct admin_job *job, uint32_t depth_max, admin_body_fn *take, void *arg)
{
    const struct json_limits limits = {.size_max = ADMIN_BODY_MAX, .depth_max = depth_max};
    struct json_doc doc = {0};
    struct json_error error;
    struct json_take object;

    if (json_doc_read(job->body, job->body_size, &limits, &doc, &error) != ERR_OK) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_JSON, "%s", error.text);
        return false;
    }
    json_take_begin(&object, json_doc_root(&doc));
    take(&object, arg);
    const bool good = json_take_end(&object, &error) == ERR_OK;
    if (!good) {
        admin_answer_problem(job, HTTP_PROBLEM_BAD_BODY, "%s", error.text);
    }
    json_doc_finish(&doc);
    return good;
}

void admin_body_text(struct json_take *object, const char *name, enum json_need need,
                     char *ret_text, size_t size)
{
    const char *text = NULL;
    size_t used = 0;

    if (json_take_text(object, name, need, 1, size - 1, &text, &used)) {
        memcpy(ret_text, text, used + 1);
    }
}
