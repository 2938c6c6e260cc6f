/* dead_store: records of the log that could not become rows.
 * Why:    none is skipped (I14): its bytes, its place and the reason are kept until a human has
 *         dealt with them.
 * Never:  is for an outage: only for what fails the same way each time (K28).
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct mysql_link;

#define DEAD_REASONS(X)                                                                            \
    X(UNREADABLE, "unreadable")                                                                    \
    X(UNKNOWN_SALE, "unknown_sale")                                                                \
    X(UNKNOWN_SKU, "unknown_sku")                                                                  \
    X(CLASH, "clash")     /* another order has this number */                                      \
    X(VALUE, "value")     /* MySQL refuses its values */                                           \
    X(VERSION, "version") /* of a newer engine: held until this worker knows it */                 \
    X(ROW, "broken_row")  /* a row of MySQL that it needs cannot be read */
enum dead_reason {
#define X(name, text) DEAD_REASON_##name,
    DEAD_REASONS(X)
#undef X
        DEAD_REASON_COUNT
};
const char *dead_reason_name(enum dead_reason reason); /* static */

enum { DEAD_RESOLUTION_SIZE_MAX = 64 };

struct dead_letter {
    uint64_t id; /* 0 when put */
    const char *topic;
    uint32_t part;
    uint64_t offset;
    struct sale_id sale;      /* 0: cannot be told */
    struct order_no order_no; /* 0: cannot be told */
    enum dead_reason reason;
    const void *payload; /* borrowed for the call */
    size_t payload_size;
    int64_t created_ms;
    int64_t resolved_ms;    /* 0: open */
    const char *resolution; /* who: what became of it; "" while open; borrowed for the call */
};

/* Inside the caller's transaction. A letter of the same place with the same bytes stays as it is;
 * one with other bytes is another letter: of a topic that was made anew. */
MUST_CHECK enum err dead_store_put_in(struct mysql_link *link, const struct dead_letter *letter);
/* With id above `after`, ascending, at most `limit`; their payload is empty, its size is told;
 * `each` must not use the link. */
typedef enum err dead_letter_fn(void *arg, const struct dead_letter *letter);
struct dead_filter {
    uint64_t after;
    bool open_only; /* without those that are resolved */
    uint32_t limit;
};
MUST_CHECK enum err dead_store_list(struct mysql_link *link, const struct dead_filter *filter,
                                    dead_letter_fn *each, void *arg);
/* ERR_NOT_FOUND. */
MUST_CHECK enum err dead_store_read(struct mysql_link *link, uint64_t id, dead_letter_fn *each,
                                    void *arg);
/* The same inside the caller's transaction, the letter locked until its end. */
MUST_CHECK enum err dead_store_lock_in(struct mysql_link *link, uint64_t id, dead_letter_fn *each,
                                       void *arg);
/* Inside the caller's transaction: an open letter is resolved now. `resolution` "who: what", ASCII,
 * cut at DEAD_RESOLUTION_SIZE_MAX. ERR_NOT_FOUND: there is none, or it is resolved. */
MUST_CHECK enum err dead_store_resolve_in(struct mysql_link *link, uint64_t id,
                                          const char *resolution);
/* Open letters of a topic: of this sale, and of no known sale (those of the order log stop
 * rebuilds, PROTOCOL §4 guard). */
MUST_CHECK enum err dead_store_open_count(struct mysql_link *link, const char *topic,
                                          struct sale_id sale, uint64_t *ret_of_sale,
                                          uint64_t *ret_of_none);

/* --- the topic of dead letters --- */

enum { DEAD_PUBLISHED_MAX = 64 };
/* The oldest above `after` that are not in the topic yet, at most `limit`; the payload is empty
 * where it has more than `payload_max` bytes. */
MUST_CHECK enum err dead_store_unpublished(struct mysql_link *link, uint64_t after,
                                           uint32_t payload_max, uint32_t limit,
                                           dead_letter_fn *each, void *arg);
/* At most DEAD_PUBLISHED_MAX. */
MUST_CHECK enum err dead_store_mark_published(struct mysql_link *link, const uint64_t *ids,
                                              size_t count);
struct dead_counts {
    uint64_t open;        /* not resolved */
    uint64_t unpublished; /* not in the topic */
};
MUST_CHECK enum err dead_store_counts(struct mysql_link *link, struct dead_counts *ret_counts);
