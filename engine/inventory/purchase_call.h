/* purchase_call: one call of lua/purchase.lua as bytes, and its reply as decisions.
 * Why:    the wire contract of the hot path stands in one place, pure, so that it can be fuzzed
 *         (schemas/redis.md purchase, PROTOCOL §3.4).
 * Never:  I/O; guesses: a reply that is not exactly of the form is ERR_PARSE, one of another
 *         request is ERR_FENCED, and its decisions are not told at all.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "inventory/sale_state.h"
#include "inventory/stock.h"

enum { PURCHASE_CALL_MAX = 128, PURCHASE_ACKS_MAX = 256, PURCHASE_REPLY_ITEMS = 5 };

struct purchase_call {
    uint64_t request_id;
    struct sale_id sale;
    uint32_t epoch;
    int64_t sent_ms, deadline_ms; /* Redis clock; not negative. 0 in a poll */
    uint32_t ack_count;
    const uint32_t *acks;                  /* first seqs of entries of this epoch; borrowed */
    uint32_t attempt_count;                /* 0: a poll, with no columns */
    const struct attempt *const *attempts; /* borrowed; all of this sale */
};
/* The whole EVALSHA command, appended. Returns where its tail (numkeys on) begins in `out`, and how
 * many bulks that has. `out` turns failed when it does not fit. Asserts the bounds above. */
size_t purchase_call_encode(const struct purchase_call *call, struct buf *out,
                            uint32_t *ret_bulk_count);

struct purchase_result {
    enum decision decision;
    bool has_win;   /* WON, REPLAYED, LIMIT with an order held */
    struct win win; /* outbox_handle is 0 */
};
struct purchase_reply {
    enum sale_answer answer;
    uint32_t meta_epoch;   /* EPOCH: what meta has */
    struct sale_head head; /* OK, LATE */
    uint32_t sku_count;    /* OK, LATE */
    struct sale_left skus[SALE_SKUS_MAX];
    uint32_t win_count, first_win; /* OK: wins have consecutive seqs from first_win on */
    uint32_t result_count;         /* OK: as many as attempts; else 0 */
    struct purchase_result results[PURCHASE_CALL_MAX];
};
struct purchase_text {
    const char *text; /* NULL: not a bulk string */
    size_t size;
};
/* The items of the reply's array, in order. ERR_PARSE: not of the form, or an answer that this call
 * cannot have. ERR_FENCED: the reply of another request. `ret_reply` is scratch on an error. */
MUST_CHECK enum err purchase_call_decode(const struct purchase_call *call,
                                         const struct purchase_text *items, size_t item_count,
                                         struct purchase_reply *ret_reply);
/* What a decoded reply tells of the sale (not ARGS); sent_us and received_us are left alone. */
void purchase_call_view(const struct purchase_call *call, const struct purchase_reply *reply,
                        struct sale_view *ret_view);
