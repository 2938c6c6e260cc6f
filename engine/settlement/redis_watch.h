/* redis_watch: whether the worker reaches Redis.
 * Why:    readiness names what is away (PROTOCOL §7); the relay asks Redis only when it has
 *         something to send, and loads only while they run.
 * Never:  decides anything by it: each call finds out by itself.
 * Thread: redis_watch_run() on one that may block, redis_watch_look() on any.  Owner: the process.
 */
#pragma once

#include <stdbool.h>

struct metrics_shard;
struct redis_blocking;
struct redis_watch;
struct waiter;

enum { REDIS_WATCH_TEXT_SIZE = 160 };

struct redis_watch_options {
    struct redis_blocking
        *redis;                  /* borrowed, outlives the watch; used by redis_watch_run() alone */
    struct waiter *waiter;       /* borrowed, outlives the watch */
    struct metrics_shard *shard; /* borrowed or NULL; of the watching thread */
};
struct redis_watch *redis_watch_create(
    const struct redis_watch_options *options);      /* NULL: memory */
void redis_watch_destroy(struct redis_watch *watch); /* NULL is fine */
/* PING once a second until the waiter is stopped. Logs each change. */
void redis_watch_run(struct redis_watch *watch);
/* True: the last PING was not answered; `ret_why` says why. False before the first one. */
bool redis_watch_is_away(struct redis_watch *watch, char ret_why[static REDIS_WATCH_TEXT_SIZE]);
