#include "payments/provider.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "payments_world.h"

#define KEY "whsec_0123456789abcdef0123456789"
#define OLD_KEY "whsec_an-older-secret-of-some-length"
#define INTENT                                                                                     \
    "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"amount\":200000,\"amount_received\":199900," \
    "\"currency\":\"cny\",\"latest_charge\":\"ch_1\",\"metadata\":{\"order_no\":\"" WORLD_ORDER    \
    "\"}}"
#define CHARGE                                                                                     \
    "{\"id\":\"ch_1\",\"object\":\"charge\",\"amount\":199900,\"amount_refunded\":100,"            \
    "\"currency\":\"usd\",\"payment_intent\":\"pi_1\",\"refunds\":null,\"metadata\":"              \
    "{\"order_no\":\"" WORLD_ORDER "\"}}"
#define EVENT(type, object)                                                                        \
    "{\"id\":\"evt_1\",\"object\":\"event\",\"api_version\":\"2025-01-27.acacia\","                \
    "\"created\":1799999990,\"type\":\"" type "\",\"data\":{\"object\":" object "}}"
#define BODY EVENT("payment_intent.succeeded", INTENT)

static struct world world;

static void begin(void)
{
    world_begin(&world);
    world_set(&world, "payments.stripe_secret_files=%s,%s",
              world_text_file(&world, "new", KEY "\n"), world_text_file(&world, "old", OLD_KEY));
    world_start(&world);
}

static void end(void)
{
    world_end(&world);
}

TestSuite(stripe, .init = begin, .fini = end);

static const char *hex_of(const char *key, int64_t time_s, const char *body)
{
    static char text[WORLD_TEXT_MAX + 64];
    unsigned char mac[32];

    (void)snprintf(text, sizeof text, "%lld.%s", (long long)time_s, body);
    world_mac(key, strlen(key), text, mac);
    return world_hex(mac, sizeof mac);
}

static enum provider_result read_header(const char *header)
{
    world_no_headers(&world);
    world_header(&world, "Stripe-Signature", "%s", header);
    return world_read(&world, "stripe");
}

static enum provider_result read_at(int64_t time_s, const char *body)
{
    char header[200];

    world_body(&world, body);
    (void)snprintf(header, sizeof header, "t=%lld,v1=%s,v0=abcd", (long long)time_s,
                   hex_of(KEY, time_s, body));
    return read_header(header);
}

static enum provider_result read_body(const char *body)
{
    return read_at(WORLD_NOW_S, body);
}

Test(stripe, a_payment_intent_that_succeeded_is_paid)
{
    cr_assert_eq(read_body(BODY), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
    cr_assert_str_eq(world.notice.provider, "stripe");
    cr_assert_str_eq(world.notice.event_id, "evt_1");
    cr_assert_str_eq(world.notice.transaction_id, "pi_1");
    cr_assert_eq(world.notice.order_no.value, WORLD_ORDER_NO);
    cr_assert(world.notice.has_amount);
    cr_assert_eq(world.notice.amount, 199900, "what was received");
    cr_assert_str_eq(world.notice.currency, "CNY");
    cr_assert_eq(world.notice.occurred_ms, INT64_C(1799999990000));
    cr_assert_eq(world.notice.received_ms, WORLD_NOW_S * 1000);
}

Test(stripe, other_events_have_their_kind)
{
    cr_assert_eq(read_body(EVENT("payment_intent.payment_failed", INTENT)), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_FAILED);
    cr_assert_eq(world.notice.amount, 200000);
    cr_assert_eq(read_body(EVENT("charge.refunded", CHARGE)), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_REFUNDED);
    cr_assert_eq(world.notice.amount, 100);
    cr_assert_str_eq(world.notice.currency, "USD");
    cr_assert_str_eq(world.notice.transaction_id, "pi_1", "that of the payment");
    cr_assert_eq(read_body(EVENT("payment_intent.created", INTENT)), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_OTHER);
    cr_assert_eq(world.notice.order_no.value, 0);
    cr_assert_str_eq(world.notice.event_id, "evt_1");
}

Test(stripe, a_charge_without_an_intent_is_its_own_transaction)
{
    cr_assert_eq(read_body(EVENT("charge.refunded", "{\"id\":\"ch_2\",\"payment_intent\":null}")),
                 PROVIDER_OK);
    cr_assert_str_eq(world.notice.transaction_id, "ch_2");
    cr_assert(!world.notice.has_amount);
}

/* The secret is not decoded: what stands behind whsec_ alone does not sign. */
Test(stripe, the_key_is_the_whole_text)
{
    char header[200];

    world_body(&world, BODY);
    (void)snprintf(header, sizeof header, "t=1800000000,v1=%s",
                   hex_of(&KEY[strlen("whsec_")], WORLD_NOW_S, BODY));
    cr_assert_eq(read_header(header), PROVIDER_BAD_SIGNATURE);
}

Test(stripe, each_secret_and_each_signature_may_fit)
{
    char header[400];

    world_body(&world, BODY);
    (void)snprintf(header, sizeof header, "t=1800000000,v1=%064d,v1=%s", 0,
                   hex_of(OLD_KEY, WORLD_NOW_S, BODY));
    cr_assert_eq(read_header(header), PROVIDER_OK);
    (void)snprintf(header, sizeof header,
                   "v1=%s, v1=%064d, t=1800000000, x=", hex_of(KEY, WORLD_NOW_S, BODY), 0);
    cr_assert_eq(read_header(header), PROVIDER_OK, "in any order");
    (void)snprintf(header, sizeof header, "t=1800000000,v1=%064d", 0);
    cr_assert_eq(read_header(header), PROVIDER_BAD_SIGNATURE);
    (void)snprintf(header, sizeof header, "t=1800000001,v1=%s", hex_of(KEY, WORLD_NOW_S, BODY));
    cr_assert_eq(read_header(header), PROVIDER_BAD_SIGNATURE, "another time");
    (void)snprintf(header, sizeof header, "t=01800000000,v1=%s", hex_of(KEY, WORLD_NOW_S, BODY));
    cr_assert_eq(read_header(header), PROVIDER_BAD_SIGNATURE, "the same time in other letters");
}

Test(stripe, a_time_is_good_for_the_tolerance)
{
    cr_assert_eq(read_at(WORLD_NOW_S - 300, BODY), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S - 301, BODY), PROVIDER_TOO_OLD);
    cr_assert_eq(read_at(WORLD_NOW_S + 300, BODY), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S + 301, BODY), PROVIDER_TOO_NEW);
}

Test(stripe, a_header_that_cannot_be_read_is_refused)
{
    static const char *const bad[] = {
        "",
        ",",
        "t=1800000000",
        "v1=%s",
        "t=,v1=%s",
        "t=1800000000,v1=",
        "t=1800000000,v1",
        "t=1800000000,t=1800000000,v1=%s",
        "t=1800000000,v1=%sa",
        "t=1800000000,,v1=%s",
        "t=1800000000,v1=%.63s",
        "t=1.8e9,v1=%s",
        "t=-1800000000,v1=%s",
        "t=1800000000,v0=%s",
        "t=1800000000,V1=%s",
        "t=1800000000;v1=%s",
    };
    char header[1400], capital[80];
    const char *hex = hex_of(KEY, WORLD_NOW_S, BODY);

    world_body(&world, BODY);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(header, sizeof header, bad[i], hex);
        cr_assert_eq(read_header(header), PROVIDER_NOT_SIGNED, "%s", bad[i]);
    }
    (void)snprintf(capital, sizeof capital, "%s", hex);
    capital[strcspn(capital, "abcdef")] = 'A';
    (void)snprintf(header, sizeof header, "t=1800000000,v1=%s", capital);
    cr_assert_eq(read_header(header), PROVIDER_NOT_SIGNED, "capital hex");
    (void)snprintf(header, sizeof header, "t=1800000000");
    for (int i = 0; i < 9; i++) {
        strcat(strcat(header, ",v1="), hex);
    }
    cr_assert_eq(read_header(header), PROVIDER_NOT_SIGNED, "nine signatures");
    cr_assert_eq(read_body(BODY), PROVIDER_OK);
    world_header(&world, "stripe-signature", "%s", world.headers[0].value);
    cr_assert_eq(world_read(&world, "stripe"), PROVIDER_NOT_SIGNED, "two headers");
    world_no_headers(&world);
    cr_assert_eq(world_read(&world, "stripe"), PROVIDER_NOT_SIGNED, "none");
}

Test(stripe, a_signed_body_that_is_no_event_is_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"id\":\"evt_1\"}",
        "{\"type\":\"a\"}",
        "{\"id\":7,\"type\":\"a\"}",
        "{\"id\":\"evt 1\",\"type\":\"a\"}",
        "{\"id\":\"e\",\"type\":\"a\",\"id\":\"f\"}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_body(bad[i]), PROVIDER_BAD_BODY, "%s", bad[i]);
    }
}

Test(stripe, what_cannot_be_read_is_left_out)
{
    static const char *const bad[] = {
        "null",
        "{}",
        "{\"metadata\":null,\"amount\":5,\"currency\":null}",
        "{\"metadata\":{\"order_no\":1099578736641},\"amount\":5,\"currency\":\"CNY\"}",
        "{\"metadata\":{\"order_no\":\"1\"},\"amount\":-5,\"currency\":\"cny\"}",
        /* What was received cannot be read: what was asked for is no answer. */
        "{\"amount_received\":null,\"amount\":5,\"currency\":\"cny\"}",
    };
    char body[512];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)snprintf(body, sizeof body,
                       "{\"id\":\"e\",\"type\":\"payment_intent.succeeded\",\"created\":\"x\","
                       "\"data\":{\"object\":%s}}",
                       bad[i]);
        cr_assert_eq(read_body(body), PROVIDER_OK, "%s", body);
        cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
        cr_assert_eq(world.notice.order_no.value, 0, "%s", body);
        cr_assert(!world.notice.has_amount, "%s", body);
        cr_assert_eq(world.notice.occurred_ms, world.now_ms);
    }
}

Test(stripe, a_secret_that_is_none_stops_the_start)
{
    world_set(&world, "payments.stripe_secret_files=%s",
              world_text_file(&world, "bad", "sk_live_0123456789abcdef"));
    payments_destroy(world.payments);
    world.payments = NULL;
    cr_assert_not_null(
        strstr(world_refused(&world), "configuration: payments.stripe_secret_files: /tmp/"));
    cr_assert_not_null(strstr(world.error, "/bad does not begin with whsec_"));
    cr_assert_null(strstr(world.error, "sk_live"));
}
