#include "inventory/order_value.h"

#include "common/assert.h"
#include "inventory/redis_wire.h"
#include "inventory/text_cursor.h"

#include <string.h>

/* Slots are below the sale's limit, which is at most QUANTITY_MAX. Times fit Lua's numbers. */
#define TIME_MS_MAX ((UINT64_C(1) << 53) - 1)

static bool take_ref(struct sale_id sale, struct text_cursor *cursor, struct order_no *ret_order_no)
{
    uint64_t epoch, seq;

    return text_take_number(cursor, EPOCH_MAX, &epoch) && text_take_char(cursor, '-')
           && text_take_number(cursor, SEQ_MAX, &seq)
           && order_no_make(sale, (uint32_t)epoch, (uint32_t)seq, ret_order_no) == ERR_OK;
}

static bool take_state(struct text_cursor *cursor, enum order_state *ret_state)
{
    if (text_is_end(cursor) || order_state_from_letter(*cursor->at, ret_state) != ERR_OK) {
        return false;
    }
    cursor->at++;
    return true;
}

/* Up to the `;` or the end, which stays. */
static bool take_entry(struct sale_id sale, struct text_cursor *cursor,
                       struct order_entry *ret_entry)
{
    struct order_entry entry = {0};
    uint64_t quantity, slot = 0, won_at;
    const char *text;
    size_t size;

    text = text_take_until(cursor, ',', &size);
    if (key_hash_parse(text, size, &entry.key_hash) != ERR_OK || !text_take_char(cursor, ',')
        || !take_ref(sale, cursor, &entry.order_no) || !text_take_char(cursor, ',')) {
        return false;
    }
    text = text_take_until(cursor, ',', &size);
    if (sku_parse(text, size, &entry.sku) != ERR_OK || !text_take_char(cursor, ',')
        || !text_take_number(cursor, QUANTITY_MAX, &quantity) || quantity == 0
        || !text_take_char(cursor, ',')) {
        return false;
    }
    entry.has_slot = !text_take_char(cursor, ',');
    if (entry.has_slot
        && (!text_take_number(cursor, QUANTITY_MAX - 1, &slot) || !text_take_char(cursor, ','))) {
        return false;
    }
    if (!take_state(cursor, &entry.state) || !text_take_char(cursor, ',')
        || !text_take_number(cursor, TIME_MS_MAX, &won_at)) {
        return false;
    }
    entry.quantity = (uint32_t)quantity;
    entry.slot = (uint32_t)slot;
    entry.won_at_ms = (int64_t)won_at;
    *ret_entry = entry;
    return true;
}

enum err order_value_entry_parse(struct sale_id sale, const char *text, size_t size,
                                 struct order_entry *ret_entry)
{
    struct text_cursor cursor = text_cursor(text, size);
    struct order_entry entry;

    if (!take_entry(sale, &cursor, &entry) || !text_is_end(&cursor)) {
        return ERR_PARSE;
    }
    *ret_entry = entry;
    return ERR_OK;
}

enum err order_value_ref_parse(struct sale_id sale, const char *text, size_t size,
                               struct order_no *ret_order_no)
{
    struct text_cursor cursor = text_cursor(text, size);
    struct order_no order_no;

    if (!take_ref(sale, &cursor, &order_no) || !text_is_end(&cursor)) {
        return ERR_PARSE;
    }
    *ret_order_no = order_no;
    return ERR_OK;
}

static char *put(char *at, const char *text, size_t size, char stop)
{
    memcpy(at, text, size);
    at[size] = stop;
    return at + size + 1;
}

static char *put_number(char *at, uint64_t value, char stop)
{
    at = redis_wire_number(at, value);
    *at = stop;
    return at + 1;
}

void order_value_entry_append(struct buf *out, const struct order_entry *entry)
{
    char *begin = buf_reserve(out, ORDER_VALUE_ENTRY_SIZE_MAX);
    char *at = begin;

    ASSERT(entry->won_at_ms >= 0 && entry->quantity >= 1);
    if (!begin) {
        return;
    }
    *at++ = ';';
    at = put(at, entry->key_hash.hex, strlen(entry->key_hash.hex), ',');
    at = put_number(at, order_no_epoch(entry->order_no), '-');
    at = put_number(at, order_no_seq(entry->order_no), ',');
    at = put(at, entry->sku.text, entry->sku.size, ',');
    at = put_number(at, entry->quantity, ',');
    if (entry->has_slot) {
        at = redis_wire_number(at, entry->slot);
    }
    *at++ = ',';
    *at++ = order_state_letter(entry->state);
    *at++ = ',';
    at = redis_wire_number(at, (uint64_t)entry->won_at_ms);
    ASSERT(at - begin <= ORDER_VALUE_ENTRY_SIZE_MAX);
    buf_commit(out, (size_t)(at - begin));
}

enum err order_value_each(struct sale_id sale, const char *text, size_t size, order_value_fn *each,
                          void *arg)
{
    struct text_cursor cursor = text_cursor(text, size);

    if (!text_take_char(&cursor, '1')) {
        return ERR_PARSE;
    }
    while (!text_is_end(&cursor)) {
        struct order_entry entry;
        enum err err;

        if (!text_take_char(&cursor, ';') || !take_entry(sale, &cursor, &entry)) {
            return ERR_PARSE;
        }
        err = each(arg, &entry);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}
