/* token_ring: tokens signed while they are sent, by a thread of its own, a bounded number ahead.
 * Why:    a million tokens are hundreds of megabytes when they are all kept.
 * Never:  keeps the shooter waiting: when it is empty, that is seen and counted.
 * Thread: create and destroy: the first; the others: the one shooter's.
 * Owner:  the caller of token_ring_create(). */
#pragma once

#include "crowd.h"
#include "plan.h"
#include "schedule.h"

enum { TOKEN_RING_SIZE = 8192 };

struct token_ring;

struct token_ring_options {
    const struct crowd *crowd; /* borrowed, as the plan */
    const struct plan *plan;
    struct schedule schedule; /* whose thread's attempts: its numbers only */
    uint64_t attempts;        /* of this thread; UINT64_MAX: without end */
};
/* Starts to sign. NULL: no memory, no thread, or the signer refused. */
struct token_ring *token_ring_create(const struct token_ring_options *options);
void token_ring_destroy(struct token_ring *ring); /* NULL is fine */

/* The token of the thread's next attempt, until token_ring_pop(); NULL: it is not signed yet. */
const char *token_ring_peek(const struct token_ring *ring, size_t *ret_size);
void token_ring_pop(struct token_ring *ring);
/* It cannot hold more, or all are signed: the run may begin. */
bool token_ring_is_full(const struct token_ring *ring);
