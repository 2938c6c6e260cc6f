#include "codec/event_json.h"

#include <criterion/criterion.h>
#include <string.h>

static struct buf buf;
static char subject[EVENT_JSON_SUBJECT_SIZE];

static void begin(void)
{
    buf_init(&buf, 4096);
}

static void end(void)
{
    buf_finish(&buf);
}

TestSuite(event_json, .init = begin, .fini = end);

#define ENVELOPE(id, type, subject, version)                                                       \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/seckill/sales/7\","                  \
    "\"type\":\"example.seckill." type "\",\"subject\":\"" subject "\","                           \
    "\"time\":\"2026-01-01T00:00:00.123Z\",\"datacontenttype\":\"application/json\","              \
    "\"orderversion\":" version ",\"data\":"
#define ORDER                                                                                      \
    "{\"sale\":7,\"order_no\":\"7696782721066\",\"buyer\":\"buyer-1\",\"sku\":\"phone-black\","    \
    "\"quantity\":2,\"unit_price\":199900,\"amount\":399800,\"currency\":\"CNY\","                 \
    "\"won_at\":\"2026-01-01T00:00:00.000Z\""

static struct shop_event event_of(const char *verb)
{
    const struct order_no order_no = {7696782721066};

    return (struct shop_event){
        .id = 184,
        .verb = verb,
        .sale = {7},
        .order_no = order_no,
        .version = 2,
        .time_ms = 1767225600123,
        .has_order = true,
        .order = {.order_no = order_no,
                  .buyer = {7, "buyer-1"},
                  .sku = {11, "phone-black"},
                  .quantity = 2,
                  .unit_price = 199900,
                  .currency = "CNY",
                  .won_at_ms = 1767225600000},
        .reason = "overdue",
    };
}

static const char *written(const struct shop_event *event)
{
    buf_clear(&buf);
    event_json_write(event, &buf);
    cr_assert(!buf.failed);
    return buf_text(&buf);
}

Test(event_json, tells_an_order_and_the_state_of_the_event_not_of_the_row)
{
    const struct shop_event paid = event_of("order.paid");
    const struct shop_event closed = event_of("order.closed");

    cr_assert_str_eq(written(&paid), ENVELOPE("184", "order.paid", "7696782721066", "2") ORDER
                     ",\"state\":\"PAID\"}}");
    cr_assert_str_eq(written(&closed), ENVELOPE("184", "order.closed", "7696782721066", "2") ORDER
                     ",\"state\":\"CLOSED\",\"reason\":\"overdue\"}}");
    cr_assert_str_eq(event_json_subject(&paid, subject), "7696782721066");
}

Test(event_json, tells_money_to_give_back_with_and_without_an_order)
{
    static const char payload[] = "{\"provider\":\"stripe\",\"amount\":1}";
    struct shop_event due = event_of("order.refund_due");

    due.payload = payload;
    due.payload_size = sizeof payload - 1;
    cr_assert_str_eq(written(&due), ENVELOPE("184", "order.refund_due", "7696782721066", "2") ORDER
                     ",\"refund\":{\"provider\":\"stripe\",\"amount\":1}}}");
    due.has_order = false;
    cr_assert_str_eq(written(&due),
                     ENVELOPE("184", "order.refund_due", "7696782721066",
                              "2") "{\"sale\":7,\"order_no\":\"7696782721066\","
                                   "\"refund\":{\"provider\":\"stripe\",\"amount\":1}}}");
}

Test(event_json, tells_a_sale)
{
    const struct shop_event sold_out = {.id = 9,
                                        .verb = "sale.sold_out",
                                        .sale = {7},
                                        .version = 1,
                                        .time_ms = 1767225600123,
                                        .units = 5000,
                                        .reason = ""};

    cr_assert_str_eq(written(&sold_out),
                     ENVELOPE("9", "sale.sold_out", "sale:7", "1") "{\"sale\":7,\"units\":5000}}");
    cr_assert_str_eq(event_json_subject(&sold_out, subject), "sale:7");
}

Test(event_json, what_a_buyer_is_called_stays_json)
{
    struct shop_event paid = event_of("order.paid");

    paid.order.buyer = (struct buyer){3, "a\"\\"};
    cr_assert(strstr(written(&paid), "\"buyer\":\"a\\\"\\\\\"") != NULL);
}
