/* outbox_store: what Redis and the shop are still to be told.
 * Why:    a row is written in the transaction that made it true and sent until it is confirmed
 *         (PROTOCOL §3.8, §6).
 * Never:  sends; forgets a row that was not confirmed.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "domain/order.h"
#include "domain/sale.h"
#include "domain/shop_event.h"

struct mysql_link;

enum outbox_kind {
    OUTBOX_UNITS,  /* units of a sku, of one ledger row and epoch */
    OUTBOX_STATE,  /* a verb of set_state */
    OUTBOX_LETTER, /* an order's new state letter */
    OUTBOX_EVENT,  /* to the shop */
};
enum { OUTBOX_VERB_SIZE_MAX = 32, OUTBOX_CONFIRM_MAX = 1024 };

struct outbox_row {
    uint64_t id; /* 0 when put */
    struct sale_id sale;
    enum outbox_kind kind;
    char verb[OUTBOX_VERB_SIZE_MAX + 1]; /* STATE: sale_verb_name(); EVENT: its type */
    struct sku sku;                      /* UNITS */
    uint64_t units;                      /* UNITS */
    uint64_t ledger_id;                  /* UNITS */
    uint32_t epoch;                      /* UNITS, STATE: of the row's transaction */
    struct order_no order_no;            /* LETTER, EVENT (0: of the sale) */
    uint32_t order_version;              /* EVENT */
    struct buyer buyer;                  /* LETTER */
    char letter;                         /* LETTER */
    const char *payload;                 /* EVENT, to be put: a JSON object; borrowed, NULL: none */
    int64_t created_ms;                  /* by the database's clock */
};

/* Inside the caller's transaction. */
MUST_CHECK enum err outbox_store_put_in(struct mysql_link *link, const struct outbox_row *row);
/* The same for 1 to OUTBOX_PUT_MAX, whose ids ascend as they are given. */
enum { OUTBOX_PUT_MAX = 256 };
MUST_CHECK enum err outbox_store_put_many_in(struct mysql_link *link, const struct outbox_row *rows,
                                             size_t count);

/* Sales above `after` with rows for Redis that are not confirmed, ascending, at most `max`. */
MUST_CHECK enum err outbox_store_pending_sales(struct mysql_link *link, struct sale_id after,
                                               struct sale_id *ret_sales, size_t max,
                                               size_t *ret_count);
/* The oldest rows of a sale for Redis that are not confirmed, at most `max`: states, then letters,
 * then units, each in their order, so that a freeze waits behind no backlog of units. */
MUST_CHECK enum err outbox_store_pending(struct mysql_link *link, struct sale_id sale,
                                         struct outbox_row *ret_rows, size_t max,
                                         size_t *ret_count);
/* Marks rows, OUTBOX_CONFIRM_MAX at most; those that are marked already are left alone. */
MUST_CHECK enum err outbox_store_confirm(struct mysql_link *link, const uint64_t *ids,
                                         size_t count);
/* Rows not confirmed: for Redis of one sale (sale 0: of all). */
MUST_CHECK enum err outbox_store_pending_count(struct mysql_link *link, struct sale_id sale,
                                               uint64_t *ret_count);
/* Rows of one sale that Redis has confirmed at `since_ms` or later: while there is none, and none
 * is pending, nothing of it was changed there. */
MUST_CHECK enum err outbox_store_confirmed_since(struct mysql_link *link, struct sale_id sale,
                                                 int64_t since_ms, uint64_t *ret_count);

/* Deletes rows that were confirmed more than `days` ago, at most `limit` for Redis and as many for
 * the shop; tells how many. Nothing reads them any more: what happened is in stock_ledger, payments
 * and admin_log. */
MUST_CHECK enum err outbox_store_forget(struct mysql_link *link, uint32_t days, uint32_t limit,
                                        uint64_t *ret_count);

/* --- events to the shop --- */

/* Those with an id above `after` that were not told yet, in order of id, at most `limit`. `each`
 * must not use the link. One whose order's row cannot be read is handed over as is_broken. */
typedef enum err outbox_event_fn(void *arg, const struct shop_event *event);
MUST_CHECK enum err outbox_store_events(struct mysql_link *link, uint64_t after, uint32_t limit,
                                        outbox_event_fn *each, void *arg);
/* They are in the topic: sent and confirmed now. OUTBOX_CONFIRM_MAX at most; those that are marked
 * already are left alone. */
MUST_CHECK enum err outbox_store_mark_told(struct mysql_link *link, const uint64_t *ids,
                                           size_t count);
struct outbox_event_counts {
    uint64_t pending;
    int64_t oldest_age_ms; /* of the first of them; 0: there is none */
};
MUST_CHECK enum err outbox_store_event_counts(struct mysql_link *link,
                                              struct outbox_event_counts *ret_counts);
