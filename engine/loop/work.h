/* work: a small pool of threads for calls that block.
 * Why:    the admin loop must not wait for MySQL (PROTOCOL §1).
 * Never:  grows: a full queue is ERR_BUSY.
 * Thread: loop of its owner; `run` on a pool thread, `done` back on the loop. */
#pragma once

#include <stdint.h>

#include "loop/loop.h"

struct work_pool;
typedef void work_run_fn(void *arg, void *thread_state); /* on a pool thread; may block */
typedef void work_done_fn(void *arg);                    /* on the loop */
struct work_pool_options {
    struct loop *loop; /* borrowed, outlives the pool */
    uint32_t thread_count;
    uint32_t queue_max;
    void *(*thread_begin)(void *arg);       /* makes thread_state on its thread; may be NULL */
    void (*thread_end)(void *thread_state); /* may be NULL */
    void *arg;                              /* for thread_begin */
};
struct work_pool *work_pool_create(
    const struct work_pool_options *options); /* NULL: no memory or thread */
/* Waits for running jobs; queued ones are run too. Their `done` run inside. */
void work_pool_destroy(struct work_pool *pool);
/* On ERR_OK `done` runs exactly once on the loop, after `run`. ERR_BUSY: neither runs. */
MUST_CHECK enum err work_submit(struct work_pool *pool, work_run_fn *run, work_done_fn *done,
                                void *arg);
