#include "payments/provider.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "payments_world.h"

#define API_KEY "0123456789abcdef0123456789abcdef"
#define NEW_API_KEY "another key of exactly 32 bytes."
#define SERIAL "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
#define PUBLIC_ID "PUB_KEY_ID_0000000000000024101100397200000006"
#define NONCE "fdasflkja484"
#define TRANSACTION                                                                                \
    "{\"mchid\":\"1230000109\",\"appid\":\"wxd678efh567hg6787\",\"out_trade_no\":\"" WORLD_ORDER   \
    "\",\"transaction_id\":\"1217752501201407033233368018\",\"trade_type\":\"NATIVE\","            \
    "\"trade_state\":\"SUCCESS\",\"success_time\":\"2027-01-15T15:59:58+08:00\","                  \
    "\"payer\":{\"openid\":\"o\"},\"amount\":{\"total\":199900,\"payer_total\":199800,"            \
    "\"currency\":\"CNY\",\"payer_currency\":\"CNY\"}}"
#define REFUND                                                                                     \
    "{\"mchid\":\"1230000109\",\"transaction_id\":\"1217752501201407033233368018\","               \
    "\"out_trade_no\":\"" WORLD_ORDER "\",\"refund_id\":\"50200207182018070300011301001\","        \
    "\"out_refund_no\":\"r-1\",\"refund_status\":\"SUCCESS\",\"success_time\":"                    \
    "\"2027-01-15T15:59:59+08:00\",\"amount\":{\"total\":199900,\"refund\":500,"                   \
    "\"payer_total\":199900,\"payer_refund\":500}}"

static struct world world;
static struct world_rsa *rsa;

static void begin(void)
{
    world_begin(&world);
    rsa = world_rsa_make(2048);
    world_set(&world, "payments.wechatpay_key_files=" SERIAL "=%s",
              world_rsa_certificate(&world, rsa, "certificate.pem"));
    world_set(&world, "payments.wechatpay_api_key_file=%s",
              world_text_file(&world, "api", API_KEY "\n"));
    world_start(&world);
}

static void end(void)
{
    world_rsa_free(rsa);
    world_end(&world);
}

TestSuite(wechatpay, .init = begin, .fini = end);

static void headers(const char *serial, int64_t time_s, const char *signature)
{
    world_no_headers(&world);
    world_header(&world, "Wechatpay-Serial", "%s", serial);
    world_header(&world, "Wechatpay-Timestamp", "%lld", (long long)time_s);
    world_header(&world, "Wechatpay-Nonce", "%s", NONCE);
    world_header(&world, "Wechatpay-Signature", "%s", signature);
    world_header(&world, "Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048");
}

static const char *sign(const struct world_rsa *key, int64_t time_s)
{
    static char text[WORLD_TEXT_MAX + 200];

    (void)snprintf(text, sizeof text, "%lld\n%s\n%.*s\n", (long long)time_s, NONCE,
                   (int)world.body_size, world.body);
    return world_rsa_sign(key, text);
}

static enum provider_result read_at(int64_t time_s, const char *body)
{
    world_body(&world, body);
    headers(SERIAL, time_s, sign(rsa, time_s));
    return world_read(&world, "wechatpay");
}

static enum provider_result read_body(const char *body)
{
    return read_at(WORLD_NOW_S, body);
}

/* An event whose resource was sealed with a key. */
static const char *event_by(const char *key, const char *type, const char *resource)
{
    static char body[8192];

    (void)snprintf(body, sizeof body,
                   "{\"id\":\"EV-2018022511223320873\",\"create_time\":"
                   "\"2027-01-15T15:59:59.5+08:00\",\"resource_type\":\"encrypt-resource\","
                   "\"event_type\":\"%s\",\"summary\":\"\xe6\x94\xaf\xe4\xbb\x98\",\"resource\":{"
                   "\"original_type\":\"transaction\",\"algorithm\":\"AEAD_AES_256_GCM\","
                   "\"ciphertext\":\"%s\",\"associated_data\":\"transaction\",\"nonce\":\"%s\"}}",
                   type, world_seal(key, NONCE, "transaction", resource), NONCE);
    return body;
}

static const char *event(const char *type, const char *resource)
{
    return event_by(API_KEY, type, resource);
}

Test(wechatpay, a_transaction_that_succeeded_is_paid)
{
    cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", TRANSACTION)), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
    cr_assert_str_eq(world.notice.provider, "wechatpay");
    cr_assert_str_eq(world.notice.event_id, "EV-2018022511223320873");
    cr_assert_str_eq(world.notice.transaction_id, "1217752501201407033233368018");
    cr_assert_eq(world.notice.order_no.value, WORLD_ORDER_NO);
    cr_assert(world.notice.has_amount);
    cr_assert_eq(world.notice.amount, 199900);
    cr_assert_str_eq(world.notice.currency, "CNY");
    cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 - 2000);
}

Test(wechatpay, a_refund_is_of_its_payment)
{
    cr_assert_eq(read_body(event("REFUND.SUCCESS", REFUND)), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_REFUNDED);
    cr_assert_eq(world.notice.amount, 500);
    cr_assert_str_eq(world.notice.currency, "CNY");
    cr_assert_str_eq(world.notice.transaction_id, "1217752501201407033233368018");
    cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 - 1000);
}

Test(wechatpay, other_events_have_no_effect)
{
    static const char *const types[] = {"REFUND.ABNORMAL", "REFUND.CLOSED", "transaction.success"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        cr_assert_eq(read_body(event_by(NEW_API_KEY, types[i], TRANSACTION)), PROVIDER_OK,
                     "not even opened");
        cr_assert_eq(world.notice.kind, NOTICE_KIND_OTHER);
        cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 - 500);
    }
    cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", "{\"trade_state\":\"NOTPAY\"}")),
                 PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_OTHER);
    cr_assert_eq(read_body(event("REFUND.SUCCESS", "{\"refund_status\":null}")), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_OTHER);
}

Test(wechatpay, the_serial_picks_the_key)
{
    struct world_rsa *other = world_rsa_make(2048);

    world_set(&world,
              "payments.wechatpay_key_files=" SERIAL "=%s/certificate.pem, " PUBLIC_ID "=%s",
              world.directory, world_rsa_file(&world, other, "public.pem"));
    world_start(&world);
    world_body(&world, event("TRANSACTION.SUCCESS", TRANSACTION));
    headers(PUBLIC_ID, WORLD_NOW_S, sign(other, WORLD_NOW_S));
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_OK);
    headers(PUBLIC_ID, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "the other's");
    headers("7777", WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "of nobody");
    world_rsa_free(other);
}

Test(wechatpay, what_was_signed_is_what_came)
{
    world_body(&world, event("TRANSACTION.SUCCESS", TRANSACTION));
    headers(SERIAL, WORLD_NOW_S + 1, sign(rsa, WORLD_NOW_S));
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "another time");
    headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    world.headers[2].value[0] ^= 1;
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "another nonce");
    headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    world.body[20] ^= 1;
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "another body");
}

Test(wechatpay, a_time_is_good_for_the_tolerance)
{
    const char *body = event("TRANSACTION.SUCCESS", TRANSACTION);

    cr_assert_eq(read_at(WORLD_NOW_S - 300, body), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S - 301, body), PROVIDER_TOO_OLD);
    cr_assert_eq(read_at(WORLD_NOW_S + 300, body), PROVIDER_OK);
    cr_assert_eq(read_at(WORLD_NOW_S + 301, body), PROVIDER_TOO_NEW);
}

Test(wechatpay, headers_are_there_once_and_readable)
{
    world_body(&world, event("TRANSACTION.SUCCESS", TRANSACTION));
    for (uint32_t i = 0; i < 5; i++) {
        headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
        world_header(&world, world.headers[i].name, "%s", world.headers[i].value);
        cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_NOT_SIGNED, "%u twice", i);
    }
    for (uint32_t i = 0; i < 4; i++) {
        headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
        world.headers[i].name[0] = 'x';
        cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_NOT_SIGNED, "no %u", i);
    }
    headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    world.headers[4].name[0] = 'x';
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_OK, "the type may be missing");
    headers(SERIAL, WORLD_NOW_S, sign(rsa, WORLD_NOW_S));
    (void)snprintf(world.headers[4].value, 40, "WECHATPAY2-SM2-WITH-SM3");
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_NOT_SIGNED, "another algorithm");
    headers(SERIAL, WORLD_NOW_S, "WECHATPAY/SIGNTEST/not base64");
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_NOT_SIGNED);
    headers(SERIAL, WORLD_NOW_S, "WECHATPAY/SIGNTEST/AAAAA");
    cr_assert_eq(world_read(&world, "wechatpay"), PROVIDER_BAD_SIGNATURE, "their probe");
}

Test(wechatpay, the_api_key_may_be_two_while_it_changes)
{
    const char *body = event_by(NEW_API_KEY, "TRANSACTION.SUCCESS", TRANSACTION);

    cr_assert_eq(read_body(body), PROVIDER_BAD_BODY);
    world_set(&world, "payments.wechatpay_api_key_file=%s/api,%s", world.directory,
              world_text_file(&world, "new-api", NEW_API_KEY));
    world_start(&world);
    cr_assert_eq(read_body(body), PROVIDER_OK);
    cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", TRANSACTION)), PROVIDER_OK);
}

Test(wechatpay, a_signed_body_that_cannot_be_opened_is_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"id\":\"e\"}",
        "{\"event_type\":\"a\"}",
        "{\"id\":\"a b\",\"event_type\":\"a\"}",
        "{\"id\":\"e\",\"id\":\"e\",\"event_type\":\"a\"}",
        "{\"id\":\"e\",\"event_type\":\"TRANSACTION.SUCCESS\"}",
        "{\"id\":\"e\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{}}",
        "{\"id\":\"e\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{\"algorithm\":"
        "\"AEAD_AES_256_GCM\",\"nonce\":\"" NONCE "\",\"ciphertext\":\"AAAA\"}}",
        "{\"id\":\"e\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{\"algorithm\":"
        "\"AEAD_AES_256_GCM\",\"nonce\":\"" NONCE
        "\",\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}",
        "{\"id\":\"e\",\"event_type\":\"TRANSACTION.SUCCESS\",\"resource\":{\"algorithm\":"
        "\"AEAD_SM4_GCM\",\"nonce\":\"" NONCE
        "\",\"ciphertext\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}",
    };
    char body[8192];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_body(bad[i]), PROVIDER_BAD_BODY, "%s", bad[i]);
    }
    (void)snprintf(body, sizeof body, "%s", event("TRANSACTION.SUCCESS", TRANSACTION));
    memcpy(strstr(body, "AEAD_AES_256_GCM"), "AEAD_AES_256_CCM", strlen("AEAD_AES_256_CCM"));
    cr_assert_eq(read_body(body), PROVIDER_BAD_BODY, "of an algorithm that is not ours");
    cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", "not JSON")), PROVIDER_BAD_BODY);
    cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", "")), PROVIDER_BAD_BODY);
}

Test(wechatpay, what_cannot_be_read_is_left_out)
{
    static const char *const bad[] = {
        "{}",
        "{\"out_trade_no\":7,\"amount\":{\"total\":\"5\",\"currency\":\"CNY\"}}",
        "{\"out_trade_no\":\"007\",\"amount\":{\"total\":-5}}",
        "{\"out_trade_no\":\"order\",\"amount\":{\"total\":5,\"currency\":null}}",
        "{\"amount\":5,\"success_time\":\"soon\",\"transaction_id\":7}",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_body(event("TRANSACTION.SUCCESS", bad[i])), PROVIDER_OK, "%s", bad[i]);
        cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
        cr_assert_eq(world.notice.order_no.value, 0);
        cr_assert(!world.notice.has_amount, "%s", bad[i]);
        cr_assert_str_eq(world.notice.transaction_id, "");
        cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 - 500, "when it was created");
    }
}

Test(wechatpay, settings_go_together)
{
    payments_destroy(world.payments);
    world.payments = NULL;
    world_set(&world, "payments.wechatpay_api_key_file=");
    cr_assert_str_eq(world_refused(&world),
                     "configuration: payments.wechatpay_api_key_file: must be set, too");
    world_set(&world, "payments.wechatpay_api_key_file=%s",
              world_text_file(&world, "short", "a secret of 31 bytes, not of 32"));
    cr_assert_not_null(strstr(world_refused(&world), "/short must hold 32 bytes"));
    cr_assert_null(strstr(world.error, "a secret"));
    world_set(&world, "payments.wechatpay_api_key_file=%s/api", world.directory);
    world_set(&world, "payments.wechatpay_key_files=");
    cr_assert_str_eq(world_refused(&world),
                     "configuration: payments.wechatpay_key_files: must be set, too");
    world_set(&world, "payments.wechatpay_key_files=%s/certificate.pem", world.directory);
    cr_assert_not_null(strstr(world_refused(&world), "/certificate.pem is not SERIAL=path"));
    world_set(&world, "payments.wechatpay_key_files=1=%s/certificate.pem,1=%s/certificate.pem",
              world.directory, world.directory);
    cr_assert_not_null(strstr(world_refused(&world), "has a serial number that is there twice"));
    world_set(&world, "payments.wechatpay_key_files=1=");
    cr_assert_not_null(strstr(world_refused(&world), "1= is not SERIAL=path"));
}

Test(wechatpay, is_answered_in_its_own_words)
{
    const struct provider *provider = payments_find(world.payments, "wechatpay", 9);

    cr_assert_eq(provider_success(provider).status, 200);
    cr_assert_null(provider_success(provider).content_type);
    cr_assert_str_eq(provider_failure(provider).content_type, "application/json");
    cr_assert_str_eq(provider_failure(provider).body,
                     "{\"code\":\"FAIL\",\"message\":\"The notice was not taken.\"}");
}
