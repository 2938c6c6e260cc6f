/* api_payments.c: on_post → provider_read (what is signed) → on_told (the log's word). */
#include "api/api_payments.h"

#include <stdlib.h>
#include <string.h>

#include "api/api_notices.h"
#include "api/api_reply.h"
#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "domain/notice.h"
#include "loop/loop.h"
#include "payments/provider.h"

/* How a notice ends: what its signature said, or that the log did not take it. */
enum {
    END_UNAVAILABLE = PROVIDER_RESULT_COUNT, /* surely not written */
    END_UNKNOWN,                             /* not reported in time */
    END_COUNT
};

static const char *const names[] = {
#define PROVIDER(name, ...) #name,
#include "payments/providers.def"
#undef PROVIDER
};
enum { PROVIDERS = sizeof names / sizeof names[0] };
static_assert((int)LABEL_PAYMENT_NOTICE_COUNT == (int)PROVIDERS * (int)END_COUNT,
              "a label for each end of each provider's notices");

struct api_payments {
    struct api_payments_options with;
};

/* Of a provider that was found. */
static uint32_t index_of(const struct provider *provider)
{
    for (uint32_t i = 0; i < PROVIDERS; i++) {
        if (strcmp(names[i], provider_name(provider)) == 0) {
            return i;
        }
    }
    UNREACHABLE();
}

static const struct provider *find(const struct api_payments *api, const char *name, size_t size)
{
    return payments_find(api->with.payments, name, size);
}

static void count(const struct api_payments *api, uint32_t provider, uint32_t end)
{
    metrics_add(api->with.shard, METRIC_payment_notices_total, provider * END_COUNT + end, 1);
}

/* --- answers --- */

static void answer(struct http_exchange *exchange, int status, const struct provider_answer *form)
{
    const struct http_reply reply = {
        .status = status,
        .content_type = form->content_type,
        .body = {form->body, strlen(form->body)},
    };

    http_reply(exchange, &reply);
}

static void say_problem(const struct api_payments *api, struct http_exchange *exchange,
                        uint32_t end)
{
    static const char challenge[] = "WWW-Authenticate: Signature realm=\"payments\"\r\n";
    struct http_problem_extra extra = {0};

    if (end == END_UNKNOWN) {
        api_reply_detail(api->with.reply, exchange, OUTCOME_OUTCOME_UNKNOWN,
                         api_notices_unknown_text());
        return;
    }
    if (end == END_UNAVAILABLE) {
        api_reply_detail(api->with.reply, exchange, OUTCOME_OVERLOADED, api_notices_away_text());
        return;
    }
    extra.detail = provider_result_text((enum provider_result)end);
    switch (provider_result_status((enum provider_result)end)) {
    case 400: http_reply_refusal(exchange, HTTP_PROBLEM_NOTICE_UNREADABLE, &extra); return;
    case 401:
        extra.headers = (struct http_slice){challenge, sizeof challenge - 1};
        http_reply_refusal(exchange, HTTP_PROBLEM_NOTICE_UNTRUSTED, &extra);
        return;
    default: api_reply_detail(api->with.reply, exchange, OUTCOME_OVERLOADED, extra.detail); return;
    }
}

/* Any end but PROVIDER_OK. */
static void refuse(const struct api_payments *api, struct http_exchange *exchange,
                   const struct provider *provider, uint32_t end)
{
    const struct provider_answer form = provider_failure(provider);
    int status =
        end < PROVIDER_RESULT_COUNT ? provider_result_status((enum provider_result)end) : 503;

    count(api, index_of(provider), end);
    if (form.content_type == NULL) {
        say_problem(api, exchange, end);
    } else {
        answer(exchange, status, &form);
    }
}

/* --- the flow --- */

/* `mark` is the provider's index. */
static void on_told(void *arg, struct http_exchange *exchange, const struct api_notices_end *end)
{
    const struct api_payments *api = arg;
    const char *name = names[end->mark];
    const struct provider *provider = find(api, name, strlen(name));

    if (end->status != ERR_OK) {
        refuse(api, exchange, provider, end->status == ERR_REFUSED ? END_UNAVAILABLE : END_UNKNOWN);
        return;
    }
    const struct provider_answer form = provider_success(provider);
    count(api, end->mark, PROVIDER_OK);
    answer(exchange, form.status, &form);
}

static uint32_t read_header(const void *arg, const char *name, struct provider_text *ret_value)
{
    struct http_slice value = {NULL, 0};
    uint32_t times = http_request_header_count(arg, name, &value);

    if (times > 0) {
        *ret_value = (struct provider_text){value.data, value.size};
    }
    return times;
}

static void on_post(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_payments *api = arg;
    const struct provider *provider = find(api, request->params[0].data, request->params[0].size);
    struct notice notice;

    if (provider == NULL) {
        http_reply_refusal(exchange, HTTP_PROBLEM_UNKNOWN_PROVIDER, NULL);
        return;
    }
    if (!api_notices_are_taken(api->with.notices)) {
        refuse(api, exchange, provider, END_UNAVAILABLE);
        return;
    }
    enum provider_result result =
        provider_read(provider,
                      &(struct provider_request){.body = request->body.data,
                                                 .body_size = request->body.size,
                                                 .header = read_header,
                                                 .header_arg = request,
                                                 .now_ms = loop_wall_ms(api->with.loop)},
                      &notice);
    if (result != PROVIDER_OK) {
        LOG_WARN("payment_notice_refused", KV_STR("provider", provider_name(provider)),
                 KV_STR("result", provider_result_name(result)));
        refuse(api, exchange, provider, result);
        return;
    }
    notice.traceparent = *http_exchange_traceparent(exchange);
    if (api_notices_send(api->with.notices, exchange, &notice, index_of(provider), on_told, api)
        != ERR_OK) {
        refuse(api, exchange, provider, END_UNAVAILABLE);
    }
}

struct api_payments *api_payments_create(const struct api_payments_options *options)
{
    struct api_payments *api = calloc(1, sizeof *api);

    if (api != NULL) {
        api->with = *options;
    }
    return api;
}

void api_payments_destroy(struct api_payments *api)
{
    free(api);
}

void api_payments_routes(struct api_payments *api,
                         struct http_route routes[static API_PAYMENTS_ROUTES])
{
    routes[0] = (struct http_route){.method = HTTP_METHOD_POST,
                                    .pattern = "/v1/payments/{provider}",
                                    .handler = on_post,
                                    .arg = api,
                                    .flags = HTTP_ROUTE_BODY};
}
