/* outbox_reader: what the relay asks of Redis: the entries of a sale's outbox, and its lease.
 * Why:    any engine may find wins that their own did not get into the log (PROTOCOL §3.6).
 * Never:  deletes an entry (acknowledgements ride on calls); is fenced: what was decided must reach
 *         the log whatever came after.
 * Thread: loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "inventory/outbox_entry.h"

struct redis_link;

enum { OUTBOX_LIST_MAX = 1000, OUTBOX_ID_SIZE = 42 /* of two numbers of 64 bits */ };

/* What was listed. An entry that cannot be read is passed over and counted: it keeps no other one
 * back, and stays where it is. */
struct outbox_listing {
    const struct outbox_listed_entry *entries; /* that can be read, oldest first */
    uint32_t count;
    uint32_t unreadable_count;
    char unreadable_id[OUTBOX_ID_SIZE]; /* of the first of them, cut; "" */
};
/* status: ERR_OK; ERR_PARSE: not even a list; else as redis_reply_fn, or ERR_NO_MEMORY. Unless
 * ERR_OK the listing is empty. It dies with the call. */
typedef void outbox_list_fn(void *arg, enum err status, const struct outbox_listing *listing);
/* At most `max` (1 to OUTBOX_LIST_MAX), unreadable ones too. On ERR_OK `done` runs exactly once, in
 * a later turn. ERR_UNAVAILABLE, ERR_BUSY, ERR_NO_MEMORY: it never runs. */
MUST_CHECK enum err outbox_list(struct redis_link *link, struct sale_id sale, uint32_t max,
                                outbox_list_fn *done, void *arg);

/* status ERR_OK: held tells whether we have the lease now. ERR_PARSE: the key holds no string. */
typedef void outbox_lease_fn(void *arg, enum err status, bool held);
/* Takes the sale's relay lease for `lease_ms` when it is free, or prolongs it when its token is
 * `token` (lua/relay_lease.lua). Same contract. */
MUST_CHECK enum err outbox_take_lease(struct redis_link *link, struct sale_id sale, uint64_t token,
                                      uint32_t lease_ms, outbox_lease_fn *done, void *arg);
