/* guard_watch: sees that a sale is not sold on the history it was loaded on, and has it loaded.
 * Why:    after a restart, a failover, a FLUSHALL or a dead loader a sale stands until it is loaded
 *         again; that needs no operator (PROTOCOL §4).
 * Never:  loads by itself: guard_loads does; touches a sale that another worker loads; tries again
 *         and again what cannot go on: that is an alarm.
 * Thread: guard_watch_run() on one that may block, guard_watch_blocked() on any.  Owner: the
 *         process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "settlement/guard.h"
#include "settlement/guard_loads.h"

struct guard_watch;
/* `context` is copied; what it points to outlives the watch and is used by its thread alone. */
struct guard_watch *guard_watch_create(const struct guard_context *context,
                                       struct guard_loads *loads); /* borrowed; NULL: memory */
void guard_watch_destroy(struct guard_watch *watch);               /* NULL is fine */
/* Twice a second until the waiter is stopped. */
void guard_watch_run(struct guard_watch *watch);
/* One look at all sales; one whose rows cannot be read is blocked, the others are looked at. Errors
 * of MySQL, and of Redis as sale_marks.h: told by others, the next look comes; after 10 s of them
 * they count as blocked. */
MUST_CHECK enum err guard_watch_look(struct guard_watch *watch);
/* Sales that cannot be loaded again until somebody acts; the first of them tells why. */
uint32_t guard_watch_blocked(struct guard_watch *watch, char ret_why[static GUARD_WHY_SIZE]);
