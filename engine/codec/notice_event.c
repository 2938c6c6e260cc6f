#include "codec/notice_event.h"

#include "codec/record_out.h"

#include <string.h>

static void write_text(struct record_out *out, const char *text)
{
    record_out_text(out, text, strlen(text));
}

enum err notice_event_pack(const struct notice *notice, struct notice_event *ret_event)
{
    struct record_out out;

    if (notice->version != NOTICE_EVENT_VERSION || notice_check(notice) != ERR_OK) {
        return ERR_RANGE;
    }
    record_out_begin(&out, ret_event->bytes, sizeof ret_event->bytes, NOTICE_EVENT_ELEMENTS);
    record_out_uint(&out, notice->version);
    record_out_uint(&out, notice->order_no.value);
    write_text(&out, notice_kind_name(notice->kind));
    write_text(&out, notice->provider);
    write_text(&out, notice->event_id);
    write_text(&out, notice->transaction_id);
    record_out_uint(&out, notice->amount);
    write_text(&out, notice->currency);
    record_out_text(&out, notice->buyer.text, notice->buyer.size);
    record_out_uint(&out, (uint64_t)notice->occurred_ms);
    record_out_uint(&out, (uint64_t)notice->received_ms);
    write_text(&out, notice->traceparent.text);
    ret_event->size = out.size;
    return ERR_OK;
}

static void read_kind(struct record_in *in, struct notice *notice)
{
    size_t size;
    const char *text = record_in_text(in, &size);

    if (notice_kind_parse(text, size, &notice->kind) != ERR_OK) {
        record_in_require(in, notice->version > NOTICE_EVENT_VERSION);
        notice->kind = NOTICE_KIND_OTHER;
        notice->is_kind_unknown = true;
    }
}

static void read_rest(struct record_in *in, struct notice *notice)
{
    size_t size;
    const char *text;

    record_in_copy(in, notice->provider, NOTICE_PROVIDER_SIZE_MAX);
    record_in_copy(in, notice->event_id, NOTICE_ID_SIZE_MAX);
    record_in_copy(in, notice->transaction_id, NOTICE_ID_SIZE_MAX);
    notice->amount = record_in_uint(in);
    record_in_copy(in, notice->currency, CURRENCY_SIZE);
    notice->has_amount = notice->currency[0] != '\0';
    text = record_in_text(in, &size);
    record_in_require(in, size == 0 || buyer_parse(text, size, &notice->buyer) == ERR_OK);
    notice->occurred_ms = (int64_t)record_in_bounded(in, INT64_MAX);
    notice->received_ms = (int64_t)record_in_bounded(in, INT64_MAX);
    record_in_traceparent(in, &notice->traceparent);
}

enum record_fault notice_event_read(const void *bytes, size_t size, struct notice *ret_notice,
                                    struct order_no *ret_hint)
{
    struct record_in in;
    struct record_head head;
    struct notice notice = {0};

    record_in_begin(&in, bytes, size, NOTICE_EVENT_VERSION, NOTICE_EVENT_ELEMENTS, &head);
    if (ret_hint) {
        ret_hint->value = order_no_is_whole(head.order_no) ? head.order_no.value : 0;
    }
    notice.version = head.version;
    notice.order_no = head.order_no;
    read_kind(&in, &notice);
    read_rest(&in, &notice);
    record_in_end(&in, &head, NOTICE_EVENT_ELEMENTS);
    record_in_require(&in, notice_check(&notice) == ERR_OK);
    if (in.fault == RECORD_FAULT_NONE) {
        *ret_notice = notice;
    }
    return in.fault;
}
