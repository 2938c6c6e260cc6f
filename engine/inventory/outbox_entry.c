#include "inventory/outbox_entry.h"

#include "common/assert.h"
#include "inventory/purchase_columns.h"
#include "inventory/redis_reply.h"
#include "inventory/text_cursor.h"

#include <string.h>

#define TIME_MS_MAX ((UINT64_C(1) << 53) - 1)

/* The fields of an entry, in this order. The first is the format, and its value won_at. */
static const char *const names[] = {"2", "results", "buyers", "items", "choices", "keys", "traces"};
enum { FIELDS = sizeof names / sizeof names[0], RESULTS = 1, COLUMNS = 2 };
_Static_assert((int)FIELDS == (int)COLUMNS + (int)PURCHASE_COLUMNS, "a field a column");

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

/* The values by field. False: other fields, or not in their order. */
static bool read_values(const struct redis_reply *item, struct column_text values[FIELDS])
{
    const struct redis_reply *fields =
        redis_reply_count(item) == 2 ? redis_reply_item(item, 1) : NULL;

    if (!fields || redis_reply_count(fields) != 2 * (size_t)FIELDS) {
        return false;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        size_t size;
        const char *name = redis_reply_string(redis_reply_item(fields, 2 * i), &size);

        values[i].text = redis_reply_string(redis_reply_item(fields, 2 * i + 1), &values[i].size);
        if (!name || !values[i].text || size != strlen(names[i])
            || memcmp(name, names[i], size) != 0) {
            return false;
        }
    }
    return true;
}

uint32_t outbox_entry_win_count(const struct redis_reply *item)
{
    struct column_text values[FIELDS];

    return read_values(item, values)
               ? purchase_results_win_count(values[RESULTS].text, values[RESULTS].size)
               : 0;
}

static bool take_won_at(const struct column_text *value, int64_t *ret_won_at_ms)
{
    struct text_cursor cursor = text_cursor(value->text, value->size);
    uint64_t won_at;

    if (!text_take_number(&cursor, TIME_MS_MAX, &won_at) || !text_is_end(&cursor)) {
        return false;
    }
    *ret_won_at_ms = (int64_t)won_at;
    return true;
}

/* W<slot> of one purchase. */
static bool make_win(struct sale_id sale, const struct purchase_row *row, const char *token,
                     size_t size, struct outbox_win *win)
{
    struct text_cursor cursor = text_cursor(token, size);
    uint64_t slot;

    if (!text_take_char(&cursor, 'W') || !text_take_number(&cursor, QUANTITY_MAX - 1, &slot)
        || !text_is_end(&cursor)
        || order_no_make(sale, win->epoch, win->seq, &win->entry.order_no) != ERR_OK) {
        return false;
    }
    win->buyer = row->buyer;
    win->traceparent = row->traceparent;
    win->entry.key_hash = row->key_hash;
    win->entry.sku = row->sku;
    win->entry.quantity = row->quantity;
    win->entry.has_slot = true;
    win->entry.slot = (uint32_t)slot;
    win->entry.state = ORDER_STATE_PENDING;
    return true;
}

/* The wins among the rows: a token a row, one space between them. */
static bool read_wins(struct sale_id sale, const struct column_text *results,
                      const struct purchase_row *rows, uint32_t row_count, int64_t won_at_ms,
                      struct outbox_win *wins, struct outbox_listed_entry *entry)
{
    struct text_cursor cursor = text_cursor(results->text, results->size);

    for (uint32_t i = 0; i < row_count; i++) {
        struct outbox_win *win = &wins[entry->win_count];
        size_t size;
        const char *token;

        if (i > 0 && !text_take_char(&cursor, ' ')) {
            return false;
        }
        token = text_take_until(&cursor, ' ', &size);
        if (size == 0) {
            return false;
        }
        if (*token == 'W') {
            *win = (struct outbox_win){.epoch = entry->epoch,
                                       .seq = entry->first_seq + entry->win_count,
                                       .entry.won_at_ms = won_at_ms};
            if (!make_win(sale, &rows[i], token, size, win)) {
                return false;
            }
            entry->win_count++;
        }
    }
    return text_is_end(&cursor) && entry->win_count > 0;
}

enum err outbox_entry_parse(struct sale_id sale, const struct redis_reply *item,
                            struct outbox_win *wins, struct outbox_listed_entry *ret_entry)
{
    struct outbox_listed_entry entry = {.wins = wins};
    struct purchase_row rows[PURCHASE_COLUMN_ROWS_MAX];
    struct column_text values[FIELDS];
    uint32_t row_count;
    int64_t won_at_ms;

    if (!read_values(item, values) || !parse_place(redis_reply_item(item, 0), &entry)
        || !take_won_at(&values[0], &won_at_ms)
        || purchase_columns_parse(&values[COLUMNS], rows, &row_count) != ERR_OK
        || !read_wins(sale, &values[RESULTS], rows, row_count, won_at_ms, wins, &entry)) {
        return ERR_PARSE;
    }
    *ret_entry = entry;
    return ERR_OK;
}
