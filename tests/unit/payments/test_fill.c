#include "payments/fill.h"

#include "domain/sale.h"

#include <criterion/criterion.h>
#include <string.h>

static struct notice notice;

static void begin(void)
{
    fill_begin(&notice, "shop", 1000);
    cr_assert(fill_event_id(&notice, (struct provider_text){"e1", 2}));
}

TestSuite(fill, .init = begin);

static struct provider_text of(const char *text)
{
    return (struct provider_text){text, strlen(text)};
}

Test(fill, begins_as_a_notice_without_effect)
{
    cr_assert_eq(notice.kind, NOTICE_KIND_OTHER);
    cr_assert_str_eq(notice.provider, "shop");
    cr_assert_eq(notice.occurred_ms, 1000);
    cr_assert_eq(notice.received_ms, 1000);
    cr_assert_eq(notice_check(&notice), ERR_OK);
}

Test(fill, an_id_has_bounds)
{
    char text[NOTICE_ID_SIZE_MAX + 1];

    memset(text, 'x', sizeof text);
    cr_assert(!fill_event_id(&notice, (struct provider_text){text, sizeof text}));
    cr_assert(!fill_event_id(&notice, of("")));
    cr_assert(!fill_event_id(&notice, of("a b")));
    cr_assert_str_eq(notice.event_id, "e1");
    cr_assert(fill_event_id(&notice, (struct provider_text){text, NOTICE_ID_SIZE_MAX}));
    cr_assert_eq(strlen(notice.event_id), NOTICE_ID_SIZE_MAX);
    fill_transaction(&notice, of("a\n"));
    cr_assert_str_eq(notice.transaction_id, "");
    fill_transaction(&notice, of("t1"));
    cr_assert_str_eq(notice.transaction_id, "t1");
    cr_assert_eq(notice_check(&notice), ERR_OK);
}

Test(fill, an_order_is_exact_or_none)
{
    static const char *const bad[] = {
        "",
        "0",
        "1",
        "01099578736641",
        " 1099578736641",
        "1099578736641 ",
        "1099578736641.0",
        "-1099578736641",
        "18446744073709551616",
        "order-1",
        "99999999999999999999999",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fill_order_no(&notice, of(bad[i]));
        cr_assert_eq(notice.order_no.value, 0, "%s", bad[i]);
    }
    fill_order_no(&notice, of("1099578736641"));
    cr_assert_eq(notice.order_no.value, UINT64_C(1099578736641));
}

Test(fill, an_amount_has_a_currency)
{
    static const char *const bad[] = {"", "CN", "CNYX", "cny", "C1Y", "CN\xc3"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fill_amount(&notice, 5, of(bad[i]));
        cr_assert(!notice.has_amount && notice.amount == 0, "%s", bad[i]);
    }
    fill_amount(&notice, -1, of("CNY"));
    cr_assert(!notice.has_amount);
    fill_amount(&notice, (int64_t)MONEY_MAX + 1, of("CNY"));
    cr_assert(!notice.has_amount && notice.currency[0] == '\0');
    fill_amount(&notice, (int64_t)MONEY_MAX, of("CNY"));
    cr_assert(notice.has_amount && notice.amount == MONEY_MAX);
    cr_assert_str_eq(notice.currency, "CNY");
    cr_assert_eq(notice_check(&notice), ERR_OK);
}

Test(fill, a_time_that_is_none_stays_the_arrival)
{
    fill_rfc3339(&notice, of("yesterday"));
    fill_rfc3339(&notice, of(""));
    fill_time(&notice, -1);
    fill_time(&notice, INT64_MAX);
    cr_assert_eq(notice.occurred_ms, 1000);
    fill_rfc3339(&notice, of("1970-01-01T08:00:02+08:00"));
    cr_assert_eq(notice.occurred_ms, 2000);
}
