/* settle_dead: a record that cannot get its effect is put aside, in the transaction of the offset.
 * Why:    none is skipped (I14), of whichever topic it is.
 * Never:  for an outage: only for what fails the same way each time (K28).
 * Thread: that of the link. */
#pragma once

#include "common/err.h"
#include "settlement/settle.h"

/* In the caller's transaction; counted in stats->dead. Errors as mysql_link.h. */
MUST_CHECK enum err settle_dead_put_in(struct mysql_link *link, const struct offset_claim *claim,
                                       const struct settle_item *item, struct order_no order_no,
                                       enum dead_reason reason, struct settle_stats *stats);
