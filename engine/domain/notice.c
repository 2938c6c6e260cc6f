#include "domain/notice.h"

#include "common/assert.h"
#include "common/clock.h"
#include "domain/sale.h"

#include <string.h>

static const char cancel_provider[] = "cancel";

static const char *const kind_names[NOTICE_KIND_COUNT] = {
#define X(name, text) [NOTICE_KIND_##name] = text,
    NOTICE_KINDS(X)
#undef X
};

const char *notice_kind_name(enum notice_kind kind)
{
    ASSERT((unsigned)kind < NOTICE_KIND_COUNT);
    return kind_names[kind];
}

enum err notice_kind_parse(const char *text, size_t size, enum notice_kind *ret_kind)
{
    for (int i = 0; i < NOTICE_KIND_COUNT; i++) {
        if (strlen(kind_names[i]) == size && memcmp(kind_names[i], text, size) == 0) {
            *ret_kind = (enum notice_kind)i;
            return ERR_OK;
        }
    }
    return ERR_PARSE;
}

void notice_make_cancel(struct order_no order_no, const struct buyer *buyer, int64_t now_ms,
                        const struct traceparent *traceparent, struct notice *ret_notice)
{
    *ret_notice = (struct notice){
        .version = 1,
        .kind = NOTICE_KIND_CANCEL,
        .order_no = order_no,
        .buyer = *buyer,
        .occurred_ms = now_ms,
        .received_ms = now_ms,
        .traceparent = *traceparent,
    };
    memcpy(ret_notice->provider, cancel_provider, sizeof cancel_provider);
    (void)order_no_format(order_no, ret_notice->event_id);
}

static bool is_provider(const char *text)
{
    size_t size = strnlen(text, NOTICE_PROVIDER_SIZE_MAX + 1);

    return size >= 1 && size <= NOTICE_PROVIDER_SIZE_MAX
           && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == size;
}

static bool is_id(const char *text, size_t size_min)
{
    size_t size = strnlen(text, NOTICE_ID_SIZE_MAX + 1);

    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f) {
            return false;
        }
    }
    return size >= size_min && size <= NOTICE_ID_SIZE_MAX;
}

static bool is_amount(const struct notice *notice)
{
    if (!notice->has_amount) {
        return notice->amount == 0 && notice->currency[0] == '\0';
    }
    return notice->amount <= MONEY_MAX
           && currency_check(notice->currency, strnlen(notice->currency, sizeof notice->currency))
                  == ERR_OK;
}

static bool is_time(int64_t time_ms)
{
    return time_ms >= 0 && time_ms <= CLOCK_LAST_MS;
}

/* A provider that calls itself "cancel", or a cancel of nobody, would pass for a buyer's word. */
static bool is_cancel_whole(const struct notice *notice)
{
    char order_no[ORDER_NO_TEXT_SIZE];
    bool is_cancel = notice->kind == NOTICE_KIND_CANCEL;
    struct buyer buyer;

    if ((strcmp(notice->provider, cancel_provider) == 0) != is_cancel) {
        return false;
    }
    if (!is_cancel) {
        return notice->buyer.size == 0;
    }
    return notice->order_no.value != 0 && !notice->has_amount && notice->transaction_id[0] == '\0'
           && notice->buyer.size <= BUYER_SIZE_MAX
           && buyer_parse(notice->buyer.text, notice->buyer.size, &buyer) == ERR_OK
           && strcmp(notice->event_id, order_no_format(notice->order_no, order_no)) == 0;
}

enum err notice_check(const struct notice *notice)
{
    size_t trace_size = strnlen(notice->traceparent.text, TRACEPARENT_SIZE + 1);
    struct traceparent trace;
    bool is_good =
        notice->version >= 1 && (unsigned)notice->kind < NOTICE_KIND_COUNT
        && (!notice->is_kind_unknown || (notice->version > 1 && notice->kind == NOTICE_KIND_OTHER))
        && is_provider(notice->provider) && is_id(notice->event_id, 1)
        && is_id(notice->transaction_id, 0)
        && (notice->order_no.value == 0 || order_no_is_whole(notice->order_no)) && is_amount(notice)
        && is_time(notice->occurred_ms) && is_time(notice->received_ms)
        && (trace_size == 0
            || traceparent_parse(notice->traceparent.text, trace_size, &trace) == ERR_OK)
        && is_cancel_whole(notice);

    return is_good ? ERR_OK : ERR_RANGE;
}
