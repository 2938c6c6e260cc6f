/* payment_list: the notices of one order, or of a state, for the operator.
 * Why:    who asks about an order wants to know what its provider said, and what became of it; and
 *         money that waits for a human must be found without an order's number.
 * Never:  changes one.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/ids.h"
#include "ledger/payment_store.h"

struct mysql_link;

enum { PAYMENT_LIST_MAX = 100 };

struct payment_line {
    uint64_t id;
    struct order_no order_no;                         /* 0: it names none that can be read */
    const char *provider, *event_id, *transaction_id; /* "": none. Texts borrowed for the call */
    const char *kind, *state;
    const char *reason; /* why it is in that state; "": it says it all */
    bool has_amount;
    uint64_t amount; /* minor units */
    const char *currency;
    int64_t occurred_ms; /* as the provider told */
    int64_t received_ms; /* by the engine's clock */
    int64_t created_ms, changed_ms;
    uint32_t part;
    uint64_t offset; /* of its record */
};
typedef enum err payment_line_fn(void *arg, const struct payment_line *line);
/* The newest first, at most PAYMENT_LIST_MAX; `each` must not use the link. */
MUST_CHECK enum err payment_list_of(struct mysql_link *link, struct order_no order_no,
                                    payment_line_fn *each, void *arg);

struct payment_filter {
    uint64_t after;
    bool has_state; /* else what waits: PARKED, REFUND_DUE and QUARANTINED */
    enum payment_state state;
    uint32_t limit;
};
/* With id above `after`, ascending. */
MUST_CHECK enum err payment_list_all(struct mysql_link *link, const struct payment_filter *filter,
                                     payment_line_fn *each, void *arg);
