#include "admin/admin_input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_job.h"
#include "http/http_reply.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

/* False: answered. */
static bool read_letter_id(struct admin_job *job, struct http_slice text)
{
    const struct http_problem_extra extra = {.detail =
                                                 "A dead letter's id is a whole number from 1."};

    job->letter_id = 0;
    for (size_t i = 0; i < text.size; i++) {
        const bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (!is_digit || job->letter_id > INT64_MAX / 10 - 1) {
            job->letter_id = 0;
            break;
        }
        job->letter_id = job->letter_id * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (job->letter_id == 0) {
        http_reply_refusal(job->exchange, HTTP_PROBLEM_BAD_QUERY, &extra);
        return false;
    }
    return true;
}

/* Path parameters of the route. False: answered. */
static bool read_params(struct admin_job *job, const char *pattern,
                        const struct http_request *request)
{
    const struct http_slice *params = request->params;

    if (request->param_count == 0) {
        return true;
    }
    if (strstr(pattern, "{order_no}")) {
        if (order_no_parse(params[0].data, params[0].size, &job->order_no) != ERR_OK) {
            http_reply_refusal(job->exchange, HTTP_PROBLEM_BAD_ORDER_NO, NULL);
            return false;
        }
        return true;
    }
    if (strstr(pattern, "{id}")) {
        return read_letter_id(job, params[0]);
    }
    if (sale_id_parse(params[0].data, params[0].size, &job->sale) != ERR_OK) {
        http_reply_refusal(job->exchange, HTTP_PROBLEM_BAD_SALE, NULL);
        return false;
    }
    if (request->param_count > 1
        && sku_parse(params[1].data, params[1].size, &job->sku) != ERR_OK) {
        http_reply_refusal(job->exchange, HTTP_PROBLEM_BAD_SKU, NULL);
        return false;
    }
    return true;
}

static void refuse_query(const struct admin_job *job, const char *detail)
{
    const struct http_problem_extra extra = {.detail = detail};

    http_reply_refusal(job->exchange, HTTP_PROBLEM_BAD_QUERY, &extra);
}

/* A decimal query parameter up to `max`; absent: unchanged. False: answered. */
static bool query_number(const struct admin_job *job, const struct http_request *request,
                         const char *name, uint64_t min, uint64_t max, uint64_t *value)
{
    char text[24], detail[80];
    char *end = NULL;
    const int size = http_request_query(request, name, text, sizeof text);

    if (size == -1) {
        return true;
    }
    const bool is_digit = size > 0 && text[0] >= '0' && text[0] <= '9';
    const unsigned long long number = is_digit ? strtoull(text, &end, 10) : 0;
    if (!is_digit || *end != '\0' || number < min || number > max) {
        snprintf(detail, sizeof detail, "%s is a whole number from %" PRIu64 " to %" PRIu64 ".",
                 name, min, max);
        refuse_query(job, detail);
        return false;
    }
    *value = number;
    return true;
}

/* What the rows of a list have as their state. */
struct state_names {
    int count;
    const char *(*name)(int state);
};

static const char *name_of_order(int state)
{
    return order_state_name((enum order_state)state);
}

static const char *name_of_payment(int state)
{
    return payment_state_name((enum payment_state)state);
}

static void refuse_state(const struct admin_job *job, const struct state_names *names)
{
    char detail[160] = "state is one of";

    for (int state = 0; state < names->count; state++) {
        const size_t used = strlen(detail);
        snprintf(detail + used, sizeof detail - used, " %s%c", names->name(state),
                 state + 1 < names->count ? ',' : '.');
    }
    refuse_query(job, detail);
}

/* False: answered, with the names that there are. */
static bool query_state(struct admin_job *job, const char *pattern,
                        const struct http_request *request)
{
    static const struct state_names orders = {ORDER_STATE_COUNT, name_of_order};
    static const struct state_names payments = {PAYMENT_STATE_COUNT, name_of_payment};
    const bool is_payment = strstr(pattern, "/payments") != NULL;
    char text[16];
    const int size = http_request_query(request, "state", text, sizeof text);
    enum err err = ERR_OK;

    job->query.has_state = size >= 0;
    if (size >= 0) {
        err = is_payment ? payment_state_from_name(text, &job->query.payment_state)
                         : order_state_from_name(text, &job->query.state);
    }
    if (size >= -1 && err == ERR_OK) {
        return true;
    }
    refuse_state(job, is_payment ? &payments : &orders);
    return false;
}

/* False: answered. */
static bool query_open(struct admin_job *job, const struct http_request *request)
{
    char text[8];
    const int size = http_request_query(request, "open", text, sizeof text);

    if (size != -1 && (size < 0 || strcmp(text, "true") != 0)) {
        refuse_query(job, "open is true, or is left out.");
        return false;
    }
    job->query.open_only = size >= 0;
    return true;
}

/* False: answered. */
static bool read_query(struct admin_job *job, const char *pattern,
                       const struct http_request *request)
{
    char text[BUYER_SIZE_MAX + 1];
    uint64_t sale = 0, limit = LIMIT_DEFAULT;

    if (!query_number(job, request, "sale", 1, SALE_ID_MAX, &sale)
        || !query_number(job, request, "after", 0, INT64_MAX, &job->query.after)
        || !query_number(job, request, "limit", 1, LIMIT_MAX, &limit)) {
        return false;
    }
    job->query.limit = (uint32_t)limit;
    job->query.sale = (struct sale_id){(uint32_t)sale};
    job->query.has_sale = sale > 0;
    const int size = http_request_query(request, "buyer", text, sizeof text);
    if (size == -2 || (size >= 0 && buyer_parse(text, (size_t)size, &job->query.buyer) != ERR_OK)) {
        refuse_query(job, "buyer is 1 to 64 visible ASCII characters.");
        return false;
    }
    job->query.has_buyer = size >= 0;
    return query_open(job, request) && query_state(job, pattern, request);
}

bool admin_input_read(struct admin_job *job, const char *pattern,
                      const struct http_request *request)
{
    return read_params(job, pattern, request) && read_query(job, pattern, request);
}
