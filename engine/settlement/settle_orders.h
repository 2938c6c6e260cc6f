/* settle_orders: records of the order log become rows and stock.
 * Why:    exactly one row per win, never more sold than total (PROTOCOL §6 settling).
 * Never:  more than an order's first life: payments and closing are notices' and the reaper's.
 * Thread: that of the settle. */
#pragma once

#include "settlement/settle.h"

extern const struct settle_kind settle_orders_kind;
