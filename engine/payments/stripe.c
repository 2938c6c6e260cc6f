/* Stripe's webhook signatures and events:
 *     docs.stripe.com/webhooks#verify-manually (the header, the signed payload, the tolerance)
 *     docs.stripe.com/api/events, /api/payment_intents/object, /api/charges/object
 * `Stripe-Signature: t=<seconds>,v1=<hex>,…`: HMAC-SHA256 over `t.body`; while a secret is rolled
 * there is a v1 for each; other schemes (v0) are passed over. The key is the whole text of the
 * secret, with its whsec_. The shop puts the order into the PaymentIntent's metadata (order_no),
 * which Stripe copies to its charges. */
#include "common/conf.h"
#include "payments/encoding.h"
#include "payments/fill.h"
#include "payments/hmac_keys.h"
#include "payments/member.h"
#include "payments/provider_kind.h"
#include "payments/request.h"
#include "payments/text.h"

enum { TYPE_SIZE_MAX = 128, TEXT_SIZE_MAX = 256 };

/* What the header says. */
struct envelope {
    struct provider_text timestamp;
    int64_t time_ms;
    struct signature_macs macs;
};

/* What differs between the events that we know. */
struct event {
    const char *type;
    enum notice_kind kind;
    const char *amount, *amount_else; /* members of the object; the second where the first is not */
    const char *transaction, *transaction_else;
};
static const struct event events[] = {
    {"payment_intent.succeeded", NOTICE_KIND_PAID, "amount_received", "amount", "id", "id"},
    {"payment_intent.payment_failed", NOTICE_KIND_FAILED, "amount", "amount", "id", "id"},
    /* An old integration has charges without an intent. */
    {"charge.refunded", NOTICE_KIND_REFUNDED, "amount_refunded", "amount_refunded",
     "payment_intent", "id"},
};

static enum err create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                       void **ret_keys)
{
    return hmac_keys_create("payments.stripe_secret_files", conf->payments_stripe_secret_files,
                            KEY_FILE_WHOLE, conf->payments_tolerance_s, error, ret_keys);
}

/* One "name=value" of the header; false: the header cannot be read. */
static bool read_item(struct provider_text item, struct envelope *envelope)
{
    struct provider_text name;

    if (!text_cut(&item, '=', &name) || !item.data) {
        return false;
    }
    if (text_is(name, "t")) {
        bool is_first = !envelope->timestamp.data;

        envelope->timestamp = item;
        return is_first && request_unix_time(item, &envelope->time_ms);
    }
    if (!text_is(name, "v1")) {
        return true;
    }
    return envelope->macs.count < SIGNATURE_MACS_MAX
           && encoding_hex(item, envelope->macs.bytes[envelope->macs.count++], SIGNATURE_MAC_SIZE);
}

static bool read_envelope(const struct provider_request *request, struct envelope *envelope)
{
    struct provider_text rest, item;

    if (!request_header(request, "stripe-signature", &rest)) {
        return false;
    }
    envelope->timestamp = (struct provider_text){NULL, 0};
    envelope->macs.count = 0;
    while (text_cut(&rest, ',', &item)) {
        if (!read_item(text_trim(item), envelope)) {
            return false;
        }
    }
    return envelope->timestamp.data && envelope->macs.count > 0;
}

static enum provider_result verify(const struct hmac_keys *keys,
                                   const struct provider_request *request,
                                   const struct envelope *envelope)
{
    const struct signature_part parts[] = {
        {envelope->timestamp.data, envelope->timestamp.size},
        {".", 1},
        {request->body, request->body_size},
    };

    return hmac_keys_check(keys, parts, sizeof parts / sizeof parts[0], &envelope->macs,
                           envelope->time_ms, request->now_ms);
}

/* Stripe writes currencies in small letters. */
static void fill_money(struct notice *notice, int64_t amount, struct provider_text currency)
{
    char capitals[CURRENCY_SIZE];

    if (currency.size != CURRENCY_SIZE) {
        return;
    }
    for (size_t i = 0; i < CURRENCY_SIZE; i++) {
        char c = currency.data[i];

        if (c < 'a' || c > 'z') {
            return;
        }
        capitals[i] = (char)(c - 'a' + 'A');
    }
    fill_amount(notice, amount, (struct provider_text){capitals, CURRENCY_SIZE});
}

static void read_object(struct json_in object, const struct event *event, struct notice *notice)
{
    const char *name = member_is_there(object, event->amount) ? event->amount : event->amount_else;
    struct provider_text text;
    struct json_in metadata;
    int64_t amount;

    if (member_object(object, "metadata", &metadata)
        && member_text(metadata, "order_no", TEXT_SIZE_MAX, &text)) {
        fill_order_no(notice, text);
    }
    if (member_text(object, event->transaction, TEXT_SIZE_MAX, &text)
        || member_text(object, event->transaction_else, TEXT_SIZE_MAX, &text)) {
        fill_transaction(notice, text);
    }
    if (member_amount(object, name, &amount)
        && member_text(object, "currency", CURRENCY_SIZE, &text)) {
        fill_money(notice, amount, text);
    }
}

static const struct event *find_event(struct provider_text type)
{
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (text_is(type, events[i].type)) {
            return &events[i];
        }
    }
    return NULL;
}

static enum provider_result read_root(const void *arg, struct json_in root, struct notice *notice)
{
    const struct event *event;
    struct provider_text text;
    struct json_in data, object;
    int64_t created_s;

    (void)arg;
    if (!member_text(root, "id", NOTICE_ID_SIZE_MAX, &text) || !fill_event_id(notice, text)
        || !member_text(root, "type", TYPE_SIZE_MAX, &text)) {
        return PROVIDER_BAD_BODY;
    }
    event = find_event(text);
    if (member_amount(root, "created", &created_s) && created_s <= INT64_MAX / 1000) {
        fill_time(notice, created_s * 1000);
    }
    if (!event) {
        return PROVIDER_OK;
    }
    notice->kind = event->kind;
    if (member_object(root, "data", &data) && member_object(data, "object", &object)) {
        read_object(object, event, notice);
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
    return member_read(request->body, request->body_size, read_root, NULL, notice);
}

const struct provider_kind stripe_kind = {create, read_notice, hmac_keys_destroy};
