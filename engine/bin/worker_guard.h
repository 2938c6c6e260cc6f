/* worker_guard: the guard's threads with what they need of their own.
 * Why:    one asks whether Redis answers, one finds the sales that it lost, one loads them
 *         (PROTOCOL §4).
 * Never:  decides anything.
 * Thread: start and destroy on the main one, the others on any.  Owner: main(). */
#pragma once

#include <stdint.h>

#include "settlement/guard_loads.h"
#include "settlement/redis_watch.h"

struct metrics;
struct mysql_link_options;
struct redis_blocking_options;
struct worker_guard;

struct worker_guard_options {
    const struct conf *conf; /* borrowed, as all below; outlive the guard */
    const struct mysql_link_options *mysql;
    const struct redis_blocking_options *redis;
    struct waiter *waiter;
    const char *owner;
    struct metrics *metrics;
};
/* No thread runs yet. NULL: no memory. */
struct worker_guard *worker_guard_create(const struct worker_guard_options *options);
/* ERR_NO_MEMORY: a thread could not be started. */
MUST_CHECK enum err worker_guard_start(struct worker_guard *guard);
/* Joins what was started: stop the waiter first. NULL is fine. */
void worker_guard_destroy(struct worker_guard *guard);
struct guard_loads *worker_guard_loads(struct worker_guard *guard);
/* As redis_watch_is_away(). */
bool worker_guard_is_redis_away(struct worker_guard *guard,
                                char ret_why[static REDIS_WATCH_TEXT_SIZE]);
/* Sales that need an operator; the first of them tells why. */
uint32_t worker_guard_blocked(struct worker_guard *guard, char ret_why[static GUARD_WHY_SIZE]);
