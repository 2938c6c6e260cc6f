#include "codec/notice_event.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/schema_example.h"
#include "unit/codec/record_by_hand.h"

static struct notice good(void)
{
    struct notice notice = {
        .version = 1,
        .kind = NOTICE_KIND_PAID,
        .provider = "standard",
        .event_id = "msg_2Lh9KRb0pzN4LePd3XiA4v12Axj",
        .transaction_id = "tx-20260101-000042",
        .has_amount = true,
        .amount = 399800,
        .currency = "CNY",
        .occurred_ms = 1767225660000,
        .received_ms = 1767225661123,
        .traceparent = {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    };

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, 42, &notice.order_no), ERR_OK);
    return notice;
}

static struct notice cancel(void)
{
    struct notice paid = good(), notice;
    struct buyer buyer;

    cr_assert_eq(buyer_parse("buyer-1", 7, &buyer), ERR_OK);
    notice_make_cancel(paid.order_no, &buyer, 1767225700000, &paid.traceparent, &notice);
    return notice;
}

static struct notice_event packed(const struct notice *notice)
{
    struct notice_event event;

    cr_assert_eq(notice_event_pack(notice, &event), ERR_OK);
    return event;
}

static void assert_equal(const struct notice *a, const struct notice *b)
{
    cr_assert(a->version == b->version && a->kind == b->kind);
    cr_assert(a->is_kind_unknown == b->is_kind_unknown);
    cr_assert(a->order_no.value == b->order_no.value && a->has_amount == b->has_amount);
    cr_assert(a->amount == b->amount && buyer_equal(&a->buyer, &b->buyer));
    cr_assert(a->occurred_ms == b->occurred_ms && a->received_ms == b->received_ms);
    cr_assert_str_eq(a->provider, b->provider);
    cr_assert_str_eq(a->event_id, b->event_id);
    cr_assert_str_eq(a->transaction_id, b->transaction_id);
    cr_assert_str_eq(a->currency, b->currency);
    cr_assert_str_eq(a->traceparent.text, b->traceparent.text);
}

/* --- records by hand: twelve elements, one of them replaced */

static void element(int index)
{
    struct notice notice = good();

    switch (index) {
    case 0: by_hand_number(1); return;
    case 1: by_hand_number(notice.order_no.value); return;
    case 2: by_hand_text("paid"); return;
    case 3: by_hand_text(notice.provider); return;
    case 4: by_hand_text(notice.event_id); return;
    case 5: by_hand_text(notice.transaction_id); return;
    case 6: by_hand_number(notice.amount); return;
    case 7: by_hand_text(notice.currency); return;
    case 8: by_hand_text(""); return;
    case 9: by_hand_number((uint64_t)notice.occurred_ms); return;
    case 10: by_hand_number((uint64_t)notice.received_ms); return;
    case 11: by_hand_text(notice.traceparent.text); return;
    default: cr_assert_fail("no such element");
    }
}

static enum record_fault read_notice(const void *bytes, size_t size, struct order_no *ret_hint)
{
    struct notice notice = {.amount = 77};
    enum record_fault fault = notice_event_read(bytes, size, &notice, ret_hint);

    cr_assert((fault == RECORD_FAULT_NONE) == (notice.amount != 77), "untouched on failure");
    return fault;
}

static void begin(void)
{
    static const struct by_hand hand = {NOTICE_EVENT_ELEMENTS, element, read_notice};

    by_hand_begin(&hand);
}

TestSuite(notice_event, .init = begin, .fini = by_hand_end);

Test(notice_event, refuses_every_truncation)
{
    struct notice notice = good();
    struct notice_event event = packed(&notice);

    by_hand_expect_truncations(event.bytes, event.size);
}

Test(notice_event, refuses_other_types)
{
    by_hand_expect_types();
}

Test(notice_event, refuses_another_number_of_elements)
{
    by_hand_up_to(11, 11);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
    by_hand_up_to(12, 13);
    by_hand_text("");
    cr_assert_eq(by_hand_read(), RECORD_FAULT_ELEMENTS);
}

Test(notice_event, refuses_values_out_of_bounds)
{
    by_hand_expect_number(0, 0, RECORD_FAULT_VERSION);
    by_hand_expect_number(1, 1, RECORD_FAULT_RANGE);
    by_hand_expect_number(1, UINT64_MAX, RECORD_FAULT_RANGE);
    by_hand_expect_text(2, "Paid", RECORD_FAULT_RANGE);
    by_hand_expect_text(2, "", RECORD_FAULT_RANGE);
    by_hand_expect_text(3, "", RECORD_FAULT_RANGE);
    by_hand_expect_text(3, "A", RECORD_FAULT_RANGE);
    by_hand_expect_text(3, "cancel", RECORD_FAULT_RANGE);
    by_hand_expect_text(3, "123456789012345678901234567890123", RECORD_FAULT_RANGE);
    by_hand_expect_text(4, "", RECORD_FAULT_RANGE);
    by_hand_expect_text(4, "a b", RECORD_FAULT_RANGE);
    by_hand_expect_text(5, "a\xc3\xa4", RECORD_FAULT_RANGE);
    by_hand_expect_number(6, (UINT64_C(1) << 53) + 1, RECORD_FAULT_RANGE);
    by_hand_expect_text(7, "cny", RECORD_FAULT_RANGE);
    by_hand_expect_text(7, "CNYX", RECORD_FAULT_RANGE);
    by_hand_expect_text(7, "", RECORD_FAULT_RANGE); /* an amount of no currency */
    by_hand_expect_text(8, "buyer-1", RECORD_FAULT_RANGE);
    by_hand_expect_number(9, UINT64_MAX, RECORD_FAULT_RANGE);
    by_hand_expect_number(10, INT64_C(253402300800000), RECORD_FAULT_RANGE);
    by_hand_expect_text(11, "00-x", RECORD_FAULT_RANGE);
}

Test(notice_event, a_text_that_would_end_early_is_refused)
{
    by_hand_up_to(4, NOTICE_EVENT_ELEMENTS);
    msgpack_pack_str(&by_hand_packer, 10);
    msgpack_pack_str_body(&by_hand_packer, "evt-1\0evil", 10);
    by_hand_rest_from(5);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_RANGE);
}

Test(notice_event, takes_what_may_be_empty)
{
    by_hand_expect_number(1, 0, RECORD_FAULT_NONE);
    by_hand_expect_text(5, "", RECORD_FAULT_NONE);
    by_hand_expect_text(11, "", RECORD_FAULT_NONE);
    by_hand_up_to(6, NOTICE_EVENT_ELEMENTS);
    by_hand_number(0);
    by_hand_text("");
    by_hand_rest_from(8);
    cr_assert_eq(by_hand_read(), RECORD_FAULT_NONE);
}

Test(notice_event, tells_the_order_when_that_much_can_be_read)
{
    struct notice notice = good();
    struct notice_event event = packed(&notice);

    by_hand_expect_hints(event.bytes, notice.order_no);
}

static void newer(const char *kind)
{
    by_hand_up_to(0, 13);
    by_hand_number(2);
    element(1);
    by_hand_text(kind);
    by_hand_rest_from(3);
    msgpack_pack_nil(&by_hand_packer);
}

Test(notice_event, reads_what_it_knows_of_a_newer_version)
{
    struct notice expected = good(), read;

    newer("paid");
    cr_assert_eq(notice_event_read(by_hand_buffer.data, by_hand_buffer.size, &read, NULL),
                 RECORD_FAULT_NONE);
    expected.version = 2;
    assert_equal(&read, &expected);
    newer("disputed");
    cr_assert_eq(notice_event_read(by_hand_buffer.data, by_hand_buffer.size, &read, NULL),
                 RECORD_FAULT_NONE);
    expected.kind = NOTICE_KIND_OTHER;
    expected.is_kind_unknown = true;
    assert_equal(&read, &expected);
    newer("other");
    cr_assert_eq(notice_event_read(by_hand_buffer.data, by_hand_buffer.size, &read, NULL),
                 RECORD_FAULT_NONE);
    expected.is_kind_unknown = false;
    assert_equal(&read, &expected);
}

Test(notice_event, a_notice_that_breaks_its_bounds_is_not_written)
{
    struct notice notice = good();
    struct notice_event event;

    notice.event_id[0] = '\0';
    cr_assert_eq(notice_event_pack(&notice, &event), ERR_RANGE);
    notice = good();
    notice.version = 2;
    cr_assert_eq(notice_event_pack(&notice, &event), ERR_RANGE);
}

Test(notice_event, the_largest_notice_fits)
{
    struct notice notice = good(), read;
    struct notice_event event;

    memset(notice.provider, 'p', NOTICE_PROVIDER_SIZE_MAX);
    memset(notice.event_id, 'e', NOTICE_ID_SIZE_MAX);
    memset(notice.transaction_id, 't', NOTICE_ID_SIZE_MAX);
    notice.kind = NOTICE_KIND_REFUNDED;
    notice.amount = UINT64_C(1) << 53;
    cr_assert_eq(order_no_make((struct sale_id){SALE_ID_MAX}, EPOCH_MAX, SEQ_MAX, &notice.order_no),
                 ERR_OK);
    event = packed(&notice);
    cr_assert_eq(notice_event_read(event.bytes, event.size, &read, NULL), RECORD_FAULT_NONE);
    assert_equal(&read, &notice);
}

Test(notice_event, a_cancel_comes_back_as_it_was)
{
    struct notice notice = cancel(), read;
    struct notice_event event;

    memset(notice.buyer.text, 'b', BUYER_SIZE_MAX);
    notice.buyer.size = BUYER_SIZE_MAX;
    event = packed(&notice);
    cr_assert_eq(notice_event_read(event.bytes, event.size, &read, NULL), RECORD_FAULT_NONE);
    assert_equal(&read, &notice);
}

Test(notice_event, is_what_the_schema_shows)
{
    struct notice paid = good(), asked = cancel(), read;
    struct notice_event first = packed(&paid), second = packed(&asked);
    unsigned char shown[2 * NOTICE_EVENT_SIZE_MAX];
    size_t size = schema_example(SOURCE_ROOT "/schemas/notice_event.md", shown, sizeof shown);

    cr_assert_eq(size, first.size + second.size);
    cr_assert_eq(memcmp(shown, first.bytes, first.size), 0);
    cr_assert_eq(memcmp(shown + first.size, second.bytes, second.size), 0);
    cr_assert_eq(notice_event_read(shown, first.size, &read, NULL), RECORD_FAULT_NONE);
    assert_equal(&read, &paid);
    cr_assert_eq(notice_event_read(shown + first.size, second.size, &read, NULL),
                 RECORD_FAULT_NONE);
    assert_equal(&read, &asked);
}
