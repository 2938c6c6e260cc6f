/* sale_waiters: those who wait for a sale's next reply.
 * Why:    "what is left" may be at most 1 s old: who asks for a sale that nobody asked for waits
 *         for one poll.
 * Never:  polls (sale_board does); waits without a deadline; grows.
 * Thread: loop.  Owner: the sale_board. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct loop;
struct sale_waiters;

struct sale_waiters *sale_waiters_create(struct loop *loop,
                                         uint32_t waiters_max); /* NULL: no memory */
/* Nobody is told any more. NULL is fine. */
void sale_waiters_destroy(struct sale_waiters *waiters);

/* `in_time`: a reply came; false: the deadline did. */
typedef void sale_waiters_fn(void *arg, bool in_time);
/* On ERR_OK `done` runs exactly once, in a later turn. ERR_BUSY: all slots are taken. */
MUST_CHECK enum err sale_waiters_add(struct sale_waiters *waiters, struct sale_id sale,
                                     int64_t deadline_us, sale_waiters_fn *done, void *arg);
/* A reply of this sale came. */
void sale_waiters_wake(struct sale_waiters *waiters, struct sale_id sale);
