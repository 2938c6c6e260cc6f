/* notice_tell: what became of a notice is counted, and what a human must see to is told.
 * Why:    once, after its transaction: also of what was parked, and of what was driven again.
 * Never:  inside a transaction; names a buyer.
 * Thread: any. */
#pragma once

#include "settlement/notice_apply.h"

struct metrics_shard;

/* After the commit. `shard`: the thread's, or NULL. */
void notice_applied_tell(const struct notice_applied *applied, struct metrics_shard *shard);
