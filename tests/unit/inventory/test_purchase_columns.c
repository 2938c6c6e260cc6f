#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/purchase_columns.h"

#define ZEROS "00000000000000000000000000000000"
#define KEY "0123456789abcdef0123456789abcdef"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct attempt attempts[PURCHASE_COLUMN_ROWS_MAX];
static const struct attempt *pointers[PURCHASE_COLUMN_ROWS_MAX];
static struct purchase_row rows[PURCHASE_COLUMN_ROWS_MAX];
static char bytes[PURCHASE_COLUMN_ROWS_MAX * PURCHASE_COLUMNS_ROW_SIZE_MAX
                  + PURCHASE_COLUMNS_HEAD_SIZE_MAX];

static void set(uint32_t place, const char *buyer, const char *sku, uint32_t quantity,
                const char *key, const char *trace)
{
    struct attempt *attempt = &attempts[place];

    *attempt = (struct attempt){.quantity = quantity};
    cr_assert_eq(buyer_parse(buyer, strlen(buyer), &attempt->buyer), ERR_OK);
    cr_assert_eq(sku_parse(sku, strlen(sku), &attempt->sku), ERR_OK);
    cr_assert_eq(key_hash_parse(key, strlen(key), &attempt->key_hash), ERR_OK);
    (void)snprintf(attempt->traceparent.text, sizeof attempt->traceparent.text, "%s", trace);
    pointers[place] = attempt;
}

/* Five bulks as written become five texts. */
static void cut(struct column_text columns[PURCHASE_COLUMNS], const char *end)
{
    char *at = bytes;

    for (int i = 0; i < PURCHASE_COLUMNS; i++) {
        cr_assert_eq(*at, '$');
        columns[i].size = strtoul(at + 1, &at, 10);
        columns[i].text = at + 2;
        at += 2 + columns[i].size;
        cr_assert_eq(memcmp(at, "\r\n", 2), 0);
        at += 2;
    }
    cr_assert_eq(at, end);
}

static void check_as_written(uint32_t count)
{
    struct column_text columns[PURCHASE_COLUMNS];
    char *end = purchase_columns_put(bytes, pointers, count);
    uint32_t found = 0;

    cr_assert(end - bytes <= (ptrdiff_t)sizeof bytes);
    cut(columns, end);
    cr_assert_eq(purchase_columns_parse(columns, rows, &found), ERR_OK);
    cr_assert_eq(found, count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert(buyer_equal(&rows[i].buyer, &attempts[i].buyer));
        cr_assert(sku_equal(&rows[i].sku, &attempts[i].sku));
        cr_assert_eq(rows[i].quantity, attempts[i].quantity);
        cr_assert_str_eq(rows[i].key_hash.hex, attempts[i].key_hash.hex);
        cr_assert_str_eq(rows[i].traceparent.text, attempts[i].traceparent.text);
    }
}

Test(purchase_columns, what_is_written_is_read)
{
    char buyer[BUYER_SIZE_MAX + 1];

    set(0, "ann", "a", 1, "", "");
    check_as_written(1);
    set(1, "b,o;b", "a", 2, KEY, "");
    set(2, "ann", "b", 1, "", TRACE);
    check_as_written(3);
    for (uint32_t i = 0; i < PURCHASE_COLUMN_ROWS_MAX; i++) {
        (void)snprintf(buyer, sizeof buyer, "%0*u", (int)(i % BUYER_SIZE_MAX) + 1, i % 10);
        set(i, buyer, i % 2 ? "sssssssssssssssssssssssssssssss2" : "a", 1000 - i / 2, KEY, TRACE);
        check_as_written(i + 1);
    }
}

Test(purchase_columns, an_item_is_told_once_and_a_column_of_nothing_is_empty)
{
    struct column_text columns[PURCHASE_COLUMNS];

    set(0, "ann", "a", 1, "", "");
    set(1, "bob", "b", 1, "", "");
    set(2, "cat", "a", 1, "", "");
    cut(columns, purchase_columns_put(bytes, pointers, 3));
    cr_assert_eq(columns[1].size, 9);
    cr_assert_eq(memcmp(columns[1].text,
                        "\x92\xa3"
                        "a,1\xa3"
                        "b,1",
                        9),
                 0);
    cr_assert_eq(columns[2].size, 3);
    cr_assert_eq(memcmp(columns[2].text, "!\"!", 3), 0);
    cr_assert(columns[3].size == 0 && columns[4].size == 0);
}

#define BAD(column, text)                                                                          \
    {                                                                                              \
        column,                                                                                    \
        {                                                                                          \
            text, sizeof text - 1                                                                  \
        }                                                                                          \
    }

static const struct {
    int column;
    struct column_text text;
} bad[] = {
    BAD(0, ""),
    BAD(0, "\x90"),
    BAD(0, "\xdc"),
    BAD(0, "\xdc\x00"),
    BAD(0, "\x81\xa3"
           "ann"),
    BAD(0, "\x91\xa3"
           "ann"),
    BAD(0, "\x93\xa3"
           "ann\xa3"
           "bob"),
    BAD(0, "\x92\xa3"
           "ann\xa3"
           "bo"),
    BAD(0, "\x92\xa3"
           "ann\xa3"
           "bobx"),
    BAD(0, "\x92\xa3"
           "ann\xa0"),
    BAD(0, "\x92\xa3"
           "ann\xd9"),
    BAD(0, "\x92\xa3"
           "ann\x05"),
    BAD(0, "\xdc\xff\xff\xa3"
           "ann"),
    BAD(0, "\x92\xa3"
           "ann\xa1 "),
    BAD(1, ""),
    BAD(1, "\x91\xa1"
           "a"),
    BAD(1, "\x91\xa2"
           "a,"),
    BAD(1, "\x91\xa3"
           "a,0"),
    BAD(1, "\x91\xa4"
           "a,01"),
    BAD(1, "\x91\xa6"
           "a,1001"),
    BAD(1, "\x91\xa2,1"),
    BAD(1, "\x91\xa5"
           "a,1,1"),
    BAD(1, "\x91\xa3"
           "a,1x"),
    BAD(2, ""),
    BAD(2, "!"),
    BAD(2, "!!!"),
    BAD(2, "!\""),
    BAD(2, "! "),
    BAD(2, "!\xff"),
    BAD(3, KEY),
    BAD(3, KEY ZEROS "0"),
    BAD(3, KEY "0123456789ABCDEF0123456789abcdef"),
    BAD(4, TRACE),
    BAD(4, TRACE TRACE "0"),
    BAD(4, TRACE "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
};

Test(purchase_columns, that_are_not_of_the_form)
{
    const struct column_text good[PURCHASE_COLUMNS] = {{"\x92\xa3"
                                                        "ann\xa3"
                                                        "bob",
                                                        9},
                                                       {"\x91\xa3"
                                                        "a,1",
                                                        5},
                                                       {"!!", 2},
                                                       {KEY ZEROS, 64},
                                                       {"", 0}};
    struct column_text columns[PURCHASE_COLUMNS];
    uint32_t count = 0;

    cr_assert_eq(purchase_columns_parse(good, rows, &count), ERR_OK);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(rows[1].key_hash.hex, "");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(columns, good, sizeof columns);
        columns[bad[i].column] = bad[i].text;
        cr_assert_eq(purchase_columns_parse(columns, rows, &count), ERR_PARSE, "number %zu", i);
    }
    for (int i = 0; i < PURCHASE_COLUMNS; i++) {
        memcpy(columns, good, sizeof columns);
        columns[i].text = NULL;
        cr_assert_eq(purchase_columns_parse(columns, rows, &count), ERR_PARSE);
    }
}

Test(purchase_columns, wins_are_counted_by_their_tokens)
{
    cr_assert_eq(purchase_results_win_count("", 0), 0);
    cr_assert_eq(purchase_results_win_count("W0 S W1", 7), 2);
    cr_assert_eq(purchase_results_win_count("R,1-1,W,1,0,N,5 LW", 18), 0);
}
