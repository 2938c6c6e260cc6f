#include "inventory/purchase_columns.h"

#include "common/assert.h"
#include "inventory/redis_wire.h"
#include "inventory/text_cursor.h"

#include <string.h>

/* msgpack: arrays and texts of the sizes that a call has. */
enum { SHORT_ARRAY = 0x90, SHORT_ARRAY_MAX = 15, ARRAY_16 = 0xdc };
enum { SHORT_TEXT = 0xa0, SHORT_TEXT_MAX = 31, TEXT_8 = 0xd9 };
enum { CHOICE_BASE = 32 }; /* the first item is chosen by 33 */
/* `0` in every place: the purchase has none. */
#define ZEROS "0000000000000000000000000000000000000000000000000000000"
_Static_assert(sizeof ZEROS - 1 == TRACEPARENT_SIZE && KEY_HASH_SIZE <= TRACEPARENT_SIZE, "zeros");

/* --- writing */

static char *put_array(char *at, uint32_t count)
{
    if (count <= SHORT_ARRAY_MAX) {
        *at++ = (char)(SHORT_ARRAY | count);
        return at;
    }
    *at++ = (char)ARRAY_16;
    *at++ = (char)(count >> 8);
    *at++ = (char)(count & 0xff);
    return at;
}

static char *put_text_head(char *at, size_t size)
{
    if (size <= SHORT_TEXT_MAX) {
        *at++ = (char)(SHORT_TEXT | size);
        return at;
    }
    *at++ = (char)TEXT_8;
    *at++ = (char)size;
    return at;
}

static size_t array_size(uint32_t count)
{
    return count <= SHORT_ARRAY_MAX ? 1 : 3;
}

static size_t text_size(size_t size)
{
    return (size <= SHORT_TEXT_MAX ? 1 : 2) + size;
}

static char *put_end(char *at)
{
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

static char *put_bulk_head(char *at, size_t size)
{
    *at++ = '$';
    at = redis_wire_number(at, size);
    return put_end(at);
}

static char *put_buyers(char *at, const struct attempt *const *attempts, uint32_t count)
{
    size_t size = array_size(count);

    for (uint32_t i = 0; i < count; i++) {
        size += text_size(attempts[i]->buyer.size);
    }
    at = put_array(put_bulk_head(at, size), count);
    for (uint32_t i = 0; i < count; i++) {
        at = put_text_head(at, attempts[i]->buyer.size);
        memcpy(at, attempts[i]->buyer.text, attempts[i]->buyer.size);
        at += attempts[i]->buyer.size;
    }
    return put_end(at);
}

/* What is bought, each once. */
struct items {
    const struct attempt *first[PURCHASE_COLUMN_ROWS_MAX]; /* the first purchase of each */
    uint8_t choices[PURCHASE_COLUMN_ROWS_MAX];             /* by purchase */
    uint32_t count;
};

static bool is_same_item(const struct attempt *a, const struct attempt *b)
{
    return a->quantity == b->quantity && sku_equal(&a->sku, &b->sku);
}

static void collect_items(const struct attempt *const *attempts, uint32_t count,
                          struct items *items)
{
    items->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t item = 0;

        while (item < items->count && !is_same_item(items->first[item], attempts[i])) {
            item++;
        }
        if (item == items->count) {
            items->first[items->count++] = attempts[i];
        }
        items->choices[i] = (uint8_t)(CHOICE_BASE + 1 + item);
    }
}

/* `sku,quantity` at `at`; returns the end. */
static char *put_item(char *at, const struct attempt *attempt)
{
    memcpy(at, attempt->sku.text, attempt->sku.size);
    at += attempt->sku.size;
    *at++ = ',';
    return redis_wire_number(at, attempt->quantity);
}

static char *put_items(char *at, const struct items *items)
{
    char text[SKU_SIZE_MAX + 1 + REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t size = array_size(items->count);

    for (uint32_t i = 0; i < items->count; i++) {
        size += text_size((size_t)(put_item(text, items->first[i]) - text));
    }
    at = put_array(put_bulk_head(at, size), items->count);
    for (uint32_t i = 0; i < items->count; i++) {
        at = put_text_head(at, (size_t)(put_item(text, items->first[i]) - text));
        at = put_item(at, items->first[i]);
    }
    return put_end(at);
}

/* A column of texts of one size, each a field `place` bytes into its attempt, which is "" when the
 * purchase has none: zeros then, and nothing at all when nobody has one. */
static char *put_texts(char *at, const struct attempt *const *attempts, uint32_t count,
                       size_t place, size_t size)
{
    bool any = false;

    for (uint32_t i = 0; i < count && !any; i++) {
        any = ((const char *)attempts[i])[place] != '\0';
    }
    at = put_bulk_head(at, any ? count * size : 0);
    for (uint32_t i = 0; i < count && any; i++) {
        const char *text = (const char *)attempts[i] + place;

        memcpy(at, text[0] ? text : ZEROS, size);
        at += size;
    }
    return put_end(at);
}

char *purchase_columns_put(char *at, const struct attempt *const *attempts, uint32_t count)
{
    struct items items;

    ASSERT(count >= 1 && count <= PURCHASE_COLUMN_ROWS_MAX);
    collect_items(attempts, count, &items);
    at = put_buyers(at, attempts, count);
    at = put_items(at, &items);
    at = redis_wire_bulk(at, (const char *)items.choices, count);
    at = put_texts(at, attempts, count, offsetof(struct attempt, key_hash.hex), KEY_HASH_SIZE);
    return put_texts(at, attempts, count, offsetof(struct attempt, traceparent.text),
                     TRACEPARENT_SIZE);
}

/* --- reading */

static bool take_bytes(struct text_cursor *cursor, size_t size, const char **ret_bytes)
{
    if (size > (size_t)(cursor->end - cursor->at)) {
        return false;
    }
    *ret_bytes = cursor->at;
    cursor->at += size;
    return true;
}

static bool take_byte(struct text_cursor *cursor, unsigned *ret_byte)
{
    const char *bytes;

    if (!take_bytes(cursor, 1, &bytes)) {
        return false;
    }
    *ret_byte = (unsigned char)*bytes;
    return true;
}

/* The head of an array of 1 to PURCHASE_COLUMN_ROWS_MAX. */
static bool take_array(struct text_cursor *cursor, uint32_t *ret_count)
{
    const char *bytes;
    unsigned tag;

    if (!take_byte(cursor, &tag)) {
        return false;
    }
    if (tag == ARRAY_16) {
        if (!take_bytes(cursor, 2, &bytes)) {
            return false;
        }
        *ret_count = (uint32_t)(unsigned char)bytes[0] << 8 | (unsigned char)bytes[1];
    } else if (tag > SHORT_ARRAY && tag <= (SHORT_ARRAY | SHORT_ARRAY_MAX)) {
        *ret_count = tag - SHORT_ARRAY;
    } else {
        return false;
    }
    return *ret_count >= 1 && *ret_count <= PURCHASE_COLUMN_ROWS_MAX;
}

static bool take_text(struct text_cursor *cursor, const char **ret_text, size_t *ret_size)
{
    unsigned tag, size;

    if (!take_byte(cursor, &tag)) {
        return false;
    }
    if (tag == TEXT_8) {
        if (!take_byte(cursor, &size)) {
            return false;
        }
        *ret_size = size;
    } else if (tag >= SHORT_TEXT && tag <= (SHORT_TEXT | SHORT_TEXT_MAX)) {
        *ret_size = tag - SHORT_TEXT;
    } else {
        return false;
    }
    return take_bytes(cursor, *ret_size, ret_text);
}

static bool parse_buyers(const struct column_text *column, struct purchase_row *rows,
                         uint32_t *ret_count)
{
    struct text_cursor cursor = text_cursor(column->text, column->size);

    if (!take_array(&cursor, ret_count)) {
        return false;
    }
    for (uint32_t i = 0; i < *ret_count; i++) {
        const char *text;
        size_t size;

        if (!take_text(&cursor, &text, &size)
            || buyer_parse(text, size, &rows[i].buyer) != ERR_OK) {
            return false;
        }
    }
    return text_is_end(&cursor);
}

struct item {
    struct sku sku;
    uint32_t quantity;
};

static bool parse_item(const char *text, size_t size, struct item *item)
{
    struct text_cursor cursor = text_cursor(text, size);
    const char *sku = text_take_until(&cursor, ',', &size);
    uint64_t quantity;

    if (sku_parse(sku, size, &item->sku) != ERR_OK || !text_take_char(&cursor, ',')
        || !text_take_number(&cursor, QUANTITY_MAX, &quantity) || quantity == 0
        || !text_is_end(&cursor)) {
        return false;
    }
    item->quantity = (uint32_t)quantity;
    return true;
}

static bool parse_items(const struct column_text *column, struct item *items, uint32_t *ret_count)
{
    struct text_cursor cursor = text_cursor(column->text, column->size);

    if (!take_array(&cursor, ret_count)) {
        return false;
    }
    for (uint32_t i = 0; i < *ret_count; i++) {
        const char *text;
        size_t size;

        if (!take_text(&cursor, &text, &size) || !parse_item(text, size, &items[i])) {
            return false;
        }
    }
    return text_is_end(&cursor);
}

static bool parse_choices(const struct column_text *items_column, const struct column_text *choices,
                          struct purchase_row *rows, uint32_t count)
{
    struct item items[PURCHASE_COLUMN_ROWS_MAX];
    uint32_t item_count;

    if (!parse_items(items_column, items, &item_count) || choices->size != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        unsigned choice = (unsigned char)choices->text[i];

        if (choice <= CHOICE_BASE || choice > CHOICE_BASE + item_count) {
            return false;
        }
        rows[i].sku = items[choice - CHOICE_BASE - 1].sku;
        rows[i].quantity = items[choice - CHOICE_BASE - 1].quantity;
    }
    return true;
}

static bool parse_keys(const struct column_text *column, struct purchase_row *rows, uint32_t count)
{
    if (column->size != 0 && column->size != (size_t)count * KEY_HASH_SIZE) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *key = column->size == 0 ? ZEROS : column->text + (size_t)i * KEY_HASH_SIZE;
        bool is_none = memcmp(key, ZEROS, KEY_HASH_SIZE) == 0;

        if (key_hash_parse(key, is_none ? 0 : KEY_HASH_SIZE, &rows[i].key_hash) != ERR_OK) {
            return false;
        }
    }
    return true;
}

/* An engine only writes well-formed traces, or none. */
static bool parse_traces(const struct column_text *column, struct purchase_row *rows,
                         uint32_t count)
{
    if (column->size != 0 && column->size != (size_t)count * TRACEPARENT_SIZE) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *trace = column->size == 0 ? ZEROS : column->text + (size_t)i * TRACEPARENT_SIZE;

        rows[i].traceparent = (struct traceparent){""};
        if (memcmp(trace, ZEROS, TRACEPARENT_SIZE) != 0
            && traceparent_parse(trace, TRACEPARENT_SIZE, &rows[i].traceparent) != ERR_OK) {
            return false;
        }
    }
    return true;
}

enum err purchase_columns_parse(const struct column_text columns[PURCHASE_COLUMNS],
                                struct purchase_row *rows, uint32_t *ret_count)
{
    for (uint32_t i = 0; i < PURCHASE_COLUMNS; i++) {
        if (!columns[i].text) {
            return ERR_PARSE;
        }
    }
    return parse_buyers(&columns[0], rows, ret_count)
                   && parse_choices(&columns[1], &columns[2], rows, *ret_count)
                   && parse_keys(&columns[3], rows, *ret_count)
                   && parse_traces(&columns[4], rows, *ret_count)
               ? ERR_OK
               : ERR_PARSE;
}

uint32_t purchase_results_win_count(const char *results, size_t size)
{
    uint32_t wins = 0;

    for (size_t i = 0; i < size; i++) {
        wins += results[i] == 'W' && (i == 0 || results[i - 1] == ' ');
    }
    return wins;
}
