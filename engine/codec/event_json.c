#include "codec/event_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/json_out.h"

enum { SOURCE_SIZE = 40, TYPE_SIZE = 64, ID_SIZE = 24 };

/* The state that an event tells. Of the row it would be the one at sending, perhaps a later one. */
static const struct event_state {
    const char *verb;
    enum order_state state;
    bool has_reason;
} states[] = {
    {"order.paid", ORDER_STATE_PAID, false},
    {"order.closed", ORDER_STATE_CLOSED, true},
    {"order.refunded", ORDER_STATE_REFUNDED, false},
    {"order.voided", ORDER_STATE_VOIDED, true},
};

const char *event_json_subject(const struct shop_event *event,
                               char text[static EVENT_JSON_SUBJECT_SIZE])
{
    if (event->order_no.value != 0) {
        return order_no_format(event->order_no, text);
    }
    (void)snprintf(text, EVENT_JSON_SUBJECT_SIZE, "sale:%" PRIu32, event->sale.value);
    return text;
}

static void write_state(const struct shop_event *event, struct json_out *out)
{
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(states[i].verb, event->verb) != 0) {
            continue;
        }
        json_out_member_text(out, "state", order_state_name(states[i].state));
        if (states[i].has_reason && event->reason[0] != '\0') {
            json_out_member_text(out, "reason", event->reason);
        }
    }
}

static void write_order(const struct shop_event *event, struct json_out *out)
{
    const struct order_record *order = &event->order;

    json_out_member_text(out, "buyer", order->buyer.text);
    json_out_member_text(out, "sku", order->sku.text);
    json_out_member_u64(out, "quantity", order->quantity);
    json_out_member_u64(out, "unit_price", order->unit_price);
    json_out_member_u64(out, "amount", order->unit_price * order->quantity);
    json_out_member_text(out, "currency", order->currency);
    json_out_member_time(out, "won_at", order->won_at_ms);
}

static void write_data(const struct shop_event *event, struct json_out *out)
{
    char order_no[ORDER_NO_TEXT_SIZE];

    json_out_begin_object(out);
    json_out_member_u64(out, "sale", event->sale.value);
    if (event->order_no.value != 0) {
        json_out_member_text(out, "order_no", order_no_format(event->order_no, order_no));
        if (event->has_order) {
            write_order(event, out);
        }
        write_state(event, out);
    } else {
        json_out_member_u64(out, "units", event->units);
    }
    if (event->payload_size > 0) {
        json_out_name(out, "refund");
        json_out_raw(out, event->payload, event->payload_size);
    }
    json_out_end_object(out);
}

void event_json_write(const struct shop_event *event, struct buf *buf)
{
    char id[ID_SIZE], source[SOURCE_SIZE], type[TYPE_SIZE], subject[EVENT_JSON_SUBJECT_SIZE];
    struct json_out out;

    (void)snprintf(id, sizeof id, "%" PRIu64, event->id);
    (void)snprintf(source, sizeof source, "/seckill/sales/%" PRIu32, event->sale.value);
    (void)snprintf(type, sizeof type, "%s%s", EVENT_JSON_TYPE_PREFIX, event->verb);
    json_out_init(&out, buf);
    json_out_begin_object(&out);
    json_out_member_text(&out, "specversion", "1.0");
    json_out_member_text(&out, "id", id);
    json_out_member_text(&out, "source", source);
    json_out_member_text(&out, "type", type);
    json_out_member_text(&out, "subject", event_json_subject(event, subject));
    json_out_member_time(&out, "time", event->time_ms);
    json_out_member_text(&out, "datacontenttype", "application/json");
    json_out_member_u64(&out, "orderversion", event->version);
    json_out_name(&out, "data");
    write_data(event, &out);
    json_out_end_object(&out);
}
