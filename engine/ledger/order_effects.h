/* order_effects: the rows that go with a change of orders: units, ledger, letters, events.
 * Why:    who gives units back, or tells Redis and the shop, does it in one way (I10, I21).
 * Never:  changes an order; runs outside of the transaction that does.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ledger/order_store.h"

struct mysql_link;

enum { ORDER_RETURNS_MAX = 128 };

/* Orders of one sku whose units come back. The caller holds the sku's row, so that a load either
 * counts them or is told of them; `epoch` is that row's. */
struct order_returns {
    const struct order_row *const *rows; /* borrowed, ascending by order_no; 1 to the maximum */
    size_t count;
    const char *cause; /* of stock_ledger: "close", "refund", "void"; static */
    uint32_t epoch;
};
/* sold goes down, each order has its row in the ledger, and Redis is told of its units. ERR_RANGE:
 * they were never counted in sold: a broken row, not to be made worse. ERR_CONFLICT: an order's
 * units came back before. */
MUST_CHECK enum err order_effects_return_in(struct mysql_link *link,
                                            const struct order_returns *returns);
/* `row` is the order as it is afterwards. */
MUST_CHECK enum err order_effects_letter_in(struct mysql_link *link, const struct order_row *row);
/* To the shop: `verb` is a type of schemas/events.md, `payload` what the row does not tell, or
 * NULL. */
MUST_CHECK enum err order_effects_event_in(struct mysql_link *link, const struct order_row *row,
                                           const char *verb, const char *payload);
/* Letter and event of each of 1 to ORDER_RETURNS_MAX orders, as they are afterwards. */
MUST_CHECK enum err order_effects_tell_in(struct mysql_link *link,
                                          const struct order_row *const *rows, size_t count,
                                          const char *verb);
