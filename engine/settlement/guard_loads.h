/* guard_loads: all loads that this worker has in work, on one thread.
 * Why:    a load waits (for Q, for settling, for the hold) far longer than it works: many go on
 *         beside each other, and what one has waited for serves the others (PROTOCOL §4).
 * Never:  loads without a claim; forgets one: each ends in the guard row, or is left to a claim
 *         that runs out.
 * Thread: guard_loads_run() on one that may block, the others on any.  Owner: the process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "settlement/guard.h"

enum { GUARD_LOADS_MAX = 4096, GUARD_WHY_SIZE = 200 };

struct guard_loads;
/* `context` is copied; what it points to outlives the loads, and is used by the thread alone. */
struct guard_loads *guard_loads_create(const struct guard_context *context); /* NULL: memory */
void guard_loads_destroy(struct guard_loads *loads); /* NULL is fine; the thread has ended */
/* Until the waiter is stopped: then all are ended as failed. */
void guard_loads_run(struct guard_loads *loads);
/* One turn of each load. False: none is in work. Same thread as run; for it and for tests. */
bool guard_loads_turn(struct guard_loads *loads);
/* Takes over the claim. ERR_BUSY: GUARD_LOADS_MAX are in work; the claim is the caller's. */
MUST_CHECK enum err guard_loads_submit(struct guard_loads *loads,
                                       const struct guard_request *request);
/* Loads that cannot go on by themselves; the first of them tells why. */
uint32_t guard_loads_stuck(struct guard_loads *loads, char ret_why[static GUARD_WHY_SIZE]);
