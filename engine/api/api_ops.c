#include "api/api_ops.h"

#include "codec/json_out.h"
#include "common/assert.h"
#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

enum { METRICS_SIZE_MAX = 4 * 1024 * 1024 };

struct api_ops {
    struct api_ops_options options;
    struct buf text;              /* of the reply that is being made */
    struct api_ops_causes causes; /* of the same one */
};

static void add(struct api_ops_causes *causes, const char *name, const char *detail,
                bool is_warning)
{
    struct api_ops_cause *cause;
    size_t size = detail ? strlen(detail) : 0;

    ASSERT(name);
    if (causes->count == API_OPS_CAUSES_MAX) {
        return;
    }
    cause = &causes->causes[causes->count++];
    cause->name = name;
    cause->is_warning = is_warning;
    size = size < sizeof cause->detail ? size : sizeof cause->detail - 1;
    if (size > 0) {
        memcpy(cause->detail, detail, size);
    }
    cause->detail[size] = '\0';
}

void api_ops_cause_add(struct api_ops_causes *causes, const char *name, const char *detail)
{
    add(causes, name, detail, false);
}

void api_ops_warning_add(struct api_ops_causes *causes, const char *name, const char *detail)
{
    add(causes, name, detail, true);
}

/* Gives out what was written to ops->text. */
static void reply(struct api_ops *ops, struct http_exchange *exchange, int status,
                  const char *content_type)
{
    const struct http_reply answer = {
        .status = status,
        .content_type = content_type,
        .body = {ops->text.data, ops->text.size},
    };

    if (ops->text.failed) {
        http_reply_refusal(exchange, HTTP_PROBLEM_INTERNAL, NULL);
        return;
    }
    http_reply(exchange, &answer);
}

static void on_livez(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_ops *ops = arg;
    bool is_alive = !ops->options.alive || ops->options.alive(ops->options.arg);

    (void)request;
    buf_clear(&ops->text);
    buf_append_text(&ops->text, is_alive ? "{\"status\":\"alive\"}" : "{\"status\":\"stalled\"}");
    reply(ops, exchange, is_alive ? 200 : 503, "application/json");
}

static uint32_t count_warnings(const struct api_ops_causes *causes)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < causes->count; i++) {
        count += causes->causes[i].is_warning ? 1 : 0;
    }
    return count;
}

static void write_list(struct json_out *out, const char *name, const struct api_ops_causes *causes,
                       bool is_warning)
{
    json_out_name(out, name);
    json_out_begin_array(out);
    for (uint32_t i = 0; i < causes->count; i++) {
        const struct api_ops_cause *cause = &causes->causes[i];

        if (cause->is_warning == is_warning) {
            json_out_begin_object(out);
            json_out_member_text(out, "name", cause->name);
            json_out_member_text(out, "detail", cause->detail);
            json_out_end_object(out);
        }
    }
    json_out_end_array(out);
}

static void write_causes(struct buf *text, const struct api_ops_causes *causes)
{
    const uint32_t warning_count = count_warnings(causes);
    struct json_out out;

    json_out_init(&out, text);
    json_out_begin_object(&out);
    json_out_member_text(&out, "status", causes->count == warning_count ? "ready" : "not-ready");
    write_list(&out, "causes", causes, false);
    if (warning_count > 0) {
        write_list(&out, "warnings", causes, true);
    }
    json_out_end_object(&out);
}

static void on_readyz(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_ops *ops = arg;

    (void)request;
    ops->causes.count = 0;
    ops->options.ready(ops->options.arg, &ops->causes);
    buf_clear(&ops->text);
    write_causes(&ops->text, &ops->causes);
    reply(ops, exchange, ops->causes.count == count_warnings(&ops->causes) ? 200 : 503,
          "application/json");
}

static void on_metrics(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct api_ops *ops = arg;

    (void)request;
    if (ops->options.refresh) {
        ops->options.refresh(ops->options.arg);
    }
    buf_clear(&ops->text);
    metrics_write(ops->options.metrics, ops->options.process, &ops->text);
    reply(ops, exchange, 200, "text/plain; version=0.0.4; charset=utf-8");
}

struct api_ops *api_ops_create(const struct api_ops_options *options)
{
    struct api_ops *ops = calloc(1, sizeof *ops);

    ASSERT(options->metrics && options->process && options->ready);
    if (!ops) {
        return NULL;
    }
    ops->options = *options;
    buf_init(&ops->text, METRICS_SIZE_MAX);
    return ops;
}

void api_ops_destroy(struct api_ops *ops)
{
    if (!ops) {
        return;
    }
    buf_finish(&ops->text);
    free(ops);
}

void api_ops_routes(struct api_ops *ops, struct http_route routes[static API_OPS_ROUTES])
{
    const unsigned flags = HTTP_ROUTE_HEAD | HTTP_ROUTE_VITAL;

    routes[0] = (struct http_route){HTTP_METHOD_GET, "/livez", on_livez, ops, flags};
    routes[1] = (struct http_route){HTTP_METHOD_GET, "/readyz", on_readyz, ops, flags};
    routes[2] = (struct http_route){HTTP_METHOD_GET, "/metrics", on_metrics, ops, flags};
}
