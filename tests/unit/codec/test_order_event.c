#include "codec/order_event.h"

#include <criterion/criterion.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "support/schema_example.h"

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

static msgpack_sbuffer buffer;
static msgpack_packer packer;

static void begin(void)
{
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
}

static void end(void)
{
    msgpack_sbuffer_destroy(&buffer);
}

TestSuite(order_event, .init = begin, .fini = end);

static void text(const char *value)
{
    msgpack_pack_str(&packer, strlen(value));
    msgpack_pack_str_body(&packer, value, strlen(value));
}

static void element(int index)
{
    struct order_record record = good();

    switch (index) {
    case 0: msgpack_pack_uint64(&packer, 1); return;
    case 1: msgpack_pack_uint64(&packer, record.order_no.value); return;
    case 2: text(record.buyer.text); return;
    case 3: text(record.sku.text); return;
    case 4: msgpack_pack_uint64(&packer, record.quantity); return;
    case 5: msgpack_pack_uint64(&packer, record.unit_price); return;
    case 6: text(record.currency); return;
    case 7: msgpack_pack_uint64(&packer, record.slot); return;
    case 8: text(record.key_hash.hex); return;
    case 9: msgpack_pack_int64(&packer, record.won_at_ms); return;
    case 10: msgpack_pack_int64(&packer, record.pay_by_ms); return;
    case 11: text(record.traceparent.text); return;
    default: cr_assert_fail("no such element");
    }
}

/* The head of a record and its elements below `index`; the caller packs that one. */
static void up_to(int index, int elements)
{
    msgpack_sbuffer_clear(&buffer);
    msgpack_pack_array(&packer, (size_t)elements);
    for (int i = 0; i < index; i++) {
        element(i);
    }
}

static void rest_from(int index)
{
    for (int i = index; i < ORDER_EVENT_ELEMENTS; i++) {
        element(i);
    }
}

static enum record_fault read_buffer(void)
{
    struct order_record record = {.quantity = 77};
    enum record_fault fault = order_event_read(buffer.data, buffer.size, &record, NULL);

    cr_assert((fault == RECORD_FAULT_NONE) == (record.quantity != 77), "untouched on failure");
    return fault;
}

static void assert_number(int index, uint64_t value, enum record_fault expected)
{
    up_to(index, ORDER_EVENT_ELEMENTS);
    msgpack_pack_uint64(&packer, value);
    rest_from(index + 1);
    cr_assert_eq(read_buffer(), expected, "element %d = %lu", index, value);
}

static void assert_text(int index, const char *value, enum record_fault expected)
{
    up_to(index, ORDER_EVENT_ELEMENTS);
    text(value);
    rest_from(index + 1);
    cr_assert_eq(read_buffer(), expected, "element %d = '%s'", index, value);
}

Test(order_event, refuses_every_truncation)
{
    struct order_record record = good(), read;
    struct order_event event = packed(&record);

    for (size_t size = 0; size < event.size; size++) {
        unsigned char *exact = malloc(size > 0 ? size : 1);

        cr_assert_not_null(exact);
        memcpy(exact, event.bytes, size);
        cr_assert_eq(order_event_read(exact, size, &read, NULL), RECORD_FAULT_TRUNCATED,
                     "cut at %zu", size);
        free(exact);
    }
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
    for (int i = 0; i < ORDER_EVENT_ELEMENTS; i++) {
        up_to(i, ORDER_EVENT_ELEMENTS);
        msgpack_pack_nil(&packer);
        rest_from(i + 1);
        cr_assert_eq(read_buffer(), RECORD_FAULT_TYPE, "nil as element %d", i);
        up_to(i, ORDER_EVENT_ELEMENTS);
        msgpack_pack_double(&packer, 1.0);
        rest_from(i + 1);
        cr_assert_eq(read_buffer(), RECORD_FAULT_TYPE, "double as element %d", i);
        up_to(i, ORDER_EVENT_ELEMENTS);
        msgpack_pack_bin(&packer, 1);
        msgpack_pack_bin_body(&packer, "a", 1);
        rest_from(i + 1);
        cr_assert_eq(read_buffer(), RECORD_FAULT_TYPE, "bin as element %d", i);
    }
}

Test(order_event, refuses_another_number_of_elements)
{
    up_to(0, 0);
    cr_assert_eq(read_buffer(), RECORD_FAULT_ELEMENTS);
    up_to(11, 11);
    cr_assert_eq(read_buffer(), RECORD_FAULT_ELEMENTS);
    up_to(12, 13);
    msgpack_pack_nil(&packer);
    cr_assert_eq(read_buffer(), RECORD_FAULT_ELEMENTS);
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
    assert_number(0, 0, RECORD_FAULT_VERSION);
    assert_number(1, 0, RECORD_FAULT_RANGE);
    assert_number(1, 1, RECORD_FAULT_RANGE); /* no sale, no epoch */
    assert_number(1, UINT64_MAX, RECORD_FAULT_RANGE);
    assert_number(4, 0, RECORD_FAULT_RANGE);
    assert_number(4, 1001, RECORD_FAULT_RANGE);
    assert_number(4, (UINT64_C(1) << 32) + 1, RECORD_FAULT_RANGE);
    assert_number(5, (UINT64_C(1) << 53) + 1, RECORD_FAULT_RANGE);
    assert_number(7, 1000, RECORD_FAULT_RANGE);
    assert_number(9, UINT64_MAX, RECORD_FAULT_RANGE);
    assert_number(10, 1, RECORD_FAULT_RANGE); /* before it was won */
    assert_text(2, "", RECORD_FAULT_RANGE);
    assert_text(2, "a b", RECORD_FAULT_RANGE);
    assert_text(3, "a/b", RECORD_FAULT_RANGE);
    assert_text(6, "cny", RECORD_FAULT_RANGE);
    assert_text(6, "CNYX", RECORD_FAULT_RANGE);
    assert_text(8, "0123456789ABCDEF0123456789ABCDEF", RECORD_FAULT_RANGE);
    assert_text(8, "0123", RECORD_FAULT_RANGE);
    assert_text(11, "00-x", RECORD_FAULT_RANGE);
    up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_int64(&packer, -1);
    rest_from(5);
    cr_assert_eq(read_buffer(), RECORD_FAULT_RANGE);
    up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_int64(&packer, INT64_MIN);
    rest_from(5);
    cr_assert_eq(read_buffer(), RECORD_FAULT_RANGE);
}

Test(order_event, takes_what_may_be_empty_or_wide)
{
    assert_text(8, "", RECORD_FAULT_NONE);
    assert_text(11, "", RECORD_FAULT_NONE);
    up_to(4, ORDER_EVENT_ELEMENTS);
    msgpack_pack_fix_int64(&packer, 2); /* nine bytes for a two */
    rest_from(5);
    cr_assert_eq(read_buffer(), RECORD_FAULT_NONE);
}

Test(order_event, tells_the_order_when_that_much_can_be_read)
{
    struct order_record record = good(), read;
    struct order_event event = packed(&record);
    struct order_no hint = {1};

    cr_assert_eq(order_event_read(event.bytes, 12, &read, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, record.order_no.value);
    cr_assert_eq(order_event_read(event.bytes, 5, &read, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, 0);
    cr_assert_eq(order_event_read("garbage", 7, &read, &hint), RECORD_FAULT_TYPE);
    cr_assert_eq(hint.value, 0);
    cr_assert_eq(order_event_read("\x9c\x01\x05", 3, &read, &hint), RECORD_FAULT_TRUNCATED);
    cr_assert_eq(hint.value, 0, "5 is no order_no");
}

static void newer_up_to(int version, int elements)
{
    up_to(0, elements);
    msgpack_pack_uint64(&packer, (uint64_t)version);
    rest_from(1);
}

Test(order_event, reads_what_it_knows_of_a_newer_version)
{
    struct order_record record = good(), read;

    newer_up_to(2, 16);
    msgpack_pack_nil(&packer);
    msgpack_pack_map(&packer, 1);
    text("k");
    msgpack_pack_array(&packer, 2);
    msgpack_pack_double(&packer, 1.5);
    msgpack_pack_true(&packer);
    msgpack_pack_bin(&packer, 3);
    msgpack_pack_bin_body(&packer, "abc", 3);
    msgpack_pack_ext(&packer, 4, 1);
    msgpack_pack_ext_body(&packer, "abcd", 4);
    cr_assert_eq(order_event_read(buffer.data, buffer.size, &read, NULL), RECORD_FAULT_NONE);
    cr_assert_eq(read.version, 2);
    cr_assert_eq(read.order_no.value, record.order_no.value);
    cr_assert_str_eq(read.traceparent.text, record.traceparent.text);
    for (size_t size = 0; size < buffer.size; size++) {
        cr_assert_eq(order_event_read(buffer.data, size, &read, NULL), RECORD_FAULT_TRUNCATED);
    }
}

Test(order_event, a_newer_version_has_bounds_too)
{
    newer_up_to(2, 11);
    cr_assert_eq(read_buffer(), RECORD_FAULT_ELEMENTS);
    newer_up_to(2, 65);
    cr_assert_eq(read_buffer(), RECORD_FAULT_ELEMENTS);
    newer_up_to(2, 13);
    for (int i = 0; i < 100; i++) {
        msgpack_pack_array(&packer, 1);
    }
    msgpack_pack_nil(&packer);
    cr_assert_eq(read_buffer(), RECORD_FAULT_DEPTH);
    newer_up_to(2, 13);
    msgpack_pack_map(&packer, UINT32_MAX);
    cr_assert_eq(read_buffer(), RECORD_FAULT_TRUNCATED);
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
