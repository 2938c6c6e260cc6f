/* outbox_entry: one entry of a sale's outbox stream as XRANGE gives it.
 * Why:    the engine's relay, the guard and the audit read one format (schemas/redis.md outbox).
 * Never:  I/O; guesses: what is not exactly of the form is ERR_PARSE.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"

struct redis_reply;

enum { OUTBOX_ENTRY_WINS_MAX = 128 };

struct outbox_win {
    uint32_t epoch, seq;
    struct order_entry entry;
    struct buyer buyer;
    struct traceparent traceparent;
};
struct outbox_listed_entry {
    uint32_t epoch, first_seq, win_count;
    const struct outbox_win *wins; /* borrowed for the call */
};

/* One item of XRANGE's reply: [id, [field, value, ...]]. `wins` has room for OUTBOX_ENTRY_WINS_MAX;
 * ret_entry->wins points to it. ERR_PARSE. */
MUST_CHECK enum err outbox_entry_parse(struct sale_id sale, const struct redis_reply *item,
                                       struct outbox_win *wins,
                                       struct outbox_listed_entry *ret_entry);
/* One win: field `<seq>` and its value. */
MUST_CHECK enum err outbox_win_parse(struct sale_id sale, uint32_t epoch, const char *field,
                                     size_t field_size, const char *value, size_t value_size,
                                     struct outbox_win *ret_win);
