#include "admin/admin_api.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_input.h"
#include "admin/admin_job.h"
#include "common/assert.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/secret.h"
#include "http/http_reply.h"
#include "loop/work.h"

enum { QUEUE_MAX = 64 };

struct route {
    enum http_method method;
    const char *pattern;
    admin_run_fn *run;
    unsigned flags;
};

/* The first {…} is the sale, the order number under /orders or the id of a dead letter; the second
 * is a sku. */
static const struct route routes_table[] = {
    {HTTP_METHOD_POST, "/v1/admin/sales", admin_sale_create, HTTP_ROUTE_JSON},
    {HTTP_METHOD_GET, "/v1/admin/sales", admin_sale_list, 0},
    {HTTP_METHOD_GET, "/v1/admin/sales/{sale}", admin_sale_show, 0},
    {HTTP_METHOD_GET, "/v1/admin/sales/{sale}/flow", admin_sale_flow, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/load", admin_sale_load, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/recover", admin_sale_recover, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/pause", admin_sale_pause, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/resume", admin_sale_resume, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/end", admin_sale_end, 0},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/unfreeze", admin_sale_unfreeze, HTTP_ROUTE_JSON},
    {HTTP_METHOD_POST, "/v1/admin/sales/{sale}/skus/{sku}/stock", admin_stock_add, HTTP_ROUTE_JSON},
    {HTTP_METHOD_GET, "/v1/admin/sales/{sale}/audit", admin_audit_show, 0},
    {HTTP_METHOD_GET, "/v1/admin/orders", admin_order_list, 0},
    {HTTP_METHOD_GET, "/v1/admin/orders/{order_no}", admin_order_show, 0},
    {HTTP_METHOD_POST, "/v1/admin/orders/{order_no}/redrive", admin_order_redrive, 0},
    {HTTP_METHOD_POST, "/v1/admin/orders/{order_no}/void", admin_order_void, 0},
    {HTTP_METHOD_POST, "/v1/admin/orders/{order_no}/refund", admin_order_refund, HTTP_ROUTE_JSON},
    {HTTP_METHOD_GET, "/v1/admin/dead-letters", admin_dead_list, 0},
    {HTTP_METHOD_POST, "/v1/admin/dead-letters/{id}/redrive", admin_dead_redrive, 0},
    {HTTP_METHOD_POST, "/v1/admin/dead-letters/{id}/close", admin_dead_close, HTTP_ROUTE_JSON},
    {HTTP_METHOD_GET, "/v1/admin/payments", admin_payment_list, 0},
};
enum { ROUTE_COUNT = sizeof routes_table / sizeof routes_table[0] };
static_assert((int)ROUTE_COUNT <= (int)ADMIN_ROUTES_MAX, "room for the routes");

struct bound_route {
    struct admin_api *api;
    const struct route *route;
};

struct admin_api {
    struct admin_api_options options;
    struct work_pool *pool; /* owned: short jobs */
    struct bound_route routes[ROUTE_COUNT];
    struct http_problem_text refusals[ADMIN_REFUSAL_COUNT];
};

static void init_refusals(struct admin_api *api)
{
    struct http_problem_text *text = api->refusals;

    http_problem_init(&text[ADMIN_REFUSAL_UNKNOWN_SALE], 404, "unknown-sale", "Unknown sale",
                      "There is no such sale.", false);
    http_problem_init(&text[ADMIN_REFUSAL_UNKNOWN_SKU], 404, "unknown-sku", "Unknown sku",
                      "This sale has no such sku.", false);
    http_problem_init(&text[ADMIN_REFUSAL_UNKNOWN_ORDER], 404, "unknown-order", "Unknown order",
                      "There is no such order.", false);
    http_problem_init(&text[ADMIN_REFUSAL_UNKNOWN_DEAD_LETTER], 404, "unknown-dead-letter",
                      "Unknown dead letter", "There is no such dead letter.", false);
    http_problem_init(&text[ADMIN_REFUSAL_STAYS_DEAD], 409, "stays-dead", "Stays dead",
                      "The record still cannot become an order.", false);
    http_problem_init(&text[ADMIN_REFUSAL_CONFLICT], 409, "conflict", "Conflict",
                      "That cannot be done in the present state.", false);
    http_problem_init(&text[ADMIN_REFUSAL_LOAD_RUNNING], 409, "load-running", "Load running",
                      "This sale is being loaded.", true);
    http_problem_init(&text[ADMIN_REFUSAL_UNAVAILABLE], 503, "unavailable", "Unavailable",
                      "A service behind the worker cannot be reached.", true);
    http_problem_init(&text[ADMIN_REFUSAL_BUSY], 503, "overloaded", "Overloaded",
                      "Too many admin requests are in work.", true);
}

static void *thread_begin(void *arg)
{
    const struct admin_api *api = arg;
    struct admin_thread *thread = calloc(1, sizeof *thread);

    if (thread) {
        thread->mysql = mysql_link_create(&api->options.mysql);
        thread->redis = redis_blocking_create(&api->options.redis);
    }
    ASSERT(thread && thread->mysql && thread->redis); /* at start: no memory stops the process */
    return thread;
}

static void thread_end(void *thread_state)
{
    struct admin_thread *thread = thread_state;

    mysql_link_destroy(thread->mysql);
    redis_blocking_destroy(thread->redis);
    free(thread);
    mysql_link_thread_end();
}

struct admin_api *admin_api_create(const struct admin_api_options *options)
{
    struct admin_api *api = calloc(1, sizeof *api);

    if (!api) {
        return NULL;
    }
    api->options = *options;
    init_refusals(api);
    const struct work_pool_options pool = {
        .loop = options->loop,
        .thread_count = options->conf->worker_pool_threads,
        .queue_max = QUEUE_MAX,
        .thread_begin = thread_begin,
        .thread_end = thread_end,
        .arg = api,
    };
    api->pool = work_pool_create(&pool);
    if (!api->pool) {
        admin_api_destroy(api);
        return NULL;
    }
    return api;
}

void admin_api_destroy(struct admin_api *api)
{
    if (!api) {
        return;
    }
    work_pool_destroy(api->pool);
    free(api);
}

/* --- building answers, on a pool thread --- */

void admin_answer_json(struct admin_job *job, int status, struct json_out *ret_out)
{
    ASSERT(job->answer == ADMIN_ANSWER_NONE);
    job->answer = ADMIN_ANSWER_JSON;
    job->status = status;
    json_out_init(ret_out, &job->reply);
}

void admin_answer_problem(struct admin_job *job, enum http_problem problem, const char *format, ...)
{
    va_list arguments;

    job->answer = ADMIN_ANSWER_PROBLEM;
    job->problem = problem;
    va_start(arguments, format);
    vsnprintf(job->detail, sizeof job->detail, format, arguments);
    va_end(arguments);
}

void admin_answer_refusal(struct admin_job *job, enum admin_refusal refusal, const char *format,
                          ...)
{
    va_list arguments;

    job->answer = ADMIN_ANSWER_REFUSAL;
    job->refusal = refusal;
    va_start(arguments, format);
    vsnprintf(job->detail, sizeof job->detail, format, arguments);
    va_end(arguments);
}

void admin_answer_mysql(struct admin_job *job, const struct admin_thread *thread, enum err err)
{
    LOG_WARN("admin_request_failed", KV_STR("error", err_name(err)),
             KV_STR("mysql", mysql_link_error_text(thread->mysql)), KV_STR("next", "answered 503"));
    admin_answer_refusal(job, ADMIN_REFUSAL_UNAVAILABLE, "MySQL: %s", err_text(err));
}

struct admin_actor admin_job_actor(const struct admin_job *job)
{
    return (struct admin_actor){.name = "admin", .request_id = job->request_id};
}

const struct conf *admin_job_conf(const struct admin_job *job)
{
    return job->api->options.conf;
}

struct waiter *admin_job_waiter(const struct admin_job *job)
{
    return job->api->options.waiter;
}

const char *admin_job_owner(const struct admin_job *job)
{
    return job->api->options.owner;
}

struct guard_loads *admin_job_loads(const struct admin_job *job)
{
    return job->api->options.loads;
}

/* --- from the loop to a thread and back --- */

static void send_answer(struct admin_job *job)
{
    const struct http_problem_extra extra = {.detail = job->detail[0] ? job->detail : NULL};
    const struct http_slice none = {0};

    if (job->reply.failed) {
        job->answer = ADMIN_ANSWER_PROBLEM;
        job->problem = HTTP_PROBLEM_INTERNAL;
    }
    switch (job->answer) {
    case ADMIN_ANSWER_NONE: http_reply_refusal(job->exchange, HTTP_PROBLEM_INTERNAL, NULL); break;
    case ADMIN_ANSWER_JSON: {
        const struct http_slice body = {job->reply.data, job->reply.size};
        http_reply_json(job->exchange, job->status, body, none);
        break;
    }
    case ADMIN_ANSWER_PROBLEM: http_reply_refusal(job->exchange, job->problem, &extra); break;
    case ADMIN_ANSWER_REFUSAL:
        http_reply_problem(job->exchange, &job->api->refusals[job->refusal], &extra);
        break;
    }
    job->exchange = NULL;
}

static void job_destroy(struct admin_job *job)
{
    buf_finish(&job->reply);
    free(job);
}

static void run_job(void *arg, void *thread_state)
{
    struct admin_job *job = arg;

    job->run(job, thread_state);
}

static void count_audit(const struct admin_job *job)
{
    struct metrics_shard *shard = job->api->options.audit_shard;

    metrics_set(shard, METRIC_reconcile_diff, 0, job->violations);
    for (uint32_t label = 0; label < 32; label++) {
        if (job->violated & (1u << label)) {
            metrics_add(shard, METRIC_invariant_violations_total, label, 1);
        }
    }
}

static void on_job_done(void *arg)
{
    struct admin_job *job = arg;

    if (job->is_audit) {
        count_audit(job);
    }
    send_answer(job);
    job_destroy(job);
}

/* False: answered. */
static bool is_authorized(const struct admin_api *api, struct http_exchange *exchange,
                          const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const struct http_slice given = http_request_known(request, HTTP_HEADER_AUTHORIZATION);
    const size_t scheme_size = sizeof scheme - 1;

    struct http_problem_extra extra = {.detail =
                                           "Authorization: Bearer and the admin token are needed."};

    if (given.size <= scheme_size || strncasecmp(given.data, scheme, scheme_size) != 0) {
        http_reply_refusal(exchange, HTTP_PROBLEM_TOKEN_MISSING, &extra);
        return false;
    }
    if (!secret_equal(given.data + scheme_size, given.size - scheme_size, api->options.token,
                      strlen(api->options.token))) {
        extra.detail = "This is not the admin token of this worker.";
        http_reply_refusal(exchange, HTTP_PROBLEM_TOKEN_BAD, &extra);
        return false;
    }
    return true;
}

static void handle(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct bound_route *bound = arg;

    if (!is_authorized(bound->api, exchange, request)) {
        return;
    }
    struct admin_job *job = calloc(1, sizeof *job);
    if (!job) {
        http_reply_problem(exchange, &bound->api->refusals[ADMIN_REFUSAL_BUSY], NULL);
        return;
    }
    job->api = bound->api;
    job->exchange = exchange;
    job->run = bound->route->run;
    buf_init(&job->reply, ADMIN_REPLY_MAX);
    snprintf(job->request_id, sizeof job->request_id, "%s", http_exchange_request_id(exchange));
    if (!admin_input_read(job, bound->route->pattern, request)) {
        job_destroy(job);
        return;
    }
    ASSERT(request->body.size <= ADMIN_BODY_MAX);
    memcpy(job->body, request->body.size ? request->body.data : "", request->body.size);
    job->body_size = request->body.size;
    if (work_submit(bound->api->pool, run_job, on_job_done, job) != ERR_OK) {
        http_reply_problem(exchange, &bound->api->refusals[ADMIN_REFUSAL_BUSY], NULL);
        job_destroy(job);
    }
}

uint32_t admin_api_routes(struct admin_api *api, struct http_route routes[static ADMIN_ROUTES_MAX])
{
    for (uint32_t i = 0; i < ROUTE_COUNT; i++) {
        api->routes[i] = (struct bound_route){.api = api, .route = &routes_table[i]};
        routes[i] = (struct http_route){
            .method = routes_table[i].method,
            .pattern = routes_table[i].pattern,
            .handler = handle,
            .arg = &api->routes[i],
            .flags = routes_table[i].flags,
        };
    }
    return ROUTE_COUNT;
}
