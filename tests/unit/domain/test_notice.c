#include "domain/notice.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct notice notice;

static struct order_no order_42(void)
{
    struct order_no order_no;

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, 42, &order_no), ERR_OK);
    return order_no;
}

static void begin(void)
{
    notice = (struct notice){
        .version = 1,
        .kind = NOTICE_KIND_PAID,
        .provider = "standard",
        .event_id = "evt-1",
        .transaction_id = "tx-1",
        .order_no = order_42(),
        .has_amount = true,
        .amount = 199900,
        .currency = "CNY",
        .occurred_ms = 1000,
        .received_ms = 2000,
    };
}

TestSuite(notice, .init = begin);

static void begin_cancel(void)
{
    struct buyer buyer;

    cr_assert_eq(buyer_parse("buyer-1", 7, &buyer), ERR_OK);
    notice_make_cancel(order_42(), &buyer, 1000, &(struct traceparent){""}, &notice);
}

#define REFUSED(begin, field, value)                                                               \
    do {                                                                                           \
        begin();                                                                                   \
        cr_assert_eq(notice_check(&notice), ERR_OK);                                               \
        notice.field = value;                                                                      \
        cr_expect_eq(notice_check(&notice), ERR_RANGE, #field " = " #value);                       \
    } while (0)

Test(notice, out_of_bounds_is_refused)
{
    REFUSED(begin, version, 0);
    REFUSED(begin, kind, NOTICE_KIND_COUNT);
    REFUSED(begin, provider[0], '\0');
    REFUSED(begin, provider[0], 'S');
    REFUSED(begin, provider[0], ' ');
    REFUSED(begin, event_id[0], '\0');
    REFUSED(begin, event_id[0], ' ');
    REFUSED(begin, event_id[0], '\x7f');
    REFUSED(begin, event_id[0], '\xc3');
    REFUSED(begin, transaction_id[0], '\n');
    REFUSED(begin, order_no.value, 1);
    REFUSED(begin, order_no.value, UINT64_MAX);
    REFUSED(begin, amount, (UINT64_C(1) << 53) + 1);
    REFUSED(begin, has_amount, false);
    REFUSED(begin, currency[0], '\0');
    REFUSED(begin, currency[0], 'c');
    REFUSED(begin, currency[3], 'X');
    REFUSED(begin, buyer.size, 1);
    REFUSED(begin, occurred_ms, -1);
    REFUSED(begin, occurred_ms, INT64_C(253402300800000));
    REFUSED(begin, received_ms, -1);
    REFUSED(begin, received_ms, INT64_C(253402300800000));
    REFUSED(begin, traceparent.text[0], '0');
}

Test(notice, texts_have_room_for_their_largest_and_not_for_more)
{
    memset(notice.provider, 'p', NOTICE_PROVIDER_SIZE_MAX);
    memset(notice.event_id, 'e', NOTICE_ID_SIZE_MAX);
    memset(notice.transaction_id, 't', NOTICE_ID_SIZE_MAX);
    cr_assert_eq(notice_check(&notice), ERR_OK);
    notice.provider[NOTICE_PROVIDER_SIZE_MAX] = 'p';
    cr_assert_eq(notice_check(&notice), ERR_RANGE);
    notice.provider[NOTICE_PROVIDER_SIZE_MAX] = '\0';
    notice.event_id[NOTICE_ID_SIZE_MAX] = 'e';
    cr_assert_eq(notice_check(&notice), ERR_RANGE);
    notice.event_id[NOTICE_ID_SIZE_MAX] = '\0';
    notice.transaction_id[NOTICE_ID_SIZE_MAX] = 't';
    cr_assert_eq(notice_check(&notice), ERR_RANGE);
}

Test(notice, what_a_provider_may_leave_out)
{
    notice.transaction_id[0] = '\0';
    notice.order_no.value = 0;
    notice.has_amount = false;
    notice.amount = 0;
    notice.currency[0] = '\0';
    cr_assert_eq(notice_check(&notice), ERR_OK);
    notice.version = 2;
    cr_assert_eq(notice_check(&notice), ERR_OK, "a newer one has the same first fields");
}

Test(notice, a_cancel_that_is_none_is_refused)
{
    REFUSED(begin_cancel, kind, NOTICE_KIND_PAID);
    REFUSED(begin_cancel, provider[0], 'x');
    REFUSED(begin_cancel, event_id[0], '9');
    REFUSED(begin_cancel, transaction_id[0], 't');
    REFUSED(begin_cancel, order_no.value, 0);
    REFUSED(begin_cancel, has_amount, true);
    REFUSED(begin_cancel, buyer.size, 0);
    REFUSED(begin_cancel, buyer.size, 255);
    REFUSED(begin_cancel, buyer.text[0], ' ');
}

Test(notice, no_provider_speaks_for_a_buyer)
{
    memcpy(notice.provider, "cancel", 7);
    cr_assert_eq(notice_check(&notice), ERR_RANGE);
    begin();
    notice.kind = NOTICE_KIND_CANCEL;
    cr_assert_eq(notice_check(&notice), ERR_RANGE);
}

Test(notice, a_cancel_asked_again_is_the_same_event)
{
    struct notice first;

    begin_cancel();
    first = notice;
    cr_assert_eq(buyer_parse("buyer-1", 7, &notice.buyer), ERR_OK);
    notice_make_cancel(order_42(), &first.buyer, 5000, &(struct traceparent){""}, &notice);
    cr_assert_eq(notice_check(&notice), ERR_OK);
    cr_assert_str_eq(notice.provider, "cancel");
    cr_assert_str_eq(notice.event_id, first.event_id);
    cr_assert_str_eq(notice.event_id, "7696782721066");
    cr_assert_eq(notice.occurred_ms, 5000);
    cr_assert_eq(notice.received_ms, 5000);
}

Test(notice, kinds_have_names)
{
    enum notice_kind kind = NOTICE_KIND_OTHER;

    for (int i = 0; i < NOTICE_KIND_COUNT; i++) {
        const char *name = notice_kind_name((enum notice_kind)i);

        cr_assert_eq(notice_kind_parse(name, strlen(name), &kind), ERR_OK);
        cr_assert_eq((int)kind, i);
    }
    cr_assert_eq(notice_kind_parse("PAID", 4, &kind), ERR_PARSE);
    cr_assert_eq(notice_kind_parse("pai", 3, &kind), ERR_PARSE);
    cr_assert_eq(notice_kind_parse("", 0, &kind), ERR_PARSE);
}

Test(notice, a_kind_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)notice_kind_name(NOTICE_KIND_COUNT);
}
