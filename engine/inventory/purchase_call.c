#include "inventory/purchase_call.h"

#include "common/assert.h"
#include "inventory/keys.h"
#include "inventory/order_value.h"
#include "inventory/purchase_columns.h"
#include "inventory/redis_wire.h"
#include "inventory/script.h"
#include "inventory/text_cursor.h"

#include <string.h>

enum { KEY_ARGS = 5, FIXED_ARGS = 5 };
/* A bulk of a short text: `$NN\r\n`, the text, `\r\n`. */
enum { BULK_EXTRA = 7, REF_SIZE_MAX = 14 };
enum {
    FIXED_SIZE_MAX =
        SCRIPT_EVALSHA_HEAD_SIZE_MAX + KEY_ARGS * (BULK_EXTRA + KEY_SIZE_MAX)
        + (FIXED_ARGS + 1) * (REDIS_WIRE_HEAD_SIZE_MAX + REDIS_WIRE_NUMBER_SIZE_MAX + 2)
        + PURCHASE_COLUMNS_HEAD_SIZE_MAX
};

/* --- encode --- */

static char *put_keys(char *at, struct sale_id sale)
{
    static const enum key order[KEY_ARGS] = {KEY_META, KEY_STOCK, KEY_BUYERS, KEY_OUTBOX,
                                             KEY_LISTED};
    struct key_text key;

    for (size_t i = 0; i < KEY_ARGS; i++) {
        key_format(sale, order[i], &key);
        at = redis_wire_bulk(at, key.text, key.size);
    }
    return at;
}

static char *put_acks(char *at, const struct purchase_call *call)
{
    char ref[REF_SIZE_MAX];
    char *seq = redis_wire_number(ref, call->epoch);

    *seq++ = '-';
    at = redis_wire_bulk_number(at, call->ack_count);
    for (uint32_t i = 0; i < call->ack_count; i++) {
        char *end = redis_wire_number(seq, call->acks[i]);

        at = redis_wire_bulk(at, ref, (size_t)(end - ref));
    }
    return at;
}

static void check_attempt(const struct purchase_call *call, const struct attempt *attempt)
{
    ASSERT(attempt->sale.value == call->sale.value && attempt->epoch == call->epoch);
    ASSERT(attempt->buyer.size >= 1 && attempt->buyer.size <= BUYER_SIZE_MAX);
    ASSERT(attempt->sku.size >= 1 && attempt->sku.size <= SKU_SIZE_MAX);
    ASSERT(attempt->quantity >= 1 && attempt->quantity <= QUANTITY_MAX);
}

size_t purchase_call_encode(const struct purchase_call *call, struct buf *out,
                            uint32_t *ret_bulk_count)
{
    uint32_t columns = call->attempt_count > 0 ? PURCHASE_COLUMNS : 0;
    uint32_t bulks = 1 + KEY_ARGS + FIXED_ARGS + call->ack_count + columns;
    size_t room = FIXED_SIZE_MAX + (size_t)call->ack_count * (BULK_EXTRA + REF_SIZE_MAX)
                  + (size_t)call->attempt_count * PURCHASE_COLUMNS_ROW_SIZE_MAX;
    char *begin, *tail, *at;
    size_t tail_place;

    ASSERT(call->attempt_count <= PURCHASE_CALL_MAX && call->ack_count <= PURCHASE_ACKS_MAX);
    ASSERT(call->epoch >= 1 && call->epoch <= EPOCH_MAX);
    ASSERT(call->sent_ms >= 0 && call->deadline_ms >= 0);
    for (uint32_t i = 0; i < call->attempt_count; i++) {
        check_attempt(call, call->attempts[i]);
    }
    begin = buf_reserve(out, room);
    *ret_bulk_count = bulks;
    if (!begin) {
        return 0;
    }
    tail = script_evalsha_head(begin, script_get(LUA_SCRIPT_PURCHASE), bulks);
    tail_place = out->size + (size_t)(tail - begin);
    at = redis_wire_bulk_number(tail, KEY_ARGS);
    at = put_keys(at, call->sale);
    at = redis_wire_bulk_number(at, call->request_id);
    at = redis_wire_bulk_number(at, call->epoch);
    at = redis_wire_bulk_number(at, (uint64_t)call->sent_ms);
    at = redis_wire_bulk_number(at, (uint64_t)call->deadline_ms);
    at = put_acks(at, call);
    if (call->attempt_count > 0) {
        at = purchase_columns_put(at, call->attempts, call->attempt_count);
    }
    ASSERT((size_t)(at - begin) <= room);
    buf_commit(out, (size_t)(at - begin));
    return tail_place;
}

/* --- decode: one function a kind of token --- */

static void set_win(struct purchase_result *result, enum decision decision,
                    const struct order_entry *entry)
{
    result->decision = decision;
    result->has_win = true;
    result->win = (struct win){.entry = *entry};
}

/* W<slot>: seqs are consecutive within a call, from first_win on. */
static bool take_win(const struct purchase_call *call, const struct attempt *attempt,
                     struct text_cursor token, struct purchase_reply *reply,
                     struct purchase_result *result)
{
    struct order_entry entry = {.key_hash = attempt->key_hash,
                                .sku = attempt->sku,
                                .quantity = attempt->quantity,
                                .has_slot = true,
                                .state = ORDER_STATE_PENDING,
                                .won_at_ms = reply->head.redis_time_ms};
    uint32_t seq = reply->first_win + reply->win_count;
    uint64_t slot;

    if (!text_take_number(&token, QUANTITY_MAX - 1, &slot) || !text_is_end(&token)
        || order_no_make(call->sale, call->epoch, seq, &entry.order_no) != ERR_OK) {
        return false;
    }
    reply->win_count++;
    entry.slot = (uint32_t)slot;
    set_win(result, DECISION_WON, &entry);
    return true;
}

/* R<entry>: of this key, this sku and this quantity, else the script would have said K. An order
 * of this epoch whose seq is not below that of the first outbox entry may not be in the log
 * (PROTOCOL §3.5). */
static bool take_replay(const struct purchase_call *call, const struct attempt *attempt,
                        struct text_cursor token, const struct sale_head *head,
                        struct purchase_result *result)
{
    struct order_entry entry;
    uint32_t epoch, seq;

    if (order_value_entry_parse(call->sale, token.at, (size_t)(token.end - token.at), &entry)
            != ERR_OK
        || attempt->key_hash.hex[0] == '\0'
        || memcmp(entry.key_hash.hex, attempt->key_hash.hex, KEY_HASH_SIZE) != 0
        || !sku_equal(&entry.sku, &attempt->sku) || entry.quantity != attempt->quantity) {
        return false;
    }
    epoch = order_no_epoch(entry.order_no);
    seq = order_no_seq(entry.order_no);
    if (epoch > head->epoch || (epoch == head->epoch && seq > head->seq)) {
        return false;
    }
    set_win(result, DECISION_REPLAYED, &entry);
    result->win.may_be_unlogged =
        epoch == head->epoch && head->outbox_first != 0 && seq >= head->outbox_first;
    return true;
}

/* L, or L<epoch>-<seq>. */
static bool take_limit(const struct purchase_call *call, struct text_cursor token,
                       struct purchase_result *result)
{
    struct order_entry entry = {0};

    if (!text_is_end(&token)
        && order_value_ref_parse(call->sale, token.at, (size_t)(token.end - token.at),
                                 &entry.order_no)
               != ERR_OK) {
        return false;
    }
    set_win(result, DECISION_LIMIT, &entry);
    return true;
}

static bool take_letter(char letter, struct purchase_result *result)
{
    result->has_win = false;
    switch (letter) {
    case 'K': result->decision = DECISION_KEY_REUSED; return true;
    case 'N': result->decision = DECISION_NOT_OPEN; return true;
    case 'U': result->decision = DECISION_PAUSED; return true;
    case 'E': result->decision = DECISION_ENDED; return true;
    case 'X': result->decision = DECISION_NOT_ELIGIBLE; return true;
    case 'S': result->decision = DECISION_SOLD_OUT; return true;
    case 'Z': result->decision = DECISION_UNKNOWN_SKU; return true;
    case 'B': result->decision = DECISION_REBUILDING; return true;
    case 'F': result->decision = DECISION_BROKEN; return true; /* no seq is left: alarm */
    default: return false;
    }
}

static bool take_token(const struct purchase_call *call, const struct attempt *attempt,
                       const char *text, size_t size, struct purchase_reply *reply,
                       struct purchase_result *result)
{
    struct text_cursor rest;

    if (size == 0) {
        return false;
    }
    rest = text_cursor(text + 1, size - 1);
    switch (text[0]) {
    case 'W': return take_win(call, attempt, rest, reply, result);
    case 'R': return take_replay(call, attempt, rest, &reply->head, result);
    case 'L': return take_limit(call, rest, result);
    default: return size == 1 && take_letter(text[0], result);
    }
}

/* One token a purchase, one space between them; the last win has the header's seq. */
static enum err decode_results(const struct purchase_call *call, const struct purchase_text *item,
                               struct purchase_reply *reply)
{
    struct text_cursor cursor = text_cursor(item->text, item->size);
    uint32_t wins = purchase_results_win_count(item->text, item->size);

    if (wins > reply->head.seq) {
        return ERR_PARSE;
    }
    reply->first_win = wins > 0 ? reply->head.seq - wins + 1 : 0;
    for (uint32_t i = 0; i < call->attempt_count; i++) {
        size_t size;
        const char *text;

        if (i > 0 && !text_take_char(&cursor, ' ')) {
            return ERR_PARSE;
        }
        text = text_take_until(&cursor, ' ', &size);
        if (!take_token(call, call->attempts[i], text, size, reply, &reply->results[i])) {
            return ERR_PARSE;
        }
    }
    if (!text_is_end(&cursor)) {
        return ERR_PARSE;
    }
    reply->result_count = call->attempt_count;
    return ERR_OK;
}

static enum err decode_decided(const struct purchase_call *call, const struct purchase_text *items,
                               size_t item_count, struct purchase_reply *reply)
{
    if (item_count != PURCHASE_REPLY_ITEMS
        || sale_head_parse(items[2].text, items[2].size, &reply->head) != ERR_OK
        || reply->head.epoch != call->epoch
        || sale_stock_parse(items[3].text, items[3].size, reply->skus, &reply->sku_count)
               != ERR_OK) {
        return ERR_PARSE;
    }
    if (reply->answer == SALE_ANSWER_LATE) {
        return call->attempt_count > 0 && items[4].size == 0 ? ERR_OK : ERR_PARSE;
    }
    return decode_results(call, &items[4], reply);
}

static enum err decode_epoch(const struct purchase_call *call, const struct purchase_text *items,
                             size_t item_count, struct purchase_reply *reply)
{
    struct text_cursor cursor;
    uint64_t epoch;

    if (item_count != 3) {
        return ERR_PARSE;
    }
    cursor = text_cursor(items[2].text, items[2].size);
    if (!text_take_number(&cursor, INT64_MAX, &epoch) || !text_is_end(&cursor)
        || epoch == call->epoch) {
        return ERR_PARSE;
    }
    if (epoch == 0 || epoch > EPOCH_MAX) {
        reply->answer = SALE_ANSWER_TYPE; /* meta holds garbage, and the script cannot know */
    } else {
        reply->meta_epoch = (uint32_t)epoch;
    }
    return ERR_OK;
}

static bool is_request(const struct purchase_text *item, uint64_t request_id)
{
    char text[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t size = (size_t)(redis_wire_number(text, request_id) - text);

    return item->size == size && memcmp(item->text, text, size) == 0;
}

enum err purchase_call_decode(const struct purchase_call *call, const struct purchase_text *items,
                              size_t item_count, struct purchase_reply *ret_reply)
{
    if (item_count < 2 || item_count > PURCHASE_REPLY_ITEMS) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < item_count; i++) {
        if (!items[i].text) {
            return ERR_PARSE;
        }
    }
    if (!is_request(&items[0], call->request_id)) {
        return ERR_FENCED;
    }
    if (sale_answer_parse(items[1].text, items[1].size, &ret_reply->answer) != ERR_OK) {
        return ERR_PARSE;
    }
    ret_reply->win_count = ret_reply->first_win = ret_reply->result_count = 0;
    ret_reply->meta_epoch = ret_reply->sku_count = 0;
    switch (ret_reply->answer) {
    case SALE_ANSWER_OK:
    case SALE_ANSWER_LATE: return decode_decided(call, items, item_count, ret_reply);
    case SALE_ANSWER_EPOCH: return decode_epoch(call, items, item_count, ret_reply);
    case SALE_ANSWER_GONE:
    case SALE_ANSWER_REPLID:
    case SALE_ANSWER_TYPE:
    case SALE_ANSWER_ARGS: return item_count == 2 ? ERR_OK : ERR_PARSE;
    case SALE_ANSWER_STATE:
    case SALE_ANSWER_LOADING:
    case SALE_ANSWER_FROZEN:
    case SALE_ANSWER_HOLD:
    case SALE_ANSWER_UNCHANGED:
    case SALE_ANSWER_REBUILDING:
    case SALE_ANSWER_COUNT: break;
    }
    return ERR_PARSE;
}

void purchase_call_view(const struct purchase_call *call, const struct purchase_reply *reply,
                        struct sale_view *ret_view)
{
    ret_view->sale = call->sale;
    ret_view->epoch = call->epoch;
    ret_view->sku_count = 0;
    if (reply->answer == SALE_ANSWER_EPOCH) {
        ret_view->status = SALE_VIEW_EPOCH;
        ret_view->epoch = reply->meta_epoch;
    } else if (reply->answer != SALE_ANSWER_OK && reply->answer != SALE_ANSWER_LATE) {
        ret_view->status = SALE_VIEW_REBUILDING;
    } else {
        ret_view->status = SALE_VIEW_OK;
        ret_view->version = reply->head.version;
        ret_view->state = reply->head.state;
        ret_view->redis_time_ms = reply->head.redis_time_ms;
        ret_view->seq = reply->head.seq;
        ret_view->outbox_first = reply->head.outbox_first;
        ret_view->sku_count = reply->sku_count;
        memcpy(ret_view->skus, reply->skus, reply->sku_count * sizeof reply->skus[0]);
    }
}
