/* sale_marks: on which history many sales stand, read in one exchange.
 * Why:    the guard compares every sale with its server, twice a second (PROTOCOL §4).
 * Never:  writes; judges: what a mark means is settlement's matter.
 * Thread: that of the redis_blocking it is given. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/sale.h"

struct redis_blocking;

enum { SALE_MARKS_MAX = 500 };

struct sale_mark {
    enum sale_mark_kind {
        SALE_MARK_GONE,    /* no meta */
        SALE_MARK_GARBAGE, /* no hash, or a field that cannot be */
        SALE_MARK_OTHER,   /* loaded on another history, or its fence was closed */
        SALE_MARK_FITS,    /* the rest is set with OTHER, too */
    } kind;
    uint32_t epoch;
    enum sale_state state;
    bool is_listed; /* the catalogue has it */
};
struct sale_marks_server {
    bool is_primary;
    bool has_catalogue; /* and it is of this history */
};
/* Of at most SALE_MARKS_MAX sales; 0 is fine. ERR_REFUSED: Redis cannot serve now (it loads its
 * file, asks for a password); ERR_PARSE: INFO is no INFO; else as redis_blocking_many(). */
MUST_CHECK enum err sale_marks_read(struct redis_blocking *redis, const struct sale_id *sales,
                                    uint32_t count, struct sale_marks_server *ret_server,
                                    struct sale_mark *ret_marks);
