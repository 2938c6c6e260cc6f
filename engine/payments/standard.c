/* Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers":
 *     github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * HMAC-SHA256 over `id.timestamp.body`, three headers, any number of signatures "v1,<base64>" with
 * blanks between them; other versions are passed over. The body is ours (docs/PROTOCOL.md §7.2). */
#include "common/conf.h"
#include "payments/encoding.h"
#include "payments/fill.h"
#include "payments/hmac_keys.h"
#include "payments/member.h"
#include "payments/provider_kind.h"
#include "payments/request.h"
#include "payments/text.h"

#include <string.h>

enum { TYPE_SIZE_MAX = 128, TEXT_SIZE_MAX = 256 };

/* What the headers say. */
struct envelope {
    struct provider_text id, timestamp;
    int64_t time_ms;
    struct signature_macs macs;
};

static enum err create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                       void **ret_keys)
{
    return hmac_keys_create("payments.standard_secret_files", conf->payments_standard_secret_files,
                            KEY_FILE_DECODED, conf->payments_tolerance_s, error, ret_keys);
}

/* false: a v1 that is no MAC, none, or too many. */
static bool read_macs(struct provider_text rest, struct signature_macs *macs)
{
    static const char version[] = "v1,";
    struct provider_text part;
    size_t size;

    macs->count = 0;
    while (text_cut(&rest, ' ', &part)) {
        if (!text_begins(part, version)) {
            continue;
        }
        part.data += strlen(version);
        part.size -= strlen(version);
        if (macs->count == SIGNATURE_MACS_MAX
            || !encoding_base64(part, macs->bytes[macs->count], SIGNATURE_MAC_SIZE, &size)
            || size != SIGNATURE_MAC_SIZE) {
            return false;
        }
        macs->count++;
    }
    return macs->count > 0;
}

/* An id with a dot could be read as another id and time (the specification forbids it). */
static bool read_envelope(const struct provider_request *request, struct envelope *envelope)
{
    struct provider_text signatures;

    return request_header(request, "webhook-id", &envelope->id)
           && text_is_visible(envelope->id, 1, NOTICE_ID_SIZE_MAX)
           && !memchr(envelope->id.data, '.', envelope->id.size)
           && request_header(request, "webhook-timestamp", &envelope->timestamp)
           && request_unix_time(envelope->timestamp, &envelope->time_ms)
           && request_header(request, "webhook-signature", &signatures)
           && read_macs(signatures, &envelope->macs);
}

static enum provider_result verify(const struct hmac_keys *keys,
                                   const struct provider_request *request,
                                   const struct envelope *envelope)
{
    const struct signature_part parts[] = {
        {envelope->id.data, envelope->id.size},
        {".", 1},
        {envelope->timestamp.data, envelope->timestamp.size},
        {".", 1},
        {request->body, request->body_size},
    };

    return hmac_keys_check(keys, parts, sizeof parts / sizeof parts[0], &envelope->macs,
                           envelope->time_ms, request->now_ms);
}

static enum notice_kind kind_of(struct provider_text type)
{
    if (text_is(type, "payment.succeeded")) {
        return NOTICE_KIND_PAID;
    }
    if (text_is(type, "payment.failed")) {
        return NOTICE_KIND_FAILED;
    }
    return text_is(type, "payment.refunded") ? NOTICE_KIND_REFUNDED : NOTICE_KIND_OTHER;
}

static void read_data(struct json_in data, struct notice *notice)
{
    struct provider_text text;
    int64_t amount;

    if (member_text(data, "order_no", TEXT_SIZE_MAX, &text)) {
        fill_order_no(notice, text);
    }
    if (member_text(data, "transaction_id", TEXT_SIZE_MAX, &text)) {
        fill_transaction(notice, text);
    }
    if (member_amount(data, "amount", &amount)
        && member_text(data, "currency", CURRENCY_SIZE, &text)) {
        fill_amount(notice, amount, text);
    }
}

static enum provider_result read_root(const void *arg, struct json_in root, struct notice *notice)
{
    struct provider_text text;
    struct json_in data;

    (void)arg;
    if (!member_text(root, "type", TYPE_SIZE_MAX, &text)) {
        return PROVIDER_BAD_BODY;
    }
    notice->kind = kind_of(text);
    if (member_text(root, "timestamp", TEXT_SIZE_MAX, &text)) {
        fill_rfc3339(notice, text);
    }
    if (notice->kind != NOTICE_KIND_OTHER && member_object(root, "data", &data)) {
        read_data(data, notice);
    }
    return PROVIDER_OK;
}

static enum provider_result read_notice(const void *arg, const struct provider_request *request,
                                        struct notice *notice)
{
    struct envelope envelope;
    enum provider_result result;

    if (!read_envelope(request, &envelope)) {
        return PROVIDER_NOT_SIGNED;
    }
    result = verify(arg, request, &envelope);
    if (result != PROVIDER_OK) {
        return result;
    }
    if (!fill_event_id(notice, envelope.id)) {
        return PROVIDER_BAD_BODY;
    }
    return member_read(request->body, request->body_size, read_root, NULL, notice);
}

const struct provider_kind standard_kind = {create, read_notice, hmac_keys_destroy};
