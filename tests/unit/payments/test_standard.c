#include "payments/provider.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "payments_world.h"

#define KEY "123456789012345678901234"
#define OLD_KEY "an older key of 32 bytes exactly"
#define BODY_OF(type, data)                                                                        \
    "{\"type\":\"" type "\",\"timestamp\":\"2027-01-15T08:00:01.5Z\",\"data\":" data "}"
#define DATA                                                                                       \
    "{\"order_no\":\"" WORLD_ORDER "\",\"transaction_id\":\"t-1\",\"amount\":199900,"              \
    "\"currency\":\"CNY\"}"
#define BODY BODY_OF("payment.succeeded", DATA)

static struct world world;

static void begin(void)
{
    char secrets[2][128];

    world_begin(&world);
    (void)snprintf(secrets[0], sizeof secrets[0], "whsec_%s\n", world_base64(KEY, strlen(KEY)));
    (void)snprintf(secrets[1], sizeof secrets[1], "whsec_%s",
                   world_base64(OLD_KEY, strlen(OLD_KEY)));
    world_set(&world, "payments.standard_secret_files=%s, %s",
              world_text_file(&world, "new", secrets[0]),
              world_text_file(&world, "old", secrets[1]));
    world_start(&world);
}

static void end(void)
{
    world_end(&world);
}

TestSuite(standard, .init = begin, .fini = end);

/* "v1,<base64>" of a body by a key. */
static const char *signature_of(const char *key, const char *id, int64_t time_s, const char *body)
{
    static char text[WORLD_TEXT_MAX + 300], header[2][128];
    static int at;
    unsigned char mac[32];

    at = !at;
    (void)snprintf(text, sizeof text, "%s.%lld.%s", id, (long long)time_s, body);
    world_mac(key, strlen(key), text, mac);
    (void)snprintf(header[at], sizeof header[at], "v1,%s", world_base64(mac, sizeof mac));
    return header[at];
}

static void headers(const char *id, int64_t time_s, const char *signature)
{
    world_no_headers(&world);
    world_header(&world, "Webhook-Id", "%s", id);
    world_header(&world, "webhook-timestamp", "%lld", (long long)time_s);
    world_header(&world, "webhook-signature", "%s", signature);
}

static enum provider_result read_at(int64_t time_s, const char *body)
{
    world_body(&world, body);
    headers("msg_1", time_s, signature_of(KEY, "msg_1", time_s, body));
    return world_read(&world, "standard");
}

static enum provider_result read_body(const char *body)
{
    return read_at(WORLD_NOW_S, body);
}

Test(standard, a_signed_payment_becomes_a_notice)
{
    cr_assert_eq(read_body(BODY), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
    cr_assert_str_eq(world.notice.provider, "standard");
    cr_assert_str_eq(world.notice.event_id, "msg_1");
    cr_assert_str_eq(world.notice.transaction_id, "t-1");
    cr_assert_eq(world.notice.order_no.value, WORLD_ORDER_NO);
    cr_assert(world.notice.has_amount);
    cr_assert_eq(world.notice.amount, 199900);
    cr_assert_str_eq(world.notice.currency, "CNY");
    cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 + 1500);
    cr_assert_eq(world.notice.received_ms, WORLD_NOW_S * 1000);
    cr_assert_eq(world.notice.buyer.size, 0);
    cr_assert_str_eq(world.notice.traceparent.text, "");
}

/* The example that the libraries of the specification are tested with. */
Test(standard, the_example_of_the_specification_fits)
{
    world_set(&world, "payments.standard_secret_files=%s",
              world_text_file(&world, "example", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    world_start(&world);
    world.now_ms = INT64_C(1614265330000);
    world_body(&world, "{\"test\": 2432232314}");
    headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_BODY, "signed; it has no type");
    headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=");
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_NOT_SIGNED, "last bits that are not 0");
    headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
            "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE);
}

Test(standard, kinds_come_from_the_type)
{
    static const struct {
        const char *body;
        enum notice_kind kind;
    } cases[] = {
        {BODY_OF("payment.succeeded", DATA), NOTICE_KIND_PAID},
        {BODY_OF("payment.failed", DATA), NOTICE_KIND_FAILED},
        {BODY_OF("payment.refunded", DATA), NOTICE_KIND_REFUNDED},
        {BODY_OF("payment.created", DATA), NOTICE_KIND_OTHER},
        {BODY_OF("Payment.Succeeded", DATA), NOTICE_KIND_OTHER},
        {"{\"type\":\"x\"}", NOTICE_KIND_OTHER},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(read_body(cases[i].body), PROVIDER_OK, "%s", cases[i].body);
        cr_assert_eq(world.notice.kind, cases[i].kind, "%s", cases[i].body);
        cr_assert_eq(world.notice.order_no.value != 0, cases[i].kind != NOTICE_KIND_OTHER);
    }
}

Test(standard, each_secret_and_each_signature_may_fit)
{
    char both[400];
    const char *other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    world_body(&world, BODY);
    headers("m", WORLD_NOW_S, signature_of(OLD_KEY, "m", WORLD_NOW_S, BODY));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_OK);
    (void)snprintf(both, sizeof both, "%s v1a,anything %s v2,%s", other,
                   signature_of(KEY, "m", WORLD_NOW_S, BODY), "!!");
    headers("m", WORLD_NOW_S, both);
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_OK);
    headers("m", WORLD_NOW_S, signature_of("a third key of 24 bytes.", "m", WORLD_NOW_S, BODY));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE);
}

Test(standard, what_was_signed_is_what_came)
{
    world_body(&world, BODY);
    headers("m2", WORLD_NOW_S, signature_of(KEY, "m", WORLD_NOW_S, BODY));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE, "another id");
    headers("m", WORLD_NOW_S + 1, signature_of(KEY, "m", WORLD_NOW_S, BODY));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE, "another time");
    headers("m", WORLD_NOW_S, signature_of(KEY, "m", WORLD_NOW_S, BODY " "));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE, "another body");
    headers("m", WORLD_NOW_S, signature_of(KEY, "m", WORLD_NOW_S, BODY));
    world.body[40] ^= 1;
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE, "a bit of the body");
}

Test(standard, a_time_is_good_for_the_tolerance)
{
    cr_assert_eq(read_at(WORLD_NOW_S - 300, BODY), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S - 301, BODY), PROVIDER_TOO_OLD);
    cr_assert_eq(read_at(WORLD_NOW_S + 300, BODY), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S + 301, BODY), PROVIDER_TOO_NEW);
    headers("m", WORLD_NOW_S - 9999, signature_of(OLD_KEY "x", "m", WORLD_NOW_S - 9999, BODY));
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_BAD_SIGNATURE, "the signature first");
    world_set(&world, "payments.tolerance_s=1");
    world_start(&world);
    cr_assert_eq(read_at(WORLD_NOW_S - 2, BODY), PROVIDER_TOO_OLD);
}

Test(standard, headers_are_there_once_and_readable)
{
    static const char *const names[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    static const char *const bad[][3] = {
        {"a.b", NULL, NULL},   {"a b", NULL, NULL},     {"\xc3\xa4", NULL, NULL},
        {NULL, "18e8", NULL},  {NULL, "", NULL},        {NULL, "-1800000000", NULL},
        {NULL, NULL, "v1,"},   {NULL, NULL, "v1"},      {NULL, NULL, "v1a,abcd"},
        {NULL, NULL, "v1,AA"}, {NULL, NULL, "v1,AAAA"}, {NULL, NULL, ""},
    };
    char many[600] = "";

    world_body(&world, BODY);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *id = bad[i][0] ? bad[i][0] : "m";

        world_no_headers(&world);
        world_header(&world, names[0], "%s", id);
        world_header(&world, names[1], "%s", bad[i][1] ? bad[i][1] : "1800000000");
        world_header(&world, names[2], "%s",
                     bad[i][2] ? bad[i][2] : signature_of(KEY, id, WORLD_NOW_S, BODY));
        cr_assert_eq(world_read(&world, "standard"), PROVIDER_NOT_SIGNED, "%zu", i);
    }
    for (size_t i = 0; i < 3; i++) {
        headers("m", WORLD_NOW_S, signature_of(KEY, "m", WORLD_NOW_S, BODY));
        world_header(&world, names[i], "%s", world.headers[i].value);
        cr_assert_eq(world_read(&world, "standard"), PROVIDER_NOT_SIGNED, "%s twice", names[i]);
        headers("m", WORLD_NOW_S, signature_of(KEY, "m", WORLD_NOW_S, BODY));
        (void)snprintf(world.headers[i].name, sizeof world.headers[i].name, "other");
        cr_assert_eq(world_read(&world, "standard"), PROVIDER_NOT_SIGNED, "no %s", names[i]);
    }
    for (int i = 0; i < 9; i++) {
        strcat(strcat(many, signature_of(KEY, "m", WORLD_NOW_S, BODY)), i < 8 ? " " : "");
    }
    headers("m", WORLD_NOW_S, many);
    cr_assert_eq(world_read(&world, "standard"), PROVIDER_NOT_SIGNED, "nine signatures");
}

Test(standard, a_signed_body_that_is_no_event_is_refused)
{
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"type\":7}",
        "{\"type\":\"\"}",
        "{\"type\":null}",
        "{\"type\":\"a\",\"type\":\"b\"}",
        "{\"type\":\"a\"} x",
        "{\"type\":\"\xff\"}",
        "{\"type\":\"a\",\"n\":99999999999999999999}",
        "{\"type\":\"a\",\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_body(bad[i]), PROVIDER_BAD_BODY, "%s", bad[i]);
    }
}

Test(standard, a_body_that_is_too_large_is_not_looked_at)
{
    char body[PROVIDER_BODY_SIZE_MAX + 2];

    memset(body, ' ', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    memcpy(body, BODY, strlen(BODY));
    cr_assert_eq(read_body(body), PROVIDER_NOT_SIGNED, "16,385 bytes");
    body[PROVIDER_BODY_SIZE_MAX] = '\0';
    cr_assert_eq(read_body(body), PROVIDER_OK);
}

Test(standard, what_cannot_be_read_is_left_out)
{
    static const char *const bad[] = {
        "null",
        "[]",
        "{}",
        "{\"order_no\":1099578736641,\"amount\":\"5\",\"currency\":\"CNY\"}",
        "{\"order_no\":\"1099578736641 \",\"amount\":-5,\"currency\":\"CNY\"}",
        "{\"order_no\":\"\",\"amount\":5.0,\"currency\":\"CNY\"}",
        "{\"order_no\":\"o-1\",\"amount\":5,\"currency\":\"cny\"}",
        "{\"order_no\":\"0\",\"amount\":5}",
        ("{\"order_no\":null,\"amount\":9007199254740993,\"currency\":\"CNY\","
         "\"transaction_id\":\"a b\"}"),
    };
    char body[512];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(body, sizeof body, "{\"type\":\"payment.succeeded\",\"data\":%s}", bad[i]);
        cr_assert_eq(read_body(body), PROVIDER_OK, "%s", body);
        cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
        cr_assert_eq(world.notice.order_no.value, 0, "%s", body);
        cr_assert(!world.notice.has_amount, "%s", body);
        cr_assert_str_eq(world.notice.transaction_id, "");
        cr_assert_eq(world.notice.occurred_ms, world.now_ms);
    }
}

Test(standard, is_answered_by_its_status)
{
    const struct provider *provider = payments_find(world.payments, "standard", 8);
    struct provider_answer answer = provider_success(provider);

    cr_assert_eq(answer.status, 200);
    cr_assert_null(answer.content_type);
    cr_assert_str_eq(answer.body, "");
    cr_assert_null(provider_failure(provider).content_type);
}
