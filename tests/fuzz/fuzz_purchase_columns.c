/* The five columns of a call, between line feeds: what is taken can be written again, and reads the
 * same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "inventory/purchase_columns.h"

enum {
    ROWS = PURCHASE_COLUMN_ROWS_MAX,
    ROOM = ROWS * PURCHASE_COLUMNS_ROW_SIZE_MAX + PURCHASE_COLUMNS_HEAD_SIZE_MAX,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* False: there are fewer than five. */
static bool split(const char *bytes, size_t size, struct column_text columns[PURCHASE_COLUMNS])
{
    const char *end = bytes + size;

    for (int i = 0; i < PURCHASE_COLUMNS; i++) {
        const char *stop = bytes < end ? memchr(bytes, '\n', (size_t)(end - bytes)) : NULL;

        if (!stop && i < PURCHASE_COLUMNS - 1) {
            return false;
        }
        stop = stop ? stop : end;
        columns[i] = (struct column_text){bytes, (size_t)(stop - bytes)};
        bytes = stop + 1;
    }
    return true;
}

/* Five bulks as written become five texts. */
static void cut(const char *bytes, const char *end, struct column_text columns[PURCHASE_COLUMNS])
{
    for (int i = 0; i < PURCHASE_COLUMNS; i++) {
        char *text;

        ASSERT(*bytes == '$');
        columns[i].size = strtoul(bytes + 1, &text, 10);
        columns[i].text = text + 2;
        bytes = columns[i].text + columns[i].size + 2;
        ASSERT(bytes <= end && memcmp(bytes - 2, "\r\n", 2) == 0);
    }
    ASSERT(bytes == end);
}

static void check_again(const struct purchase_row *rows, uint32_t count)
{
    static struct attempt attempts[ROWS];
    static const struct attempt *pointers[ROWS];
    static struct purchase_row again[ROWS];
    static char bytes[ROOM];
    struct column_text columns[PURCHASE_COLUMNS];
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        attempts[i] = (struct attempt){.buyer = rows[i].buyer,
                                       .sku = rows[i].sku,
                                       .quantity = rows[i].quantity,
                                       .key_hash = rows[i].key_hash,
                                       .traceparent = rows[i].traceparent};
        pointers[i] = &attempts[i];
    }
    cut(bytes, purchase_columns_put(bytes, pointers, count), columns);
    ASSERT(purchase_columns_parse(columns, again, &found) == ERR_OK && found == count);
    for (uint32_t i = 0; i < count; i++) {
        ASSERT(buyer_equal(&rows[i].buyer, &again[i].buyer));
        ASSERT(sku_equal(&rows[i].sku, &again[i].sku) && rows[i].quantity == again[i].quantity);
        ASSERT(strcmp(rows[i].key_hash.hex, again[i].key_hash.hex) == 0);
        ASSERT(strcmp(rows[i].traceparent.text, again[i].traceparent.text) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct purchase_row rows[ROWS];
    struct column_text columns[PURCHASE_COLUMNS];
    uint32_t count = 0;

    if (split((const char *)data, size, columns)
        && purchase_columns_parse(columns, rows, &count) == ERR_OK) {
        ASSERT(count >= 1 && count <= ROWS);
        check_again(rows, count);
    }
    (void)purchase_results_win_count((const char *)data, size);
    return 0;
}
