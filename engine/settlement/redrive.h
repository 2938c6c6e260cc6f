/* redrive: a dead letter is read again by this worker and settled as if it came now.
 * Why:    none is skipped (I14): what an older worker could not read, or what belonged to a sale
 *         that was not there, becomes an order by the rules of settling once the cause is gone; a
 *         notice has its effect.
 * Never:  moves an offset; applies a letter twice; resolves one that still cannot be applied, but
 *         where an operator closes it with a reason; closes one that could be applied.
 * Thread: that of the link.  Owner: the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/order.h"
#include "ledger/admin_log.h"
#include "ledger/dead_store.h"
#include "ledger/order_store.h"

struct mysql_link;

enum { REDRIVE_WHY_SIZE = 128, REDRIVE_REASON_SIZE_MAX = 200 };

enum redrive_result {
    REDRIVE_APPLIED, /* now */
    REDRIVE_BEFORE,  /* it was resolved already: nothing was changed */
    REDRIVE_STAYS,   /* it fails as before: `why`; nothing was changed */
    REDRIVE_CLOSED,  /* now, by an operator's word */
    REDRIVE_GOOD,    /* not closed: it could be applied; nothing was changed */
};

struct redrive {
    enum redrive_result result;
    struct sale_id sale;
    struct order_no order_no;                      /* 0: cannot be told */
    int64_t resolved_ms;                           /* 0: STAYS */
    char resolution[DEAD_RESOLUTION_SIZE_MAX + 1]; /* "" if it STAYS */
    char why[REDRIVE_WHY_SIZE];                    /* STAYS: a sentence for the operator */
};

struct redrive_topics {
    const char *orders, *notices; /* borrowed for the call */
};

/* One transaction: the order's row and its stock, or what the notice does, the letter's resolution
 * and the admin_log row. Letters of another topic stay. ERR_NOT_FOUND: no such letter. Else as
 * mysql_link.h; after ERR_LOST ask again: it is applied once. */
MUST_CHECK enum err redrive_dead_letter(struct mysql_link *link,
                                        const struct redrive_topics *topics, uint64_t id,
                                        const struct admin_actor *actor,
                                        struct redrive *ret_redrive);
/* Resolves a letter that cannot be applied: REDRIVE_CLOSED. `actor->why`, UTF-8 of 1 to
 * REDRIVE_REASON_SIZE_MAX bytes, is kept whole in its admin_log row.
 * Whether it can is tried first, in a transaction that is undone: REDRIVE_GOOD. From then on it
 * holds no load and no close any more. REDRIVE_BEFORE and errors as above. */
MUST_CHECK enum err redrive_close_dead_letter(struct mysql_link *link,
                                              const struct redrive_topics *topics, uint64_t id,
                                              const struct admin_actor *actor,
                                              struct redrive *ret_redrive);
