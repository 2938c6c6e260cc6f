/* Alipay's asynchronous notifications (open platform, opendocs.alipay.com/open/270/105902 and
 * /open/204/105301): a form; `sign` is RSA with SHA-256 (sign_type RSA2) over all other decoded
 * fields but sign_type, as name=value with & between them in the order of their names. Alipay wants
 * the seven letters `success` back and repeats a notice for 25 hours (4m, 10m, 10m, 1h, 2h, 6h,
 * 15h), with the same notify_id.
 * notify_time, in Chinese time, is the only time that is signed. Alipay does not promise to renew
 * it when it repeats, so its age has a bound of its own (payments.alipay_resend_s).
 * Amounts are yuan with two digits. A refund comes as TRADE_SUCCESS (of a part) or TRADE_CLOSED (of
 * all) with refund_fee, what was given back so far; TRADE_CLOSED without is a trade that was not
 * paid. TRADE_FINISHED can no longer be refunded, and is the first word of products without
 * refunds: paid. */
#include "common/clock.h"
#include "common/conf.h"
#include "payments/encoding.h"
#include "payments/fill.h"
#include "payments/form.h"
#include "payments/key_file.h"
#include "payments/money.h"
#include "payments/provider_kind.h"
#include "payments/request.h"
#include "payments/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    APP_ID_SIZE_MAX = 32,
    PARTS_OF_FIELD = 4,
    TIME_SIZE = 19,     /* 2016-07-19 14:10:49 */
    TIME_SIZE_MAX = 23, /* with milliseconds */
};

static const char currency[] = "CNY";
static const char key_setting[] = "payments.alipay_key_files";
static const char app_setting[] = "payments.alipay_app_id";

struct keys {
    struct signature_rsa *rsa[SIGNATURE_KEYS_MAX]; /* owned */
    uint32_t count;
    char app_id[APP_ID_SIZE_MAX + 1];
    int64_t past_ms, future_ms;
};

static void destroy(void *arg)
{
    struct keys *keys = arg;

    for (uint32_t i = 0; i < keys->count; i++) {
        signature_rsa_destroy(keys->rsa[i]);
    }
    free(keys);
}

static enum err read_keys(const struct key_file_list *list, struct keys *keys,
                          char error[static PROVIDER_ERROR_SIZE])
{
    enum err err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < list->count; i++) {
        err = key_file_rsa(key_setting, list->entries[i], error, &keys->rsa[i]);
        keys->count += err == ERR_OK ? 1 : 0;
    }
    return err;
}

static enum err check_settings(const struct conf *conf, const struct key_file_list *list,
                               char error[static PROVIDER_ERROR_SIZE])
{
    struct provider_text app_id = {conf->payments_alipay_app_id,
                                   strlen(conf->payments_alipay_app_id)};

    if (list->count == 0 && app_id.size > 0) {
        return key_file_refuse(key_setting, "", "must be set, too", error);
    }
    if (list->count > 0 && !text_is_visible(app_id, 1, APP_ID_SIZE_MAX)) {
        return key_file_refuse(app_setting, "", "must be set, 1 to 32 visible characters", error);
    }
    return ERR_OK;
}

static enum err create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                       void **ret_keys)
{
    struct key_file_list list;
    struct keys *keys;
    enum err err = key_file_list(key_setting, conf->payments_alipay_key_files, &list, error);

    if (err == ERR_OK) {
        err = check_settings(conf, &list, error);
    }
    if (err != ERR_OK || list.count == 0) {
        return err;
    }
    keys = calloc(1, sizeof *keys);
    if (!keys) {
        return ERR_NO_MEMORY;
    }
    memcpy(keys->app_id, conf->payments_alipay_app_id, strlen(conf->payments_alipay_app_id));
    keys->past_ms = (int64_t)conf->payments_alipay_resend_s * 1000;
    keys->future_ms = (int64_t)conf->payments_tolerance_s * 1000;
    err = read_keys(&list, keys, error);
    if (err != ERR_OK) {
        destroy(keys);
        return err;
    }
    *ret_keys = keys;
    return ERR_OK;
}

static bool is_signed(struct provider_text name)
{
    return !text_is(name, "sign") && !text_is(name, "sign_type");
}

/* The text that is signed, in pieces of the form. */
static uint32_t parts_of(const struct form *form, struct signature_part *parts)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < form->count; i++) {
        const struct form_field *field = &form->fields[i];

        if (is_signed(field->name)) {
            parts[count] = (struct signature_part){"&", count > 0 ? 1 : 0};
            parts[count + 1] = (struct signature_part){field->name.data, field->name.size};
            parts[count + 2] = (struct signature_part){"=", 1};
            parts[count + 3] = (struct signature_part){field->value.data, field->value.size};
            count += PARTS_OF_FIELD;
        }
    }
    return count;
}

static enum provider_result verify(const struct keys *keys, const struct form *form)
{
    struct signature_part parts[FORM_FIELDS_MAX * PARTS_OF_FIELD];
    unsigned char signature[SIGNATURE_RSA_SIZE_MAX];
    struct provider_text sign, type, app_id;
    uint32_t part_count = parts_of(form, parts);
    bool fits = false, failed = false;
    size_t size;

    if (!form_field(form, "sign_type", &type) || !text_is(type, "RSA2")
        || !form_field(form, "sign", &sign)
        || !encoding_base64(sign, signature, sizeof signature, &size)) {
        return PROVIDER_NOT_SIGNED;
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        enum signature_result result =
            signature_rsa_check(keys->rsa[i], parts, part_count, signature, size);

        fits |= result == SIGNATURE_FITS;
        failed |= result == SIGNATURE_FAILED;
    }
    if (!fits) {
        return failed ? PROVIDER_INTERNAL : PROVIDER_BAD_SIGNATURE;
    }
    /* Alipay signs for all its applications with one key. */
    return form_field(form, "app_id", &app_id) && text_is(app_id, keys->app_id)
               ? PROVIDER_OK
               : PROVIDER_BAD_SIGNATURE;
}

/* "2016-07-19 14:10:49", perhaps with a fraction, in China's time, which has no summer time. */
static bool read_time(const struct form *form, const char *name, int64_t *ret_ms)
{
    static const char zone[] = "+08:00";
    char text[TIME_SIZE_MAX + sizeof zone];
    struct provider_text value;

    if (!form_field(form, name, &value) || value.size < TIME_SIZE || value.size > TIME_SIZE_MAX
        || value.data[10] != ' ') {
        return false;
    }
    memcpy(text, value.data, value.size);
    text[10] = 'T';
    memcpy(text + value.size, zone, sizeof zone);
    return clock_parse_rfc3339(text, value.size + sizeof zone - 1, ret_ms) == ERR_OK;
}

/* A fee that is there and cannot be read is one: 0.00 is what a payment without refund says. */
static bool is_refunded(const struct form *form)
{
    struct provider_text value;
    int64_t fee;

    if (form_field(form, "gmt_refund", &value) && value.size > 0) {
        return true;
    }
    return form_field(form, "refund_fee", &value) && value.size > 0
           && (!money_read_cents(value, &fee) || fee > 0);
}

static enum notice_kind kind_of(const struct form *form)
{
    struct provider_text status;

    if (!form_field(form, "trade_status", &status)) {
        return NOTICE_KIND_OTHER;
    }
    if (text_is(status, "TRADE_FINISHED")) {
        return NOTICE_KIND_PAID;
    }
    if (text_is(status, "TRADE_SUCCESS")) {
        return is_refunded(form) ? NOTICE_KIND_REFUNDED : NOTICE_KIND_PAID;
    }
    if (text_is(status, "TRADE_CLOSED")) {
        return is_refunded(form) ? NOTICE_KIND_REFUNDED : NOTICE_KIND_FAILED;
    }
    return NOTICE_KIND_OTHER;
}

static void read_trade(const struct form *form, struct notice *notice)
{
    bool is_refund = notice->kind == NOTICE_KIND_REFUNDED;
    struct provider_text value;
    int64_t cents, time_ms;

    if (form_field(form, "out_trade_no", &value)) {
        fill_order_no(notice, value);
    }
    if (form_field(form, "trade_no", &value)) {
        fill_transaction(notice, value);
    }
    if (form_field(form, is_refund ? "refund_fee" : "total_amount", &value)
        && money_read_cents(value, &cents)) {
        fill_amount(notice, cents, (struct provider_text){currency, strlen(currency)});
    }
    if (read_time(form, is_refund ? "gmt_refund" : "gmt_payment", &time_ms)) {
        fill_time(notice, time_ms);
    }
}

static enum provider_result read_notice(const void *arg, const struct provider_request *request,
                                        struct notice *notice)
{
    const struct keys *keys = arg;
    struct provider_text id;
    struct form form;
    int64_t time_ms;
    enum provider_result result;

    if (!form_read(request->body, request->body_size, &form)) {
        return PROVIDER_NOT_SIGNED;
    }
    result = verify(keys, &form);
    if (result != PROVIDER_OK) {
        return result;
    }
    if (!read_time(&form, "notify_time", &time_ms) || !form_field(&form, "notify_id", &id)
        || !fill_event_id(notice, id)) {
        return PROVIDER_BAD_BODY;
    }
    result = request_time_check(time_ms, request->now_ms, keys->past_ms, keys->future_ms);
    if (result == PROVIDER_OK) {
        fill_time(notice, time_ms);
        notice->kind = kind_of(&form);
        if (notice->kind != NOTICE_KIND_OTHER) {
            read_trade(&form, notice);
        }
    }
    return result;
}

const struct provider_kind alipay_kind = {create, read_notice, destroy};
