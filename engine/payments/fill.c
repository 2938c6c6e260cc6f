#include "payments/fill.h"

#include "common/assert.h"
#include "common/clock.h"
#include "domain/sale.h"
#include "payments/text.h"

#include <string.h>

void fill_begin(struct notice *notice, const char *provider, int64_t now_ms)
{
    size_t size = strlen(provider);

    ASSERT(size <= NOTICE_PROVIDER_SIZE_MAX && now_ms >= 0 && now_ms <= CLOCK_LAST_MS);
    *notice = (struct notice){
        .version = 1, .kind = NOTICE_KIND_OTHER, .occurred_ms = now_ms, .received_ms = now_ms};
    memcpy(notice->provider, provider, size + 1);
}

static bool copy_id(char to[static NOTICE_ID_SIZE_MAX + 1], struct provider_text text)
{
    if (!text_is_visible(text, 1, NOTICE_ID_SIZE_MAX)) {
        return false;
    }
    memcpy(to, text.data, text.size);
    to[text.size] = '\0';
    return true;
}

bool fill_event_id(struct notice *notice, struct provider_text text)
{
    return copy_id(notice->event_id, text);
}

void fill_transaction(struct notice *notice, struct provider_text text)
{
    (void)copy_id(notice->transaction_id, text);
}

void fill_order_no(struct notice *notice, struct provider_text text)
{
    struct order_no order_no;

    if (text.size > 0 && order_no_parse(text.data, text.size, &order_no) == ERR_OK) {
        notice->order_no = order_no;
    }
}

void fill_amount(struct notice *notice, int64_t amount, struct provider_text currency)
{
    if (amount < 0 || (uint64_t)amount > MONEY_MAX || currency.size != CURRENCY_SIZE
        || currency_check(currency.data, currency.size) != ERR_OK) {
        return;
    }
    notice->has_amount = true;
    notice->amount = (uint64_t)amount;
    memcpy(notice->currency, currency.data, CURRENCY_SIZE);
    notice->currency[CURRENCY_SIZE] = '\0';
}

void fill_time(struct notice *notice, int64_t time_ms)
{
    if (time_ms >= 0 && time_ms <= CLOCK_LAST_MS) {
        notice->occurred_ms = time_ms;
    }
}

void fill_rfc3339(struct notice *notice, struct provider_text text)
{
    int64_t time_ms;

    if (text.size > 0 && clock_parse_rfc3339(text.data, text.size, &time_ms) == ERR_OK) {
        fill_time(notice, time_ms);
    }
}
