#include "codec/order_event.h"

#include "codec/record_out.h"

#include <string.h>

enum err order_event_pack(const struct order_record *record, struct order_event *ret_event)
{
    struct record_out out;

    if (record->version != ORDER_EVENT_VERSION || order_record_check(record) != ERR_OK) {
        return ERR_RANGE;
    }
    record_out_begin(&out, ret_event->bytes, sizeof ret_event->bytes, ORDER_EVENT_ELEMENTS);
    record_out_uint(&out, record->version);
    record_out_uint(&out, record->order_no.value);
    record_out_text(&out, record->buyer.text, record->buyer.size);
    record_out_text(&out, record->sku.text, record->sku.size);
    record_out_uint(&out, record->quantity);
    record_out_uint(&out, record->unit_price);
    record_out_text(&out, record->currency, CURRENCY_SIZE);
    record_out_uint(&out, record->slot);
    record_out_text(&out, record->key_hash.hex, strlen(record->key_hash.hex));
    record_out_uint(&out, (uint64_t)record->won_at_ms);
    record_out_uint(&out, (uint64_t)record->pay_by_ms);
    record_out_text(&out, record->traceparent.text, strlen(record->traceparent.text));
    ret_event->size = out.size;
    return ERR_OK;
}

static void read_ids(struct record_in *in, struct order_record *record)
{
    size_t size;
    const char *text = record_in_text(in, &size);

    record_in_require(in, buyer_parse(text, size, &record->buyer) == ERR_OK);
    text = record_in_text(in, &size);
    record_in_require(in, sku_parse(text, size, &record->sku) == ERR_OK);
}

static void read_rest(struct record_in *in, struct order_record *record)
{
    size_t size;
    const char *text;

    record->quantity = (uint32_t)record_in_bounded(in, QUANTITY_MAX);
    record->unit_price = record_in_uint(in);
    record_in_copy(in, record->currency, CURRENCY_SIZE);
    record->slot = (uint32_t)record_in_bounded(in, QUANTITY_MAX);
    text = record_in_text(in, &size);
    record_in_require(in, key_hash_parse(text, size, &record->key_hash) == ERR_OK);
    record->won_at_ms = (int64_t)record_in_bounded(in, INT64_MAX);
    record->pay_by_ms = (int64_t)record_in_bounded(in, INT64_MAX);
    record_in_traceparent(in, &record->traceparent);
}

enum record_fault order_event_read(const void *bytes, size_t size, struct order_record *ret_record,
                                   struct order_no *ret_hint)
{
    struct record_in in;
    struct record_head head;
    struct order_record record = {0};

    record_in_begin(&in, bytes, size, ORDER_EVENT_VERSION, ORDER_EVENT_ELEMENTS, &head);
    if (ret_hint) {
        ret_hint->value = order_no_is_whole(head.order_no) ? head.order_no.value : 0;
    }
    record.version = head.version;
    record.order_no = head.order_no;
    read_ids(&in, &record);
    read_rest(&in, &record);
    record_in_end(&in, &head, ORDER_EVENT_ELEMENTS);
    record_in_require(&in, order_record_check(&record) == ERR_OK);
    if (in.fault == RECORD_FAULT_NONE) {
        *ret_record = record;
    }
    return in.fault;
}
