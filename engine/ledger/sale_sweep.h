/* sale_sweep: what is looked at over all sales from time to time.
 * Why:    the worker copies the end that Redis latched to MySQL, and shows epoch and frozen sales,
 *         by two cheap statements (PROTOCOL §3.8).
 * Never:  decides that a sale is over: its window by the database's clock only says where to look.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "ledger/guard_store.h"
#include "ledger/sale_control.h"

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

/* Loaded sales that are open or paused here and whose window is on by the database's clock: numbers
 * above `after`, ascending, at most `max`. */
MUST_CHECK enum err sale_sweep_live(struct mysql_link *link, struct sale_id after,
                                    struct sale_id *ret_sales, size_t max, size_t *ret_count);

struct sale_totals {
    uint64_t epoch_max; /* of any sale; 0: none was ever loaded */
    uint64_t frozen;    /* sales */
};
MUST_CHECK enum err sale_sweep_totals(struct mysql_link *link, struct sale_totals *ret_totals);

/* What the guard compares with Redis: a sale that was loaded before, or whose load is not finished.
 */
struct sale_guarded {
    struct sale_id sale;
    uint32_t epoch;
    enum sale_control control;
    uint64_t fence;    /* of its guard row; 0: none */
    bool is_loading;   /* that row is not finished */
    int64_t silent_ms; /* since its last beat, by the database's clock */
    bool has_failed;   /* it ended in FAILED */
    bool is_told;      /* its note begins with SALE_BLOCKED_NOTE */
};
#define SALE_BLOCKED_NOTE "blocked: "
/* Those with a number above `after`, ascending, at most `max`. Without those that left the
 * catalogue (keep_days after closing and pay window), unless they are being loaded. */
MUST_CHECK enum err sale_sweep_guarded(struct mysql_link *link, struct sale_id after,
                                       uint32_t keep_days, struct sale_guarded *ret_sales,
                                       size_t max, size_t *ret_count);
