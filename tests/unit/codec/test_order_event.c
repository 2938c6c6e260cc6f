#include "codec/order_event.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/schema_example.h"
#include "unit/codec/record_by_hand.h"

static struct order_record good(void)
{
    struct order_record record = {
        .version = 1,
        .quantity = 2,
        .unit_price = 199900,
        .currency = "CNY",
        .slot = 0,
        .key_hash = {"0123456789abcdef0123456789abcdef"},
        .won_at_ms = 1767225600123,
        .pay_by_ms = 1767226500123,
        .traceparent = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    };

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, 42, &record.order_no), ERR_OK);
    cr_assert_eq(buyer_parse("buyer-1", 7, &record.buyer), ERR_OK);
    cr_assert_eq(sku_parse("phone-black", 11, &record.sku), ERR_OK);
    return record;
}

static struct order_event packed(const struct order_record *record)
{
    struct order_event event;

    cr_assert_eq(order_event_pack(record, &event), ERR_OK);
    return event;
}

/* --- records by hand: twelve elements, one of them replaced */

static void element(int index)
{
    struct order_record record = good();

    switch (index) {
    case 0: by_hand_number(1); return;
    case 1: by_hand_number(record.order_no.value); return;
    case 2: by_hand_text(record.buyer.text); return;
    case 3: by_hand_text(record.sku.text); return;
    case 4: by_hand_number(record.quantity); return;
    case 5: by_hand_number(record.unit_price); return;
    case 6: by_hand_text(record.currency); return;
    case 7: by_hand_number(record.slot); return;
    case 8: by_hand_text(record.key_hash.hex); return;
    case 9: msgpack_pack_int64(&by_hand_packer, record.won_at_ms); return;
    case 10: msgpack_pack_int64(&by_hand_packer, record.pay_by_ms); return;
    case 11: by_hand_text(record.traceparent.text); return;
    default: cr_assert_fail("no such element");
    }
}

static enum record_fault read_record(const void *bytes, size_t size, struct order_no *ret_hint)
{
    struct order_record record = {.quantity = 77};
    enum record_fault fault = order_event_read(bytes, size, &record, ret_hint);

    cr_assert((fault == RECORD_FAULT_NONE) == (record.quantity != 77), "untouched on failure");
    return fault;
}

static void begin(void)
{
    static const struct by_hand hand = {ORDER_EVENT_ELEMENTS, element, read_record};

    by_hand_begin(&hand);
}

TestSuite(order_event, .init = begin, .fini = by_hand_end);

Test(order_event, refuses_every_truncation)
{
    struct order_record record = good();
    struct order_event event = packed(&record);

    by_hand_expect_truncations(event.bytes, event.size);
}

Test(order_event, refuses_bytes_behind_the_record)
{
    struct order_record record = good(), read;
    struct order_event event = packed(&record);

    event.bytes[event.size] = 0;
    cr_assert_eq(order_event_read(event.bytes, event.size + 1, &read, NULL), RECORD_FAULT_TRAILING);
}

Test(order_event, refuses_what_is_too_large)
{
    static unsigned char bytes[RECORD_READ_SIZE_MAX + 1] = {0x9c, 1};
    struct order_record read;

    cr_assert_eq(order_event_read(bytes, sizeof bytes, &read, NULL), RECORD_FAULT_TOO_LARGE);
}

Test(order_event, refuses_other_types)
{
    struct order_record read;

    cr_assert_eq(order_event_read("\xc0", 1, &read, NULL), RECORD_FAULT_TYPE);
    cr_assert_eq(order_event_read("{\"a\":1}", 7, &read, NULL), RECORD_FAULT_TYPE);
    cr_assert_eq(order_event_read("\x8c", 1, &read, NULL), RECORD_FAULT_TYPE);
    by_hand_expect_types();
}

Test(order_event, refuses_another_number_of_elements)
{
    by_hand_up_to(0, 0);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
    by_hand_up_to(11, 11);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
    by_hand_up_to(12, 13);
    msgpack_pack_nil(&by_hand_packer);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
}

Test(order_event, believes_no_size_that_is_not_there)
{
    struct order_record read;

    /* array 32 and str 32 of four thousand million */
    cr_assert_eq(order_event_read("\xdd\xff\xff\xff\xff\x01", 6, &read, NULL),
                 RECORD_FAULT_TRUNCATED);
    cr_assert_eq(order_event_read("\xdd\xff\xff\xff\xff\x01\x01", 7, &read, NULL),
                 RECORD_FAULT_ELEMENTS);
    cr_assert_eq(order_event_read("\x9c\x01\x01\xdb\xff\xff\xff\xff", 8, &read, NULL),
                 RECORD_FAULT_TRUNCATED);
}

Test(order_event, refuses_values_out_of_bounds)
{
    by_hand_expect_number(0, 0, RECORD_FAULT_VERSION);
    by_hand_expect_number(1, 0, RECORD_FAULT_RANGE);
    by_hand_expect_number(1, 1, RECORD_FAULT_RANGE); /* no sale, no epoch */
    by_hand_expect_number(1, UINT64_MAX, RECORD_FAULT_RANGE);
    by_hand_expect_number(4, 0, RECORD_FAULT_RANGE);
    by_hand_expect_number(4, 1001, RECORD_FAULT_RANGE);
    by_hand_expect_number(4, (UINT64_C(1) << 32) + 1, RECORD_FAULT_RANGE);
    by_hand_expect_number(5, (UINT64_C(1) << 53) + 1, RECORD_FAULT_RANGE);
    by_hand_expect_number(7, 1000, RECORD_FAULT_RANGE);
    by_hand_expect_number(9, UINT64_MAX, RECORD_FAULT_RANGE);
    by_hand_expect_number(10, 1, RECORD_FAULT_RANGE); /* before it was won */
    by_hand_expect_text(2, "", RECORD_FAULT_RANGE);
    by_hand_expect_text(2, "a b", RECORD_FAULT_RANGE);
    by_hand_expect_text(3, "a/b", RECORD_FAULT_RANGE);
    by_hand_expect_text(6, "cny", RECORD_FAULT_RANGE);
    by_hand_expect_text(6, "CNYX", RECORD_FAULT_RANGE);
    by_hand_expect_text(8, "0123456789ABCDEF0123456789ABCDEF", RECORD_FAULT_RANGE);
    by_hand_expect_text(8, "0123", RECORD_FAULT_RANGE);
    by_hand_expect_text(11, "00-x", RECORD_FAULT_RANGE);
    by_hand_up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_int64(&by_hand_packer, -1);
    by_hand_rest_from(5);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_RANGE);
    by_hand_up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_int64(&by_hand_packer, INT64_MIN);
    by_hand_rest_from(5);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_RANGE);
}

Test(order_event, takes_what_may_be_empty_or_wide)
{
    by_hand_expect_text(8, "", RECORD_FAULT_NONE);
    by_hand_expect_text(11, "", RECORD_FAULT_NONE);
    by_hand_up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_fix_int64(&by_hand_packer, 2); /* nine bytes for a two */
    by_hand_rest_from(5);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_NONE);
}

Test(order_event, tells_the_order_when_that_much_can_be_read)
{
    struct order_record record = good();
    struct order_event event = packed(&record);

    by_hand_expect_hints(event.bytes, record.order_no);
}

static void newer_up_to(int version, int elements)
{
    by_hand_up_to(0, elements);
    by_hand_number((uint64_t)version);
    by_hand_rest_from(1);
}

Test(order_event, reads_what_it_knows_of_a_newer_version)
{
    struct order_record record = good(), read;

    newer_up_to(2, 16);
    msgpack_pack_nil(&by_hand_packer);
    msgpack_pack_map(&by_hand_packer, 1);
    by_hand_text("k");
    msgpack_pack_array(&by_hand_packer, 2);
    msgpack_pack_double(&by_hand_packer, 1.5);
    msgpack_pack_true(&by_hand_packer);
    msgpack_pack_bin(&by_hand_packer, 3);
    msgpack_pack_bin_body(&by_hand_packer, "abc", 3);
    msgpack_pack_ext(&by_hand_packer, 4, 1);
    msgpack_pack_ext_body(&by_hand_packer, "abcd", 4);
    cr_assert_eq(order_event_read(by_hand_buffer.data, by_hand_buffer.size, &read, NULL),
                 RECORD_FAULT_NONE);
    cr_assert_eq(read.version, 2);
    cr_assert_eq(read.order_no.value, record.order_no.value);
    cr_assert_str_eq(read.traceparent.text, record.traceparent.text);
    for (size_t size = 0; size < by_hand_buffer.size; size++) {
        cr_assert_eq(order_event_read(by_hand_buffer.data, size, &read, NULL),
                     RECORD_FAULT_TRUNCATED);
    }
}

Test(order_event, a_newer_version_has_bounds_too)
{
    newer_up_to(2, 11);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
    newer_up_to(2, 65);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
    newer_up_to(2, 13);
    for (int i = 0; i < 100; i++) {
        msgpack_pack_array(&by_hand_packer, 1);
    }
    msgpack_pack_nil(&by_hand_packer);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_DEPTH);
    newer_up_to(2, 13);
    msgpack_pack_map(&by_hand_packer, UINT32_MAX);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_TRUNCATED);
}

Test(order_event, a_record_that_breaks_its_bounds_is_not_written)
{
    struct order_record record = good();
    struct order_event event;

    record.quantity = 0;
    cr_assert_eq(order_event_pack(&record, &event), ERR_RANGE);
    record = good();
    record.version = 2;
    cr_assert_eq(order_event_pack(&record, &event), ERR_RANGE);
}

Test(order_event, the_largest_record_fits)
{
    struct order_record record = good(), read;
    struct order_event event;

    memset(record.buyer.text, 'b', BUYER_SIZE_MAX);
    record.buyer.size = BUYER_SIZE_MAX;
    memset(record.sku.text, 's', SKU_SIZE_MAX);
    record.sku.size = SKU_SIZE_MAX;
    record.quantity = 1000;
    record.slot = 999;
    record.unit_price = UINT64_C(1) << 53;
    cr_assert_eq(order_no_make((struct sale_id){SALE_ID_MAX}, EPOCH_MAX, SEQ_MAX, &record.order_no),
                 ERR_OK);
    event = packed(&record);
    cr_assert_eq(order_event_read(event.bytes, event.size, &read, NULL), RECORD_FAULT_NONE);
    cr_assert_eq(read.order_no.value, record.order_no.value);
    cr_assert(buyer_equal(&read.buyer, &record.buyer) && sku_equal(&read.sku, &record.sku));
}

Test(order_event, is_what_the_schema_shows)
{
    struct order_record record = good(), read;
    struct order_event event = packed(&record);
    unsigned char bytes[ORDER_EVENT_SIZE_MAX];
    size_t size = schema_example(SOURCE_ROOT "/schemas/order_event.md", bytes, sizeof bytes);

    cr_assert_eq(size, 151);
    cr_assert(size == event.size && memcmp(bytes, event.bytes, size) == 0);
    cr_assert_eq(order_event_read(bytes, size, &read, NULL), RECORD_FAULT_NONE);
    cr_assert(read.version == 1 && read.order_no.value == UINT64_C(7696782721066));
    cr_assert(read.quantity == 2 && read.unit_price == 199900 && read.slot == 0);
    cr_assert(read.won_at_ms == record.won_at_ms && read.pay_by_ms == record.pay_by_ms);
    cr_assert_str_eq(read.buyer.text, "buyer-1");
    cr_assert_str_eq(read.sku.text, "phone-black");
    cr_assert_str_eq(read.currency, "CNY");
    cr_assert_str_eq(read.key_hash.hex, record.key_hash.hex);
    cr_assert_str_eq(read.traceparent.text, record.traceparent.text);
}
