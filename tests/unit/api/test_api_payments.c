/* A provider of this test stands in for payments/: it says of a notice what the test wants. */
#include "api/api_payments.h"

#include <criterion/criterion.h>
#include <string.h>

#include "api/api_notices.h"
#include "api/api_reply.h"
#include "common/metrics.h"
#include "payments/provider.h"
#include "support/fakes/fake_http.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_notices.h"

struct provider {
    const char *name;
    struct provider_answer success, failure;
};

static struct provider plain = {"standard", {200, NULL, ""}, {0, NULL, ""}};
static struct provider wordy = {
    "alipay", {200, "text/plain", "success"}, {0, "text/plain", "failure"}};
static enum provider_result verdict;
static int read_count;

const struct provider *payments_find(const struct payments *payments, const char *name, size_t size)
{
    (void)payments;
    if (size == 8 && memcmp(name, "standard", size) == 0) {
        return &plain;
    }
    return size == 6 && memcmp(name, "alipay", size) == 0 ? &wordy : NULL;
}

const char *provider_name(const struct provider *provider)
{
    return provider->name;
}

enum provider_result provider_read(const struct provider *provider,
                                   const struct provider_request *request,
                                   struct notice *ret_notice)
{
    read_count++;
    cr_assert(request->body_size == 4 && memcmp(request->body, "body", 4) == 0);
    if (verdict == PROVIDER_OK) {
        *ret_notice = (struct notice){.version = 1,
                                      .kind = NOTICE_KIND_PAID,
                                      .event_id = "evt-1",
                                      .occurred_ms = 1,
                                      .received_ms = 2};
        memcpy(ret_notice->provider, provider->name, strlen(provider->name));
    }
    return verdict;
}

struct provider_answer provider_success(const struct provider *provider)
{
    return provider->success;
}

struct provider_answer provider_failure(const struct provider *provider)
{
    return provider->failure;
}

static const struct {
    const char *name, *text;
    int status;
} results[] = {
#define X(name, label, status, text) {label, text, status},
    PROVIDER_RESULTS(X)
#undef X
};

const char *provider_result_name(enum provider_result result)
{
    return results[result].name;
}

int provider_result_status(enum provider_result result)
{
    return results[result].status;
}

const char *provider_result_text(enum provider_result result)
{
    return results[result].text;
}

enum { START_US = 5000000, ANSWER_MS = 3000 };

static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
static struct loop *loop;
static struct producer producer;
static struct api_notices *notices;
static struct api_payments *api;
static struct api_reply reply;
static struct metrics *metrics;
static struct fake_answer last;
static int answer_count;

static void begin(void)
{
    loop = fake_loop_create(START_US);
    producer = (struct producer){.is_ready = true};
    metrics = metrics_create();
    api_reply_init(&reply);
    notices = api_notices_create(&(struct api_notices_options){
        .loop = loop, .producer = &producer, .waits_max = 2, .answer_ms = ANSWER_MS});
    api = api_payments_create(&(struct api_payments_options){
        .loop = loop, .notices = notices, .reply = &reply, .shard = metrics_shard(metrics)});
    cr_assert(notices && api);
    verdict = PROVIDER_OK;
}

static void end(void)
{
    api_payments_destroy(api);
    api_notices_destroy(notices);
    api_reply_finish(&reply);
    metrics_destroy(metrics);
    fake_loop_destroy(loop);
}

TestSuite(api_payments, .init = begin, .fini = end);

static void on_answered(void *arg, const struct fake_answer *answer)
{
    (void)arg;
    answer_count++;
    last = *answer;
}

static void post(const char *provider)
{
    struct http_route routes[API_PAYMENTS_ROUTES];
    struct http_request request = {.method = HTTP_METHOD_POST,
                                   .params = {{provider, strlen(provider)}},
                                   .param_count = 1,
                                   .body = {"body", 4}};
    struct traceparent traceparent;

    memcpy(traceparent.text, trace, sizeof trace);
    api_payments_routes(api, routes);
    routes[0].handler(routes[0].arg, fake_http_exchange(START_US, &traceparent, on_answered, NULL),
                      &request);
}

static void expect_answer(int count, int status, const char *code)
{
    cr_assert_eq(answer_count, count);
    cr_assert_eq(last.status, status);
    cr_assert_str_eq(last.code, code);
}

static int64_t counted(enum label_PAYMENT_NOTICE label)
{
    return metrics_value(metrics, METRIC_payment_notices_total, label);
}

Test(api_payments, an_unknown_provider_is_told_so)
{
    post("nobody");
    expect_answer(1, 404, "unknown-provider");
    cr_assert_eq(read_count, 0);
}

Test(api_payments, a_topic_that_takes_nothing_spares_the_signature)
{
    producer.is_ready = false;
    post("standard");
    expect_answer(1, 503, "overloaded");
    cr_assert_eq(read_count, 0);
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_standard_UNAVAILABLE), 1);
}

Test(api_payments, each_verdict_has_its_answer)
{
    static const struct {
        enum provider_result verdict;
        int status;
        const char *code;
        enum label_PAYMENT_NOTICE label;
    } rows[] = {
        {PROVIDER_NOT_SIGNED, 400, "notice-unreadable", LABEL_PAYMENT_NOTICE_standard_NOT_SIGNED},
        {PROVIDER_BAD_SIGNATURE, 401, "notice-untrusted",
         LABEL_PAYMENT_NOTICE_standard_BAD_SIGNATURE},
        {PROVIDER_TOO_OLD, 401, "notice-untrusted", LABEL_PAYMENT_NOTICE_standard_TOO_OLD},
        {PROVIDER_TOO_NEW, 401, "notice-untrusted", LABEL_PAYMENT_NOTICE_standard_TOO_NEW},
        {PROVIDER_BAD_BODY, 400, "notice-unreadable", LABEL_PAYMENT_NOTICE_standard_BAD_BODY},
        {PROVIDER_INTERNAL, 503, "overloaded", LABEL_PAYMENT_NOTICE_standard_INTERNAL},
    };

    for (int i = 0; i < (int)(sizeof rows / sizeof rows[0]); i++) {
        verdict = rows[i].verdict;
        post("standard");
        expect_answer(i + 1, rows[i].status, rows[i].code);
        cr_assert_eq(counted(rows[i].label), 1);
    }
    cr_assert_eq(producer.count, 0);
}

Test(api_payments, success_is_told_with_the_report_and_not_before)
{
    post("standard");
    cr_assert_eq(answer_count, 0);
    cr_assert_eq(producer.count, 1);
    cr_assert_str_eq(producer.appends[0].notice.traceparent.text, trace);
    fake_notices_report(&producer, 0, ERR_OK);
    expect_answer(1, 200, "");
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_standard_OK), 1);
}

Test(api_payments, what_is_not_reported_is_not_known)
{
    post("standard");
    fake_loop_advance_us(loop, ANSWER_MS * 1000);
    expect_answer(1, 503, "outcome-unknown");
    fake_notices_report(&producer, 0, ERR_OK);
    post("standard");
    fake_notices_report(&producer, 1, ERR_REFUSED);
    cr_assert_eq(last.status, 503); /* and late: its exchange came at START_US */
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_standard_UNKNOWN), 1);
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_standard_UNAVAILABLE), 1);
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_standard_OK), 0);
}

Test(api_payments, a_full_queue_is_told_at_once)
{
    producer.refusal = ERR_BUSY;
    post("standard");
    expect_answer(1, 503, "overloaded");
}

Test(api_payments, a_provider_with_words_of_its_own_gets_them)
{
    post("alipay");
    fake_notices_report(&producer, 0, ERR_OK);
    expect_answer(1, 200, "success");
    verdict = PROVIDER_BAD_SIGNATURE;
    post("alipay");
    expect_answer(2, 401, "failure");
    producer.is_ready = false;
    post("alipay");
    expect_answer(3, 503, "failure");
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_alipay_OK), 1);
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_alipay_BAD_SIGNATURE), 1);
    cr_assert_eq(counted(LABEL_PAYMENT_NOTICE_alipay_UNAVAILABLE), 1);
}
