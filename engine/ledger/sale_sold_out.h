/* sale_sold_out: the event that every unit of a sale is an order.
 * Why:    the shop is told by the transaction that made it so, once each time (schemas/events.md).
 * Never:  says that Redis has nothing left; is asked for an ordinary batch: that costs statements.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include "domain/ids.h"

struct mysql_link;

/* Inside the caller's transaction, behind its UPDATE of the sku whose last unit it took: writes the
 * event if no other sku of the sale has units left. */
MUST_CHECK enum err sale_sold_out_in(struct mysql_link *link, struct sale_id sale);
