#include "inventory/outbox_entry.h"

#include "common/assert.h"
#include "inventory/redis_reply.h"
#include "inventory/text_cursor.h"

#include <string.h>

#define TIME_MS_MAX ((UINT64_C(1) << 53) - 1)

/* An engine only writes well-formed traces, or none (PROTOCOL §3.4 args). */
static bool take_trace(struct text_cursor *cursor, struct traceparent *ret_trace)
{
    size_t size;
    const char *text = text_take_until(cursor, ',', &size);

    if (size == 0) {
        *ret_trace = (struct traceparent){""};
        return true;
    }
    return traceparent_parse(text, size, ret_trace) == ERR_OK;
}

static bool take_number_and_comma(struct text_cursor *cursor, uint64_t max, uint64_t *ret_value)
{
    return text_take_number(cursor, max, ret_value) && text_take_char(cursor, ',');
}

enum err outbox_win_parse(struct sale_id sale, uint32_t epoch, const char *field, size_t field_size,
                          const char *value, size_t value_size, struct outbox_win *ret_win)
{
    struct text_cursor seq_cursor = text_cursor(field, field_size);
    struct text_cursor cursor = text_cursor(value, value_size);
    struct outbox_win win = {.epoch = epoch};
    uint64_t seq, quantity, slot, won_at;
    const char *text;
    size_t size;

    if (!text_take_number(&seq_cursor, SEQ_MAX, &seq) || !text_is_end(&seq_cursor)
        || order_no_make(sale, epoch, (uint32_t)seq, &win.entry.order_no) != ERR_OK
        || !text_take_char(&cursor, '1') || !text_take_char(&cursor, ',')) {
        return ERR_PARSE;
    }
    text = text_take_until(&cursor, ',', &size);
    if (key_hash_parse(text, size, &win.entry.key_hash) != ERR_OK
        || !text_take_char(&cursor, ',')) {
        return ERR_PARSE;
    }
    text = text_take_until(&cursor, ',', &size);
    if (sku_parse(text, size, &win.entry.sku) != ERR_OK || !text_take_char(&cursor, ',')
        || !take_number_and_comma(&cursor, QUANTITY_MAX, &quantity) || quantity == 0
        || !take_number_and_comma(&cursor, QUANTITY_MAX - 1, &slot)
        || !take_number_and_comma(&cursor, TIME_MS_MAX, &won_at)
        || !take_trace(&cursor, &win.traceparent) || !text_take_char(&cursor, ',')
        || buyer_parse(cursor.at, (size_t)(cursor.end - cursor.at), &win.buyer) != ERR_OK) {
        return ERR_PARSE;
    }
    win.seq = (uint32_t)seq;
    win.entry.quantity = (uint32_t)quantity;
    win.entry.has_slot = true;
    win.entry.slot = (uint32_t)slot;
    win.entry.state = ORDER_STATE_PENDING;
    win.entry.won_at_ms = (int64_t)won_at;
    *ret_win = win;
    return ERR_OK;
}

static bool parse_place(const struct redis_reply *id, struct outbox_listed_entry *entry)
{
    struct text_cursor cursor;
    uint64_t epoch, first;
    size_t size;
    const char *text = redis_reply_string(id, &size);

    if (!text) {
        return false;
    }
    cursor = text_cursor(text, size);
    if (!text_take_number(&cursor, EPOCH_MAX, &epoch) || !text_take_char(&cursor, '-')
        || !text_take_number(&cursor, SEQ_MAX, &first) || !text_is_end(&cursor) || epoch == 0
        || first == 0) {
        return false;
    }
    entry->epoch = (uint32_t)epoch;
    entry->first_seq = (uint32_t)first;
    return true;
}

enum err outbox_entry_parse(struct sale_id sale, const struct redis_reply *item,
                            struct outbox_win *wins, struct outbox_listed_entry *ret_entry)
{
    struct outbox_listed_entry entry = {.wins = wins};
    const struct redis_reply *fields;
    size_t count;

    if (redis_reply_count(item) != 2 || !parse_place(redis_reply_item(item, 0), &entry)) {
        return ERR_PARSE;
    }
    fields = redis_reply_item(item, 1);
    count = redis_reply_count(fields);
    if (count == 0 || count % 2 != 0 || count / 2 > OUTBOX_ENTRY_WINS_MAX) {
        return ERR_PARSE;
    }
    for (size_t i = 0; i < count; i += 2) {
        size_t field_size, value_size;
        const char *field = redis_reply_string(redis_reply_item(fields, i), &field_size);
        const char *value = redis_reply_string(redis_reply_item(fields, i + 1), &value_size);

        if (!field || !value
            || outbox_win_parse(sale, entry.epoch, field, field_size, value, value_size,
                                &wins[i / 2])
                   != ERR_OK
            || wins[i / 2].seq != entry.first_seq + i / 2) {
            return ERR_PARSE;
        }
    }
    entry.win_count = (uint32_t)(count / 2);
    *ret_entry = entry;
    return ERR_OK;
}
