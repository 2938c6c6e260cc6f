/* buyer_scan: every buyer of a sale, read in slices.
 * Why:    the winners' filter is built from it (PROTOCOL §3.8).
 * Never:  has two slices on their way; goes on over a new link; is fenced: a filter counts only
 *         after a call that was sent after the scan's end was answered.
 * Thread: loop. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct redis_link;

/* First on_size with the number of buyers at the begin, then on_buyer for each (may repeat), then
 * `done` once. ERR_LOST: the link broke, begin again; ERR_REFUSED, ERR_IO, ERR_PARSE, ERR_BUSY:
 * give it up, try later. `buyer` dies with the call and is not NUL-terminated by contract. */
struct buyer_scan {
    void (*on_size)(void *arg, uint64_t buyer_count);
    void (*on_buyer)(void *arg, const char *buyer, size_t size);
    void (*done)(void *arg, enum err status);
    void *arg;
};
/* On ERR_OK `done` runs exactly once, in a later turn; `scan` is copied. ERR_UNAVAILABLE, ERR_BUSY,
 * ERR_NO_MEMORY: nothing of it runs. */
MUST_CHECK enum err buyer_scan_start(struct redis_link *link, struct sale_id sale,
                                     const struct buyer_scan *scan);
