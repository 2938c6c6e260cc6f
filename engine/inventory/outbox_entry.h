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

/* How many wins the item tells of: the room that outbox_entry_parse() needs; 0 when it cannot be
 * read. */
uint32_t outbox_entry_win_count(const struct redis_reply *item);
/* One item of XRANGE's reply: [id, [field, value, ...]]. `wins` has room for what the function
 * above says, at most OUTBOX_ENTRY_WINS_MAX of an entry that can be read; ret_entry->wins points to
 * it. ERR_PARSE. */
MUST_CHECK enum err outbox_entry_parse(struct sale_id sale, const struct redis_reply *item,
                                       struct outbox_win *wins,
                                       struct outbox_listed_entry *ret_entry);
