/* fill: putting what a signed body says into a notice.
 * Why:    the bounds of a notice are kept in one place; what cannot be read is left out, so that
 *         the worker sees it and not only a log.
 * Never:  guesses an order or an amount.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "domain/notice.h"
#include "payments/provider.h"

/* Kind OTHER, received and occurred now. */
void fill_begin(struct notice *notice, const char *provider, int64_t now_ms);
/* false: not 1 to NOTICE_ID_SIZE_MAX visible ASCII; a notice without an event id cannot be told
 * from its repetition. */
bool fill_event_id(struct notice *notice, struct provider_text text);
/* The rest leaves the notice as it is when the value is none. */
void fill_transaction(struct notice *notice, struct provider_text text);
void fill_order_no(struct notice *notice, struct provider_text text);
/* At most MONEY_MAX minor units, with a currency of three capital letters. */
void fill_amount(struct notice *notice, int64_t amount, struct provider_text currency);
/* When it happened, as the provider says. */
void fill_time(struct notice *notice, int64_t time_ms);
void fill_rfc3339(struct notice *notice, struct provider_text text);
