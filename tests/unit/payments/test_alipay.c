#include "payments/provider.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payments_world.h"

#define APP "2015102700040153"
/* WORLD_NOW_S is 2027-01-15 16:00:00 in China. */
#define NOW "2027-01-15 16:00:00"

enum { FIELDS_MAX = 24 };

static struct world world;
static struct world_rsa *rsa;
/* What Alipay sends: changed by a test, then signed and encoded. */
static struct {
    char name[32], value[128];
} fields[FIELDS_MAX];
static int field_count;

static void set(const char *name, const char *value)
{
    int i = 0;

    while (i < field_count && strcmp(fields[i].name, name) != 0) {
        i++;
    }
    if (i == field_count) {
        cr_assert(field_count++ < FIELDS_MAX);
    }
    (void)snprintf(fields[i].name, sizeof fields[i].name, "%s", name);
    (void)snprintf(fields[i].value, sizeof fields[i].value, "%s", value);
}

static void drop(const char *name)
{
    for (int i = 0; i < field_count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            fields[i] = fields[--field_count];
            return;
        }
    }
    cr_assert_fail("no field %s", name);
}

static void set_sample(void)
{
    static const char *const sample[][2] = {
        {"total_amount", "1999.00"},
        {"buyer_id", "2088102116773037"},
        {"body", "\xe5\xa4\xa7 2+1"},
        {"trade_no", "2016071921001003030200089909"},
        {"refund_fee", "0.00"},
        {"notify_time", NOW},
        {"subject", "a=b&c%"},
        {"charset", "utf-8"},
        {"notify_type", "trade_status_sync"},
        {"out_trade_no", WORLD_ORDER},
        {"gmt_payment", "2027-01-15 15:59:58"},
        {"trade_status", "TRADE_SUCCESS"},
        {"version", "1.0"},
        {"app_id", APP},
        {"seller_id", "2088102119685838"},
        {"notify_id", "4a91b7a78a503640467525113fb7d8bg8e"},
    };

    field_count = 0;
    for (size_t i = 0; i < sizeof sample / sizeof sample[0]; i++) {
        set(sample[i][0], sample[i][1]);
    }
}

static void begin(void)
{
    world_begin(&world);
    rsa = world_rsa_make(2048);
    world_set(&world, "payments.alipay_key_files=%s", world_rsa_file(&world, rsa, "key.pem"));
    world_set(&world, "payments.alipay_app_id=%s", APP);
    world_start(&world);
    set_sample();
}

static void end(void)
{
    world_rsa_free(rsa);
    world_end(&world);
}

TestSuite(alipay, .init = begin, .fini = end);

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b); /* the name is first */
}

static void append_encoded(char *to, const char *value)
{
    for (; *value; value++) {
        char text[4] = {*value, '\0'};

        if (!isalnum((unsigned char)*value) && !strchr("-_.", *value)) {
            (void)snprintf(text, sizeof text, "%%%02X", (unsigned char)*value);
        }
        strcat(to, text);
    }
}

/* The text that is signed. */
static const char *content(void)
{
    static char text[8192];

    text[0] = '\0';
    qsort(fields, (size_t)field_count, sizeof fields[0], by_name);
    for (int i = 0; i < field_count; i++) {
        if (strcmp(fields[i].name, "sign_type") != 0) {
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s",
                           text[0] ? "&" : "", fields[i].name, fields[i].value);
        }
    }
    return text;
}

static void encode(const char *sign)
{
    static char body[16384];

    body[0] = '\0';
    for (int i = field_count - 1; i >= 0; i--) {
        strcat(strcat(body, fields[i].name), "=");
        append_encoded(body, fields[i].value);
        strcat(body, "&");
    }
    strcat(body, "sign=");
    append_encoded(body, sign);
    strcat(body, "&sign_type=RSA2");
    world_body(&world, body);
}

static enum provider_result read_by(const struct world_rsa *key)
{
    encode(world_rsa_sign(key, content()));
    return world_read(&world, "alipay");
}

static enum provider_result read_signed(void)
{
    return read_by(rsa);
}

Test(alipay, a_trade_that_succeeded_is_paid)
{
    cr_assert_eq(read_signed(), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
    cr_assert_str_eq(world.notice.provider, "alipay");
    cr_assert_str_eq(world.notice.event_id, "4a91b7a78a503640467525113fb7d8bg8e");
    cr_assert_str_eq(world.notice.transaction_id, "2016071921001003030200089909");
    cr_assert_eq(world.notice.order_no.value, WORLD_ORDER_NO);
    cr_assert(world.notice.has_amount);
    cr_assert_eq(world.notice.amount, 199900);
    cr_assert_str_eq(world.notice.currency, "CNY");
    cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000 - 2000);
}

Test(alipay, each_key_may_fit)
{
    struct world_rsa *next = world_rsa_make(2048);

    cr_assert_eq(read_by(next), PROVIDER_BAD_SIGNATURE);
    world_set(&world, "payments.alipay_key_files=%s/key.pem,%s", world.directory,
              world_rsa_certificate(&world, next, "next.pem"));
    world_start(&world);
    cr_assert_eq(read_by(next), PROVIDER_OK);
    cr_assert_eq(read_by(rsa), PROVIDER_OK);
    world_rsa_free(next);
}

Test(alipay, kinds_come_from_status_and_refund)
{
    static const struct {
        const char *status, *fee, *refunded_at;
        enum notice_kind kind;
        uint64_t amount;
    } cases[] = {
        {"TRADE_SUCCESS", "0.00", NULL, NOTICE_KIND_PAID, 199900},
        {"TRADE_SUCCESS", NULL, NULL, NOTICE_KIND_PAID, 199900},
        {"TRADE_SUCCESS", "0.01", "2027-01-15 15:59:59.123", NOTICE_KIND_REFUNDED, 1},
        {"TRADE_SUCCESS", "5.5", NULL, NOTICE_KIND_REFUNDED, 550},
        {"TRADE_CLOSED", "1999.00", "2027-01-15 15:59:59", NOTICE_KIND_REFUNDED, 199900},
        {"TRADE_CLOSED", NULL, NULL, NOTICE_KIND_FAILED, 199900},
        {"TRADE_FINISHED", "5.50", NULL, NOTICE_KIND_PAID, 199900},
        {"WAIT_BUYER_PAY", NULL, NULL, NOTICE_KIND_OTHER, 0},
        {"trade_success", NULL, NULL, NOTICE_KIND_OTHER, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_sample();
        drop("refund_fee");
        set("trade_status", cases[i].status);
        if (cases[i].fee) {
            set("refund_fee", cases[i].fee);
        }
        if (cases[i].refunded_at) {
            set("gmt_refund", cases[i].refunded_at);
        }
        cr_assert_eq(read_signed(), PROVIDER_OK, "%zu", i);
        cr_assert_eq(world.notice.kind, cases[i].kind, "%zu", i);
        cr_assert_eq(world.notice.amount, cases[i].amount, "%zu", i);
    }
    set_sample();
    drop("trade_status");
    cr_assert_eq(read_signed(), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_OTHER);
}

Test(alipay, what_was_signed_is_what_came)
{
    const char *sign = world_rsa_sign(rsa, content());

    set("total_amount", "0.01");
    encode(sign);
    cr_assert_eq(world_read(&world, "alipay"), PROVIDER_BAD_SIGNATURE, "an amount");
    set("total_amount", "1999.00");
    set("more", "");
    encode(sign);
    cr_assert_eq(world_read(&world, "alipay"), PROVIDER_BAD_SIGNATURE, "a field more");
    drop("more");
    drop("seller_id");
    encode(sign);
    cr_assert_eq(world_read(&world, "alipay"), PROVIDER_BAD_SIGNATURE, "a field less");
}

Test(alipay, another_application_is_refused)
{
    set("app_id", "2015102700040154");
    cr_assert_eq(read_signed(), PROVIDER_BAD_SIGNATURE);
    drop("app_id");
    cr_assert_eq(read_signed(), PROVIDER_BAD_SIGNATURE);
}

Test(alipay, a_notice_is_good_as_long_as_it_is_repeated)
{
    set("notify_time", "2027-01-15 16:05:00");
    cr_assert_eq(read_signed(), PROVIDER_OK);
    set("notify_time", "2027-01-15 16:05:01");
    cr_assert_eq(read_signed(), PROVIDER_TOO_NEW);
    set("notify_time", "2027-01-14 15:00:00");
    cr_assert_eq(read_signed(), PROVIDER_OK);
    set("notify_time", "2027-01-14 14:59:59");
    cr_assert_eq(read_signed(), PROVIDER_TOO_OLD);
    world_set(&world, "payments.alipay_resend_s=300");
    world_start(&world);
    set("notify_time", "2027-01-15 15:54:59");
    cr_assert_eq(read_signed(), PROVIDER_TOO_OLD);
}

Test(alipay, a_time_or_id_that_cannot_be_read_is_refused)
{
    static const char *const bad[] = {"",
                                      "2027-01-15",
                                      "2027-01-15T16:00:00",
                                      "2027-02-30 16:00:00",
                                      "2027-01-15 16:00:00+08:00",
                                      "now"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set("notify_time", bad[i]);
        cr_assert_eq(read_signed(), PROVIDER_BAD_BODY, "%s", bad[i]);
    }
    set("notify_time", NOW);
    set("notify_id", "");
    cr_assert_eq(read_signed(), PROVIDER_BAD_BODY);
    drop("notify_id");
    cr_assert_eq(read_signed(), PROVIDER_BAD_BODY);
}

static enum provider_result read_raw(const char *body)
{
    world_body(&world, body);
    return world_read(&world, "alipay");
}

Test(alipay, a_form_that_cannot_be_read_is_not_signed)
{
    char body[WORLD_TEXT_MAX];

    cr_assert_eq(read_signed(), PROVIDER_OK);
    (void)snprintf(body, sizeof body, "%.*s", (int)world.body_size, world.body);
    cr_assert_eq(read_raw(strcat(body, "&app_id=" APP)), PROVIDER_NOT_SIGNED, "a field twice");
    cr_assert_eq(read_raw(""), PROVIDER_NOT_SIGNED);
    cr_assert_eq(read_raw("a=1"), PROVIDER_NOT_SIGNED);
    cr_assert_eq(read_raw("a=1&sign=AAAA"), PROVIDER_NOT_SIGNED, "no type");
    cr_assert_eq(read_raw("a=1&sign=AAAA&sign_type=RSA"), PROVIDER_NOT_SIGNED);
    cr_assert_eq(read_raw("a=1&sign=AAA&sign_type=RSA2"), PROVIDER_NOT_SIGNED);
    cr_assert_eq(read_raw("a=1&sign=&sign_type=RSA2"), PROVIDER_NOT_SIGNED);
    cr_assert_eq(read_raw("a=1&sign=AAAA&sign_type=RSA2"), PROVIDER_BAD_SIGNATURE);
    cr_assert_eq(read_raw("sign=AAAA&sign_type=RSA2"), PROVIDER_BAD_SIGNATURE);
}

Test(alipay, what_cannot_be_read_is_left_out)
{
    set("out_trade_no", "order-7");
    set("total_amount", "19.999");
    set("trade_no", "");
    set("gmt_payment", "yesterday");
    cr_assert_eq(read_signed(), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_PAID);
    cr_assert_eq(world.notice.order_no.value, 0);
    cr_assert(!world.notice.has_amount);
    cr_assert_str_eq(world.notice.transaction_id, "");
    cr_assert_eq(world.notice.occurred_ms, WORLD_NOW_S * 1000, "when it was told");
    set("refund_fee", "much");
    cr_assert_eq(read_signed(), PROVIDER_OK);
    cr_assert_eq(world.notice.kind, NOTICE_KIND_REFUNDED);
    cr_assert(!world.notice.has_amount);
}

Test(alipay, settings_go_together)
{
    payments_destroy(world.payments);
    world.payments = NULL;
    world_set(&world, "payments.alipay_app_id=");
    cr_assert_str_eq(world_refused(&world), "configuration: payments.alipay_app_id: must be set, 1 "
                                            "to 32 visible characters");
    world_set(&world, "payments.alipay_app_id=a b");
    cr_assert_not_null(strstr(world_refused(&world), "payments.alipay_app_id"));
    world_set(&world, "payments.alipay_app_id=%s", APP);
    world_set(&world, "payments.alipay_key_files=");
    cr_assert_str_eq(world_refused(&world),
                     "configuration: payments.alipay_key_files: must be set, too");
    world_set(&world, "payments.alipay_key_files=%s/key.pem,%s", world.directory,
              world_text_file(&world, "text.pem", "no key"));
    cr_assert_not_null(strstr(world_refused(&world),
                              "/text.pem is neither a public key nor a certificate in PEM"));
}

Test(alipay, is_answered_in_its_own_words)
{
    const struct provider *provider = payments_find(world.payments, "alipay", 6);

    cr_assert_eq(provider_success(provider).status, 200);
    cr_assert_str_eq(provider_success(provider).content_type, "text/plain");
    cr_assert_str_eq(provider_success(provider).body, "success");
    cr_assert_str_eq(provider_failure(provider).body, "failure");
}
