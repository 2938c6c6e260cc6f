/* settle_write: a planned chunk becomes rows, stock and dead letters, in the caller's transaction.
 * Why:    what a key or the bound refuses is known only when it is written (PROTOCOL §6 settling).
 * Never:  begins or ends the transaction; moves the offset.
 * Thread: that of the link. */
#pragma once

#include "common/err.h"
#include "settlement/settle.h"

struct mysql_link;
struct offset_claim;
struct settle_plan;

/* What the plan must know: the sales of its steps and the rows that are there. As mysql_link.h. */
MUST_CHECK enum err settle_read(struct mysql_link *link, struct settle_plan *plan);
/* Writes all steps of the plan; adds to `stats`. ERR_CONFLICT, ERR_RANGE: a key, the bound or a
 * column refused one of several records: roll back, try fewer. With a single record these never
 * come: it becomes QUARANTINED, VOIDED, a duplicate or a dead letter (`plan` is changed to it).
 * Else as mysql_link.h. */
MUST_CHECK enum err settle_write(struct mysql_link *link, struct settle_plan *plan,
                                 const struct offset_claim *claim, struct settle_stats *stats);
