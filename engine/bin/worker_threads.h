/* worker_threads: the worker's threads that run until the waiter is stopped, a row of a table each.
 * Why:    each has a MySQL session, a shard and what else it needs of its own; how they are made,
 *         run, asked and joined is written once.
 * Never:  decides anything; starts the guard's threads (bin/worker_guard).
 * Thread: create, start and destroy on the main one, worker_threads_causes() on any.
 * Owner:  main(). */
#pragma once

#include "common/err.h"

struct api_ops_causes;
struct conf;
struct metrics;
struct mysql_link_options;
struct redis_blocking_options;
struct waiter;
struct worker_threads;

struct worker_threads_options {
    const struct conf *conf; /* borrowed, as all below; outlive the threads */
    const struct mysql_link_options *mysql;
    const struct redis_blocking_options *redis;
    struct waiter *waiter; /* ends the threads */
    const char *owner;     /* who this worker is */
    struct metrics *metrics;
};
/* Makes what all threads need; none runs yet. NULL: no memory. */
struct worker_threads *worker_threads_create(const struct worker_threads_options *options);
/* ERR_NO_MEMORY: a thread could not be started; those before it run. */
MUST_CHECK enum err worker_threads_start(struct worker_threads *threads);
/* Joins what was started: stop the waiter first. NULL is fine. */
void worker_threads_destroy(struct worker_threads *threads);
/* Adds what keeps the worker from being ready, as the threads told last. */
void worker_threads_causes(struct worker_threads *threads, struct api_ops_causes *causes);
