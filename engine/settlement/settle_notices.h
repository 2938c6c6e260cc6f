/* settle_notices: records of the notices' topic become what notice_apply() makes of them.
 * Why:    a payment counts exactly once: what it changes and the place behind it are one
 *         transaction, as for orders (PROTOCOL §5, §6).
 * Never:  decides what a notice does (notice_apply); tells an alarm before its COMMIT.
 * Thread: that of the settle. */
#pragma once

#include "settlement/settle.h"

extern const struct settle_kind settle_notices_kind;
