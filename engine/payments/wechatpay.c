/* WeChat Pay's notifications, API v3:
 *     pay.weixin.qq.com/docs/merchant/development/interface-rules/signature-verification.html
 *     pay.weixin.qq.com/docs/merchant/apis/h5-payment/payment-notice.html (payments)
 *     pay.weixin.qq.com/doc/v3/partner/4013163616 (refunds)
 * Wechatpay-Signature is RSA with SHA-256 over "timestamp\nnonce\nbody\n"; Wechatpay-Serial names
 * the key: the serial number of a platform certificate, or the id of a public key (PUB_KEY_ID_…).
 * What the event is about is sealed with the merchant's APIv3 key: AES-256-GCM, the tag behind the
 * cipher text, in base64. 200 or 204 without a body is success; else {"code":…,"message":…}. */
#include "common/conf.h"
#include "payments/encoding.h"
#include "payments/fill.h"
#include "payments/key_file.h"
#include "payments/member.h"
#include "payments/provider_kind.h"
#include "payments/request.h"
#include "payments/sealed.h"
#include "payments/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    SERIAL_SIZE_MAX = 64,
    NONCE_SIZE_MAX = 128,
    TYPE_SIZE_MAX = 128,
    TEXT_SIZE_MAX = 256,
    SEALED_SIZE_MAX = PROVIDER_BODY_SIZE_MAX / 4 * 3,
};

static const char key_setting[] = "payments.wechatpay_key_files";
static const char api_setting[] = "payments.wechatpay_api_key_file";

struct platform_key {
    char serial[SERIAL_SIZE_MAX + 1];
    struct signature_rsa *rsa; /* owned */
};
struct keys {
    struct platform_key platform[SIGNATURE_KEYS_MAX];
    uint32_t platform_count;
    struct sealed_key *api[SIGNATURE_KEYS_MAX]; /* owned */
    uint32_t api_count;
    int64_t tolerance_ms;
};

/* What the headers say. */
struct envelope {
    struct provider_text serial, timestamp, nonce;
    int64_t time_ms;
    unsigned char signature[SIGNATURE_RSA_SIZE_MAX];
    size_t signature_size;
};

static void destroy(void *arg)
{
    struct keys *keys = arg;

    for (uint32_t i = 0; i < keys->platform_count; i++) {
        signature_rsa_destroy(keys->platform[i].rsa);
    }
    for (uint32_t i = 0; i < keys->api_count; i++) {
        sealed_key_destroy(keys->api[i]);
    }
    free(keys);
}

static const struct platform_key *find_key(const struct keys *keys, struct provider_text serial)
{
    for (uint32_t i = 0; i < keys->platform_count; i++) {
        if (text_is(serial, keys->platform[i].serial)) {
            return &keys->platform[i];
        }
    }
    return NULL;
}

/* SERIAL=path */
static enum err add_platform_key(struct keys *keys, const char *entry,
                                 char error[static PROVIDER_ERROR_SIZE])
{
    struct platform_key *key = &keys->platform[keys->platform_count];
    struct provider_text path = {entry, strlen(entry)}, serial;
    enum err err;

    (void)text_cut(&path, '=', &serial);
    if (!path.data || path.size == 0 || !text_is_visible(serial, 1, SERIAL_SIZE_MAX)) {
        return key_file_refuse(key_setting, entry, "is not SERIAL=path", error);
    }
    if (find_key(keys, serial)) {
        return key_file_refuse(key_setting, entry, "has a serial number that is there twice",
                               error);
    }
    err = key_file_rsa(key_setting, path.data, error, &key->rsa);
    if (err == ERR_OK) {
        memcpy(key->serial, serial.data, serial.size);
        keys->platform_count++;
    }
    return err;
}

static enum err add_api_key(struct keys *keys, const char *path,
                            char error[static PROVIDER_ERROR_SIZE])
{
    struct secret secret;
    enum err err = key_file_read(api_setting, path, &secret, error);

    if (err != ERR_OK) {
        return err;
    }
    if (secret.size != SEALED_KEY_SIZE) {
        err = key_file_refuse(api_setting, path, "must hold 32 bytes", error);
    } else {
        keys->api[keys->api_count] = sealed_key_create(secret.data);
        err = keys->api[keys->api_count] ? ERR_OK : ERR_NO_MEMORY;
        keys->api_count += err == ERR_OK ? 1 : 0;
    }
    secret_wipe(&secret);
    return err;
}

static enum err read_keys(const struct key_file_list *platform, const struct key_file_list *api,
                          struct keys *keys, char error[static PROVIDER_ERROR_SIZE])
{
    enum err err = ERR_OK;

    for (uint32_t i = 0; err == ERR_OK && i < platform->count; i++) {
        err = add_platform_key(keys, platform->entries[i], error);
    }
    for (uint32_t i = 0; err == ERR_OK && i < api->count; i++) {
        err = add_api_key(keys, api->entries[i], error);
    }
    return err;
}

static enum err create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                       void **ret_keys)
{
    struct key_file_list platform, api;
    struct keys *keys;
    enum err err = key_file_list(key_setting, conf->payments_wechatpay_key_files, &platform, error);

    if (err == ERR_OK) {
        err = key_file_list(api_setting, conf->payments_wechatpay_api_key_file, &api, error);
    }
    if (err == ERR_OK && (platform.count == 0) != (api.count == 0)) {
        err = key_file_refuse(platform.count == 0 ? key_setting : api_setting, "",
                              "must be set, too", error);
    }
    if (err != ERR_OK || platform.count == 0) {
        return err;
    }
    keys = calloc(1, sizeof *keys);
    if (!keys) {
        return ERR_NO_MEMORY;
    }
    keys->tolerance_ms = (int64_t)conf->payments_tolerance_s * 1000;
    err = read_keys(&platform, &api, keys, error);
    if (err != ERR_OK) {
        destroy(keys);
        return err;
    }
    *ret_keys = keys;
    return ERR_OK;
}

/* A field that is not there is RSA, as it has been from the beginning. */
static bool is_rsa(const struct provider_request *request)
{
    struct provider_text type;
    uint32_t count = request->header(request->header_arg, "wechatpay-signature-type", &type);

    return count == 0 || (count == 1 && text_is(type, "WECHATPAY2-SHA256-RSA2048"));
}

static bool read_envelope(const struct provider_request *request, struct envelope *envelope)
{
    struct provider_text signature;

    return is_rsa(request) && request_header(request, "wechatpay-serial", &envelope->serial)
           && request_header(request, "wechatpay-timestamp", &envelope->timestamp)
           && request_unix_time(envelope->timestamp, &envelope->time_ms)
           && request_header(request, "wechatpay-nonce", &envelope->nonce)
           && text_is_visible(envelope->nonce, 1, NONCE_SIZE_MAX)
           && request_header(request, "wechatpay-signature", &signature)
           && encoding_base64(signature, envelope->signature, sizeof envelope->signature,
                              &envelope->signature_size);
}

static enum provider_result verify(const struct keys *keys, const struct provider_request *request,
                                   const struct envelope *envelope)
{
    const struct platform_key *key = find_key(keys, envelope->serial);
    const struct signature_part parts[] = {
        {envelope->timestamp.data, envelope->timestamp.size},
        {"\n", 1},
        {envelope->nonce.data, envelope->nonce.size},
        {"\n", 1},
        {request->body, request->body_size},
        {"\n", 1},
    };

    if (!key) {
        return PROVIDER_BAD_SIGNATURE;
    }
    return request_verdict(signature_rsa_check(key->rsa, parts, sizeof parts / sizeof parts[0],
                                               envelope->signature, envelope->signature_size),
                           envelope->time_ms, request->now_ms, keys->tolerance_ms);
}

/* With each key: while it is changed there are two. */
static enum provider_result unseal(const struct keys *keys, struct provider_text nonce,
                                   struct provider_text associated, const unsigned char *sealed,
                                   size_t size, unsigned char *plain)
{
    enum sealed_result result = SEALED_BROKEN;

    for (uint32_t i = 0; result != SEALED_OPENED && i < keys->api_count; i++) {
        result = sealed_open(keys->api[i], nonce, associated, sealed, size, plain);
    }
    switch (result) {
    case SEALED_OPENED: return PROVIDER_OK;
    case SEALED_BROKEN: return PROVIDER_BAD_BODY;
    case SEALED_FAILED: return PROVIDER_INTERNAL;
    }
    return PROVIDER_INTERNAL;
}

/* The text of the resource into `plain`. */
static enum provider_result open_resource(const struct keys *keys, struct json_in root,
                                          unsigned char plain[static SEALED_SIZE_MAX],
                                          size_t *ret_size)
{
    unsigned char sealed[SEALED_SIZE_MAX];
    struct provider_text algorithm, text, nonce, associated = {"", 0};
    struct json_in resource;
    enum provider_result result;
    size_t size;

    if (!member_object(root, "resource", &resource)
        || !member_text(resource, "algorithm", TEXT_SIZE_MAX, &algorithm)
        || !text_is(algorithm, "AEAD_AES_256_GCM")
        || !member_text(resource, "nonce", TEXT_SIZE_MAX, &nonce)
        || !member_text(resource, "ciphertext", PROVIDER_BODY_SIZE_MAX, &text)
        || !encoding_base64(text, sealed, sizeof sealed, &size) || size < SEALED_TAG_SIZE) {
        return PROVIDER_BAD_BODY;
    }
    (void)member_text(resource, "associated_data", TEXT_SIZE_MAX, &associated);
    result = unseal(keys, nonce, associated, sealed, size, plain);
    if (result == PROVIDER_OK) {
        *ret_size = size - SEALED_TAG_SIZE;
    }
    return result;
}

/* Refunds do not name their currency: they are in yuan unless they say so. */
static void read_amount(struct json_in resource, const char *name, struct notice *notice)
{
    struct provider_text currency = {"CNY", CURRENCY_SIZE};
    struct json_in money;
    int64_t amount;

    if (!member_object(resource, "amount", &money) || !member_amount(money, name, &amount)) {
        return;
    }
    if (member_is_there(money, "currency")
        && !member_text(money, "currency", CURRENCY_SIZE, &currency)) {
        return;
    }
    fill_amount(notice, amount, currency);
}

static enum provider_result read_resource(const void *arg, struct json_in resource,
                                          struct notice *notice)
{
    bool is_refund = notice->kind == NOTICE_KIND_REFUNDED;
    const char *state = is_refund ? "refund_status" : "trade_state";
    struct provider_text text;

    (void)arg;
    /* A success whose state is another one has no effect. */
    if (member_is_there(resource, state)
        && (!member_text(resource, state, TEXT_SIZE_MAX, &text) || !text_is(text, "SUCCESS"))) {
        notice->kind = NOTICE_KIND_OTHER;
        return PROVIDER_OK;
    }
    if (member_text(resource, "out_trade_no", TEXT_SIZE_MAX, &text)) {
        fill_order_no(notice, text);
    }
    if (member_text(resource, "transaction_id", TEXT_SIZE_MAX, &text)) {
        fill_transaction(notice, text);
    }
    if (member_text(resource, "success_time", TEXT_SIZE_MAX, &text)) {
        fill_rfc3339(notice, text);
    }
    read_amount(resource, is_refund ? "refund" : "total", notice);
    return PROVIDER_OK;
}

static enum provider_result read_sealed(const struct keys *keys, struct json_in root,
                                        struct notice *notice)
{
    unsigned char plain[SEALED_SIZE_MAX];
    size_t size;
    enum provider_result result = open_resource(keys, root, plain, &size);

    return result == PROVIDER_OK ? member_read(plain, size, read_resource, NULL, notice) : result;
}

static enum provider_result read_root(const void *arg, struct json_in root, struct notice *notice)
{
    struct provider_text text;

    if (!member_text(root, "id", NOTICE_ID_SIZE_MAX, &text) || !fill_event_id(notice, text)
        || !member_text(root, "event_type", TYPE_SIZE_MAX, &text)) {
        return PROVIDER_BAD_BODY;
    }
    if (text_is(text, "TRANSACTION.SUCCESS")) {
        notice->kind = NOTICE_KIND_PAID;
    } else if (text_is(text, "REFUND.SUCCESS")) {
        notice->kind = NOTICE_KIND_REFUNDED;
    }
    if (member_text(root, "create_time", TEXT_SIZE_MAX, &text)) {
        fill_rfc3339(notice, text);
    }
    return notice->kind == NOTICE_KIND_OTHER ? PROVIDER_OK : read_sealed(arg, root, notice);
}

static enum provider_result read_notice(const void *arg, const struct provider_request *request,
                                        struct notice *notice)
{
    const struct keys *keys = arg;
    struct envelope envelope;
    enum provider_result result;

    if (!read_envelope(request, &envelope)) {
        return PROVIDER_NOT_SIGNED;
    }
    result = verify(keys, request, &envelope);
    if (result != PROVIDER_OK) {
        return result;
    }
    return member_read(request->body, request->body_size, read_root, keys, notice);
}

const struct provider_kind wechatpay_kind = {create, read_notice, destroy};
