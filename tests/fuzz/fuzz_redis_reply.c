/* A reply of the purchase script: what hiredis makes of the bytes, or (first byte 't') texts
 * between line feeds, decoded for a call of 0 to 3 purchases. What is taken is within the bounds of
 * the call; what is not tells nothing. */
#include <stddef.h>
#include <stdint.h>

#include "inventory/purchase_call.h"
#include "support/resp_feed.h"

enum { EPOCH = 3, ATTEMPTS = 3, RESP_SIZE_MAX = 1 << 20 };
#define KEY "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ann with a key, bob without one, cy with the same key for another item. */
static void make_attempts(struct attempt attempts[ATTEMPTS])
{
    static const char *const buyers[] = {"ann", "bob", "cyl"};
    static const char skus[] = "aab";

    for (uint32_t i = 0; i < ATTEMPTS; i++) {
        attempts[i] = (struct attempt){.sale = {7}, .epoch = EPOCH, .quantity = 1 + (i == 2)};
        ASSERT(buyer_parse(buyers[i], 3, &attempts[i].buyer) == ERR_OK);
        ASSERT(sku_parse(&skus[i], 1, &attempts[i].sku) == ERR_OK);
        ASSERT(key_hash_parse(KEY, i == 1 ? 0 : KEY_HASH_SIZE, &attempts[i].key_hash) == ERR_OK);
    }
}

static void check_win(const struct purchase_reply *reply, const struct purchase_result *result,
                      const struct attempt *attempt, uint32_t seq)
{
    const struct order_entry *entry = &result->win.entry;

    ASSERT(order_no_sale(entry->order_no).value == 7 && order_no_epoch(entry->order_no) == EPOCH);
    ASSERT(order_no_seq(entry->order_no) == seq && seq <= reply->head.seq);
    ASSERT(sku_equal(&entry->sku, &attempt->sku) && entry->quantity == attempt->quantity);
    ASSERT(strcmp(entry->key_hash.hex, attempt->key_hash.hex) == 0);
    ASSERT(entry->has_slot && entry->slot < QUANTITY_MAX);
}

static void check_replay(const struct purchase_reply *reply, const struct purchase_result *result,
                         const struct attempt *attempt)
{
    const struct order_entry *entry = &result->win.entry;
    uint32_t epoch = order_no_epoch(entry->order_no), seq = order_no_seq(entry->order_no);

    ASSERT(attempt->key_hash.hex[0] != '\0');
    ASSERT(sku_equal(&entry->sku, &attempt->sku) && entry->quantity == attempt->quantity);
    ASSERT(epoch < EPOCH || (epoch == EPOCH && seq <= reply->head.seq));
    ASSERT(result->win.may_be_unlogged
           == (epoch == EPOCH && reply->head.outbox_first != 0 && seq >= reply->head.outbox_first));
}

static void check_results(const struct purchase_call *call, const struct purchase_reply *reply)
{
    uint32_t seq = reply->first_win;

    ASSERT(reply->result_count == call->attempt_count);
    for (uint32_t i = 0; i < reply->result_count; i++) {
        const struct purchase_result *result = &reply->results[i];

        ASSERT(result->win.outbox_handle == 0 || !result->has_win);
        if (result->decision == DECISION_WON) {
            check_win(reply, result, call->attempts[i], seq++);
        } else if (result->decision == DECISION_REPLAYED) {
            check_replay(reply, result, call->attempts[i]);
        } else {
            ASSERT(result->has_win == (result->decision == DECISION_LIMIT));
        }
        /* These two nobody in Redis can say. */
        ASSERT(result->decision != DECISION_LOST_REPLY && result->decision != DECISION_NOT_DONE);
    }
    ASSERT(seq == reply->first_win + reply->win_count);
    ASSERT(reply->win_count == 0 || seq == reply->head.seq + 1);
}

static void decode(const struct redis_reply *reply, uint32_t attempt_count)
{
    static struct purchase_reply decoded;
    struct attempt attempts[ATTEMPTS];
    const struct attempt *pointers[ATTEMPTS] = {&attempts[0], &attempts[1], &attempts[2]};
    struct purchase_call call = {.request_id = 42,
                                 .sale = {7},
                                 .epoch = EPOCH,
                                 .attempt_count = attempt_count,
                                 .attempts = pointers};
    struct purchase_text items[PURCHASE_REPLY_ITEMS];
    size_t count = redis_reply_count(reply);
    struct sale_view view;

    make_attempts(attempts);
    memset(&decoded, 0xee, sizeof decoded);
    for (size_t i = 0; i < count && i < PURCHASE_REPLY_ITEMS; i++) {
        items[i].text = redis_reply_string(redis_reply_item(reply, i), &items[i].size);
    }
    if (purchase_call_decode(&call, items, count, &decoded) != ERR_OK) {
        return;
    }
    ASSERT(decoded.sku_count <= SALE_SKUS_MAX);
    if (decoded.answer == SALE_ANSWER_OK) {
        check_results(&call, &decoded);
    } else {
        ASSERT(decoded.result_count == 0 && decoded.win_count == 0);
    }
    purchase_call_view(&call, &decoded, &view);
    ASSERT(view.epoch >= 1 && view.epoch <= EPOCH_MAX && view.sku_count <= SALE_SKUS_MAX);
}

static void judge_error(const struct redis_reply *reply)
{
    size_t size;
    const char *text = redis_reply_text(reply, &size);
    enum redis_cause cause = redis_cause_of(text, size);

    ASSERT(cause < REDIS_CAUSE_COUNT);
    ASSERT(!redis_cause_proves_not_done(cause) || cause < REDIS_CAUSE_SCRIPT);
    (void)redis_cause_label(cause);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_feed_text texts[RESP_FEED_TEXTS_MAX];
    struct redis_reply *reply;
    struct buf bytes;

    if (size < 2) {
        return 0;
    }
    buf_init(&bytes, RESP_SIZE_MAX);
    if (data[0] == 't') {
        resp_feed_array(&bytes, texts, resp_feed_split((const char *)data + 2, size - 2, texts));
    } else {
        buf_append(&bytes, data + 2, size - 2);
    }
    reply =
        bytes.size > 0 && !bytes.failed ? resp_feed_read(bytes.data, bytes.size, data[0]) : NULL;
    if (reply && redis_reply_is_error(reply)) {
        judge_error(reply);
    } else if (reply) {
        decode(reply, data[1] % (ATTEMPTS + 1));
    }
    redis_reply_free(reply);
    buf_finish(&bytes);
    return 0;
}
