#include "domain/ids.h"

#include <criterion/criterion.h>
#include <string.h>

#define EACH(text, ...)                                                                            \
    for (const char *const *text##_at = (const char *const[]){__VA_ARGS__, NULL}, *text;           \
         (text = *text##_at) != NULL; text##_at++)

static const char key64[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Test(ids, malformed_sale_numbers_are_refused)
{
    struct sale_id id = {42};

    EACH(text, "", "0", "01", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0")
    {
        cr_expect_eq(sale_id_parse(text, strlen(text), &id), ERR_PARSE, "%s", text);
    }
    EACH(text, "8388608", "99999999999999999999999999", "18446744073709551617")
    {
        cr_expect_eq(sale_id_parse(text, strlen(text), &id), ERR_RANGE, "%s", text);
    }
    cr_assert_eq(id.value, 42);
}

Test(ids, sale_numbers_at_their_limits)
{
    struct sale_id id;

    cr_assert_eq(sale_id_parse("1", 1, &id), ERR_OK);
    cr_assert_eq(id.value, 1);
    cr_assert_eq(sale_id_parse("8388607xyz", 7, &id), ERR_OK);
    cr_assert_eq(id.value, SALE_ID_MAX);
}

Test(ids, malformed_skus_are_refused)
{
    struct sku sku = {.size = 42};

    EACH(text, "", "a b", "a/b", "a\x01", "\xc3\xa4", "a,b", "{a}",
         "012345678901234567890123456789012")
    {
        cr_expect_eq(sku_parse(text, strlen(text), &sku), ERR_PARSE, "%s", text);
    }
    cr_assert_eq(sku_parse("a\0b", 3, &sku), ERR_PARSE);
    cr_assert_eq(sku.size, 42);
}

Test(ids, a_sku_is_kept_with_a_nul_behind)
{
    struct sku a, b, c;

    memset(&a, 0xff, sizeof a);
    cr_assert_eq(sku_parse("phone-Black_1.x", 5, &a), ERR_OK);
    cr_assert_str_eq(a.text, "phone");
    cr_assert_eq(a.size, 5);
    cr_assert_eq(sku_parse("phone", 5, &b), ERR_OK);
    cr_assert_eq(sku_parse("phonE", 5, &c), ERR_OK);
    cr_assert(sku_equal(&a, &b));
    cr_assert_not(sku_equal(&a, &c));
    cr_assert_eq(sku_parse("phon", 4, &c), ERR_OK);
    cr_assert_not(sku_equal(&a, &c));
    cr_assert_eq(sku_parse("01234567890123456789012345678901", 32, &a), ERR_OK);
    cr_assert_eq(strlen(a.text), 32);
}

Test(ids, malformed_buyers_are_refused)
{
    struct buyer buyer = {.size = 42};

    EACH(text, "", " ", "a b", "a\n", "\x7f", "\xc3\xa4")
    {
        cr_expect_eq(buyer_parse(text, strlen(text), &buyer), ERR_PARSE, "%s", text);
    }
    cr_assert_eq(buyer_parse("0123456789012345678901234567890123456789012345678901234567890123x",
                             65, &buyer),
                 ERR_PARSE);
    cr_assert_eq(buyer.size, 42);
}

Test(ids, a_buyer_is_any_visible_ascii)
{
    struct buyer a, b;

    cr_assert_eq(buyer_parse("!~,;{}\"", 7, &a), ERR_OK);
    cr_assert_str_eq(a.text, "!~,;{}\"");
    cr_assert_eq(buyer_parse("!~,;{}\"x", 7, &b), ERR_OK);
    cr_assert(buyer_equal(&a, &b));
    cr_assert_eq(buyer_parse("!~,;{}'", 7, &b), ERR_OK);
    cr_assert_not(buyer_equal(&a, &b));
}

Test(ids, malformed_keys_are_refused)
{
    struct key_hash hash = {"unchanged"};

    EACH(text, "", "short", "0123456789abcde", "\"0123456789abcde\"", "0123456789 abcdef",
         "\"0123456789 abcdef\"", "\"0123456789abcdef", "\"0123456789abc\"def\"",
         "\"0123456789abcdef\\\"", "\"0123456789abcdef\\x\"", "\"", "0123456789abcdef\x80",
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefx",
         "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefx\"")
    {
        cr_expect_eq(idempotency_key_parse(text, strlen(text), &hash), ERR_PARSE, "%s", text);
    }
    cr_assert_str_eq(hash.hex, "unchanged");
}

Test(ids, a_quoted_key_is_the_bare_one)
{
    struct key_hash bare, quoted, other;

    cr_assert_eq(idempotency_key_parse("0123456789abcdef", 16, &bare), ERR_OK);
    cr_assert_eq(idempotency_key_parse("\"0123456789abcdef\"", 18, &quoted), ERR_OK);
    cr_assert_eq(idempotency_key_parse("0123456789abcdeg", 16, &other), ERR_OK);
    cr_assert_str_eq(bare.hex, quoted.hex);
    cr_assert_str_neq(bare.hex, other.hex);
    cr_assert_eq(strlen(bare.hex), KEY_HASH_SIZE);
    cr_assert_eq(idempotency_key_parse("\"\\\"\\\\23456789abcdef\"", 20, &quoted), ERR_OK);
    cr_assert_eq(idempotency_key_parse("x\"\\23456789abcdef", 17, &bare), ERR_OK);
    cr_assert_str_neq(bare.hex, quoted.hex);
    cr_assert_eq(idempotency_key_parse(key64, 64, &bare), ERR_OK);
}

Test(ids, malformed_hashes_are_refused)
{
    struct key_hash hash = {"unchanged"};

    EACH(text, "0", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789abcdef",
         "0123456789abcdef0123456789abcdefa", "0123456789abcdef0123456789abcdeg")
    {
        cr_expect_eq(key_hash_parse(text, strlen(text), &hash), ERR_PARSE, "%s", text);
    }
    cr_assert_str_eq(hash.hex, "unchanged");
}

Test(ids, a_hash_is_32_hex_or_nothing)
{
    struct key_hash hash = {"x"};

    cr_assert_eq(key_hash_parse("", 0, &hash), ERR_OK);
    cr_assert_str_eq(hash.hex, "");
    cr_assert_eq(key_hash_parse(key64, 32, &hash), ERR_OK);
    cr_assert_eq(strlen(hash.hex), 32);
}

Test(ids, malformed_traces_are_refused)
{
    struct traceparent parsed = {"unchanged"};

    EACH(text, "", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
         "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
         "00-00000000000000000000000000000000-b7ad6b7169203331-01",
         "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
         "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011")
    {
        cr_expect_eq(traceparent_parse(text, strlen(text), &parsed), ERR_PARSE, "%s", text);
    }
    cr_assert_str_eq(parsed.text, "unchanged");
    cr_assert_eq(traceparent_parse(trace, 55, &parsed), ERR_OK);
    cr_assert_str_eq(parsed.text, trace);
}

Test(ids, a_field_that_is_full_makes_no_order_number)
{
    struct order_no no = {42};
    const struct sale_id sale = {7};

    cr_assert_eq(order_no_make((struct sale_id){0}, 1, 1, &no), ERR_RANGE);
    cr_assert_eq(order_no_make((struct sale_id){SALE_ID_MAX + 1}, 1, 1, &no), ERR_RANGE);
    cr_assert_eq(order_no_make(sale, 0, 1, &no), ERR_RANGE);
    cr_assert_eq(order_no_make(sale, EPOCH_MAX + 1, 1, &no), ERR_RANGE);
    cr_assert_eq(order_no_make(sale, 1, 0, &no), ERR_RANGE);
    cr_assert_eq(order_no_make(sale, 1, SEQ_MAX + 1, &no), ERR_RANGE);
    cr_assert_eq(no.value, 42);
}

Test(ids, order_numbers_give_back_their_parts)
{
    static const uint32_t cases[][3] = {
        {1, 1, 1}, {7, 3, 4711}, {SALE_ID_MAX, EPOCH_MAX, SEQ_MAX}, {1, EPOCH_MAX, 1}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct order_no no, again;
        char text[ORDER_NO_TEXT_SIZE];

        cr_assert_eq(order_no_make((struct sale_id){cases[i][0]}, cases[i][1], cases[i][2], &no),
                     ERR_OK);
        cr_assert_eq(order_no_sale(no).value, cases[i][0]);
        cr_assert_eq(order_no_epoch(no), cases[i][1]);
        cr_assert_eq(order_no_seq(no), cases[i][2]);
        order_no_format(no, text);
        cr_assert_eq(order_no_parse(text, strlen(text), &again), ERR_OK, "%s", text);
        cr_assert_eq(again.value, no.value);
        order_ref_format(no, text);
        cr_assert_eq(order_ref_parse(order_no_sale(no), text, strlen(text), &again), ERR_OK);
        cr_assert_eq(again.value, no.value);
    }
}

Test(ids, order_numbers_as_text)
{
    struct order_no no;
    char text[ORDER_NO_TEXT_SIZE];

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, 4711, &no), ERR_OK);
    cr_assert_str_eq(order_no_format(no, text), "7696782725735");
    cr_assert_str_eq(order_ref_format(no, text), "3-4711");
    cr_assert_eq(order_no_make((struct sale_id){SALE_ID_MAX}, EPOCH_MAX, SEQ_MAX, &no), ERR_OK);
    cr_assert_str_eq(order_no_format(no, text), "9223372036854775807");
}

Test(ids, malformed_order_numbers_are_refused)
{
    struct order_no no = {42};

    EACH(text, "", "0", "07", "-7", "7x", "x")
    {
        cr_expect_eq(order_no_parse(text, strlen(text), &no), ERR_PARSE, "%s", text);
    }
    /* Too large; no sale; no epoch; no seq. */
    EACH(text, "9223372036854775808", "67108865", "1099511627777", "1099578736640")
    {
        cr_expect_eq(order_no_parse(text, strlen(text), &no), ERR_RANGE, "%s", text);
    }
    cr_assert_eq(no.value, 42);
}

Test(ids, malformed_refs_are_refused)
{
    struct order_no no = {42};
    const struct sale_id sale = {7};

    EACH(text, "", "-", "3", "3-", "-3", "03-1", "3-01", "3-1-1", "3 -1", "0-1", "1-0")
    {
        cr_expect_eq(order_ref_parse(sale, text, strlen(text), &no), ERR_PARSE, "%s", text);
    }
    EACH(text, "16384-1", "1-67108864")
    {
        cr_expect_eq(order_ref_parse(sale, text, strlen(text), &no), ERR_RANGE, "%s", text);
    }
    cr_assert_eq(order_ref_parse((struct sale_id){0}, "1-1", 3, &no), ERR_RANGE);
    cr_assert_eq(no.value, 42);
}

Test(ids, a_number_without_one_of_its_parts_is_not_whole)
{
    struct order_no no;

    cr_assert_not(order_no_is_whole((struct order_no){0}));
    cr_assert_not(order_no_is_whole((struct order_no){1}));
    cr_assert_not(order_no_is_whole((struct order_no){UINT64_MAX}));
    cr_assert_not(order_no_is_whole((struct order_no){UINT64_C(7) << 40 | UINT64_C(3) << 26}));
    cr_assert_eq(order_no_make((struct sale_id){SALE_ID_MAX}, EPOCH_MAX, SEQ_MAX, &no), ERR_OK);
    cr_assert(order_no_is_whole(no));
}
