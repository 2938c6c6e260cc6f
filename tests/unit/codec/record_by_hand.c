#include "unit/codec/record_by_hand.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

msgpack_packer by_hand_packer;
msgpack_sbuffer by_hand_buffer;
static const struct by_hand *hand;

void by_hand_begin(const struct by_hand *with)
{
    hand = with;
    msgpack_sbuffer_init(&by_hand_buffer);
    msgpack_packer_init(&by_hand_packer, &by_hand_buffer, msgpack_sbuffer_write);
}

void by_hand_end(void)
{
    msgpack_sbuffer_destroy(&by_hand_buffer);
}

void by_hand_number(uint64_t value)
{
    msgpack_pack_uint64(&by_hand_packer, value);
}

void by_hand_text(const char *value)
{
    msgpack_pack_str(&by_hand_packer, strlen(value));
    msgpack_pack_str_body(&by_hand_packer, value, strlen(value));
}

void by_hand_up_to(int index, int elements)
{
    msgpack_sbuffer_clear(&by_hand_buffer);
    msgpack_pack_array(&by_hand_packer, (size_t)elements);
    for (int i = 0; i < index; i++) {
        hand->element(i);
    }
}

void by_hand_rest_from(int index)
{
    for (int i = index; i < hand->elements; i++) {
        hand->element(i);
    }
}

enum record_fault by_hand_read(void)
{
    return hand->read(by_hand_buffer.data, by_hand_buffer.size, NULL);
}

void by_hand_expect_number(int index, uint64_t value, enum record_fault expected)
{
    by_hand_up_to(index, hand->elements);
    by_hand_number(value);
    by_hand_rest_from(index + 1);
    cr_assert_eq(by_hand_read(), expected, "element %d = %lu", index, value);
}

void by_hand_expect_text(int index, const char *value, enum record_fault expected)
{
    by_hand_up_to(index, hand->elements);
    by_hand_text(value);
    by_hand_rest_from(index + 1);
    cr_assert_eq(by_hand_read(), expected, "element %d = '%s'", index, value);
}

void by_hand_expect_types(void)
{
    for (int i = 0; i < hand->elements; i++) {
        by_hand_up_to(i, hand->elements);
        msgpack_pack_nil(&by_hand_packer);
        by_hand_rest_from(i + 1);
        cr_assert_eq(by_hand_read(), RECORD_FAULT_TYPE, "nil as element %d", i);
        by_hand_up_to(i, hand->elements);
        msgpack_pack_double(&by_hand_packer, 1.0);
        by_hand_rest_from(i + 1);
        cr_assert_eq(by_hand_read(), RECORD_FAULT_TYPE, "double as element %d", i);
        by_hand_up_to(i, hand->elements);
        msgpack_pack_bin(&by_hand_packer, 1);
        msgpack_pack_bin_body(&by_hand_packer, "a", 1);
        by_hand_rest_from(i + 1);
        cr_assert_eq(by_hand_read(), RECORD_FAULT_TYPE, "bin as element %d", i);
    }
}

void by_hand_expect_truncations(const void *bytes, size_t size)
{
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *exact = malloc(cut > 0 ? cut : 1);

        cr_assert_not_null(exact);
        memcpy(exact, bytes, cut);
        cr_assert_eq(hand->read(exact, cut, NULL), RECORD_FAULT_TRUNCATED, "cut at %zu", cut);
        free(exact);
    }
}

void by_hand_expect_hints(const void *bytes, struct order_no order_no)
{
    struct order_no hint = {1};

    cr_assert_eq(hand->read(bytes, 12, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, order_no.value);
    cr_assert_eq(hand->read(bytes, 5, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, 0);
    cr_assert_eq(hand->read("garbage", 7, &hint), RECORD_FAULT_TYPE);
    cr_assert_eq(hint.value, 0);
    cr_assert_eq(hand->read("\x9c\x01\x05", 3, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, 0, "5 is no order_no");
}
