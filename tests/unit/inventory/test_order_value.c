#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/order_value.h"

#define KEY "0123456789abcdef0123456789abcdef"
static const struct sale_id SALE = {7};

static enum err parse(const char *text, struct order_entry *entry)
{
    return order_value_entry_parse(SALE, text, strlen(text), entry);
}

Test(order_value, entries_that_are_not_of_the_form)
{
    static const char *const bad[] = {
        "",
        KEY ",3-9,a,1,0,N",
        KEY ",3-9,a,1,0,N,5,",
        KEY ",3-9,a,1,0,N,5;",
        KEY ",3-9,a,1,0,X,5",
        KEY ",3-9,a,1,0,NN,5",
        KEY ",3-9,a,1,0,n,5",
        KEY ",3-9,a,0,0,N,5",
        KEY ",3-9,a,1001,0,N,5",
        KEY ",3-9,a,1,1000,N,5",
        KEY ",3-9,a,1,-1,N,5",
        KEY ",3-9,a,1,0,N,9007199254740992",
        KEY ",3-9,,1,0,N,5",
        KEY ",3-9,a b,1,0,N,5",
        KEY ",0-9,a,1,0,N,5",
        KEY ",3-0,a,1,0,N,5",
        KEY ",16384-9,a,1,0,N,5",
        KEY ",3-67108864,a,1,0,N,5",
        KEY ",39,a,1,0,N,5",
        KEY "0,3-9,a,1,0,N,5",
        "0123,3-9,a,1,0,N,5",
        "0123456789ABCDEF0123456789abcdef,3-9,a,1,0,N,5",
        ";" KEY ",3-9,a,1,0,N,5",
    };
    struct order_entry entry;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(parse(bad[i], &entry), ERR_PARSE, "%s", bad[i]);
    }
}

Test(order_value, entry)
{
    struct order_entry entry;

    cr_assert_eq(parse(KEY ",3-9,phone-black,2,17,P,1700000000123", &entry), ERR_OK);
    cr_assert_str_eq(entry.key_hash.hex, KEY);
    cr_assert(order_no_epoch(entry.order_no) == 3 && order_no_seq(entry.order_no) == 9);
    cr_assert_eq(order_no_sale(entry.order_no).value, 7);
    cr_assert_str_eq(entry.sku.text, "phone-black");
    cr_assert(entry.quantity == 2 && entry.has_slot && entry.slot == 17);
    cr_assert(entry.state == ORDER_STATE_PAID && entry.won_at_ms == 1700000000123);
    cr_assert_eq(parse(",3-9,a,1,,C,5", &entry), ERR_OK);
    cr_assert(entry.key_hash.hex[0] == '\0' && !entry.has_slot);
}

Test(order_value, what_is_written_is_read_again)
{
    static const char *const texts[] = {KEY ",16383-67108863,"
                                            "abcdefghijklmnopqrstuvwxyz012345,1000,999,N,"
                                            "9007199254740991",
                                        ",1-1,a,1,,R,0", ",1-1,a,1,0,Q,7"};
    struct order_entry entry;
    struct buf out;

    buf_init(&out, 1000);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(parse(texts[i], &entry), ERR_OK);
        buf_clear(&out);
        order_value_entry_append(&out, &entry);
        cr_assert(!out.failed && out.size <= ORDER_VALUE_ENTRY_SIZE_MAX);
        cr_assert_eq(out.data[0], ';');
        cr_assert_str_eq(buf_text(&out) + 1, texts[i]);
    }
    buf_finish(&out);
}

static enum err count(void *arg, const struct order_entry *entry)
{
    uint32_t *seqs = arg;

    if (order_no_seq(entry->order_no) == 99) {
        return ERR_NO_MEMORY;
    }
    *seqs = *seqs * 10 + order_no_seq(entry->order_no);
    return ERR_OK;
}

static enum err each(const char *text, uint32_t *seqs)
{
    *seqs = 0;
    return order_value_each(SALE, text, strlen(text), count, seqs);
}

Test(order_value, values)
{
    uint32_t seqs;

    cr_assert_eq(each("", &seqs), ERR_PARSE);
    cr_assert_eq(each("2", &seqs), ERR_PARSE);
    cr_assert_eq(each("2;,1-1,a,1,0,N,5", &seqs), ERR_PARSE);
    cr_assert_eq(each("1,1-1,a,1,0,N,5", &seqs), ERR_PARSE);
    cr_assert_eq(each("1;,1-1,a,1,0,N,5;", &seqs), ERR_PARSE);
    cr_assert_eq(each("1;,1-1,a,1,0,N,5;;,1-2,a,1,0,N,5", &seqs), ERR_PARSE);
    cr_assert_eq(each("1;,1-99,a,1,0,N,5", &seqs), ERR_NO_MEMORY);
    cr_assert_eq(each("1", &seqs), ERR_OK);
    cr_assert_eq(seqs, 0);
    cr_assert_eq(each("1;,1-1,a,1,0,N,5;" KEY ",1-2,b,3,,V,6;,1-3,a,1,1,N,5", &seqs), ERR_OK);
    cr_assert_eq(seqs, 123);
}

Test(order_value, refs)
{
    struct order_no order_no;

    cr_assert_eq(order_value_ref_parse(SALE, "3-9", 3, &order_no), ERR_OK);
    cr_assert(order_no_epoch(order_no) == 3 && order_no_seq(order_no) == 9);
    cr_assert_eq(order_value_ref_parse(SALE, "3-9 ", 4, &order_no), ERR_PARSE);
    cr_assert_eq(order_value_ref_parse(SALE, "3", 1, &order_no), ERR_PARSE);
    cr_assert_eq(order_value_ref_parse(SALE, "3-09", 4, &order_no), ERR_PARSE);
}
