/* loop: one event base, one thread, and the only door between threads.
 * Why:    everything of a reactor belongs to one thread; nothing above needs a lock.
 * Never:  blocks; runs a callback inside the call that registered it.
 * Thread: loop, except loop_post() and loop_stop(): any.  Owner: whoever runs it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct event_base;
struct metrics_shard;
struct loop;
typedef void loop_fn(void *arg);

struct loop_options {
    const char *name;            /* borrowed static text, for logs */
    uint32_t timers_max;         /* no limit by itself: a hint for sizes */
    struct metrics_shard *shard; /* borrowed or NULL: loop_stall_seconds */
};
struct loop *loop_create(const struct loop_options *options); /* NULL: no memory */
void loop_destroy(struct loop *loop); /* NULL is fine; posted but unrun calls are run first */

/* Runs until loop_stop(). The calling thread becomes the owner. */
void loop_run(struct loop *loop);
/* Any thread; loop_run() returns after the turn. */
void loop_stop(struct loop *loop);
/* Asserts that the caller is the owner thread (before the first loop_run(): any). */
void loop_assert_owner(const struct loop *loop);

/* Runs `fn` later in this turn or in the next one, in order. Thread: loop. Never fails (memory:
 * aborts). Deferred calls run after the events of the turn, before the loop sleeps; those they
 * defer run in the next turn. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);
/* Any thread: runs `fn` on the loop's thread. ERR_CLOSED once the loop was destroyed or stopped for
 * good; ERR_NO_MEMORY. */
MUST_CHECK enum err loop_post(struct loop *loop, loop_fn *fn, void *arg);

/* Monotonic microseconds, cached at the turn's start: for timers and ages. */
int64_t loop_now_us(const struct loop *loop);
/* Monotonic microseconds read now: for deadlines and leases (PROTOCOL §3.5, §3.8). Fakes replace
 * it. */
int64_t loop_clock_us(const struct loop *loop);
/* Wall clock, ms since the Unix epoch: tokens and display only. */
int64_t loop_wall_ms(const struct loop *loop);
/* 64 random bits, not for secrets (jitter, lease tokens). */
uint64_t loop_random(struct loop *loop);

/* Watches a descriptor of ours (level-triggered, persistent). */
struct loop_watch;
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_watch_fn(void *arg, int what); /* what: LOOP_READ and/or LOOP_WRITE */
struct loop_watch *loop_watch_create(struct loop *loop, int fd, int what, loop_watch_fn *fn,
                                     void *arg);   /* NULL: no memory; fd borrowed */
void loop_watch_destroy(struct loop_watch *watch); /* NULL is fine; also inside its own callback */
/* Unix signal on this loop. */
struct loop_watch *loop_signal_create(struct loop *loop, int signal_number, loop_fn *fn, void *arg);

/* For http/ and inventory/redis_link.c only (library fence). */
struct event_base *loop_event_base(struct loop *loop);
