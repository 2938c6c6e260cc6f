/* sale_sweep: what is looked at over all sales from time to time.
 * Why:    the worker copies the end that Redis latched to MySQL, and shows epoch and frozen sales,
 *         by two cheap statements (PROTOCOL §3.8).
 * Never:  decides that a sale is over: its window by the database's clock only says where to look.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct mysql_link;

struct sale_due {
    struct sale_id sale;
    uint32_t epoch;
    int64_t closes_ms;
};
/* Loaded sales that are open or paused here and whose window is over by the database's clock: those
 * with a number above `after`, ascending, at most `max`. */
MUST_CHECK enum err sale_sweep_due(struct mysql_link *link, struct sale_id after,
                                   struct sale_due *ret_due, size_t max, size_t *ret_count);

struct sale_totals {
    uint64_t epoch_max; /* of any sale; 0: none was ever loaded */
    uint64_t frozen;    /* sales */
};
MUST_CHECK enum err sale_sweep_totals(struct mysql_link *link, struct sale_totals *ret_totals);
