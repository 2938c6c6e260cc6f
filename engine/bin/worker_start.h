/* worker_start: what seckill-worker asks its services before it begins.
 * Why:    a missing schema, a missing topic and weak settings are told at start, not by silence.
 * Never:  keeps a connection; goes on with a service that promises too little under `strict`.
 * Thread: one that may block; nothing else of the worker runs yet. */
#pragma once

struct conf;
struct metrics_shard;
struct mysql_link_options;
struct redis_blocking_options;
struct waiter;

struct worker_start { /* all borrowed for the call */
    const struct conf *conf;
    const struct mysql_link_options *mysql;
    const struct redis_blocking_options *redis;
    struct waiter *waiter;
    struct metrics_shard *shard;
};

/* How both are reached; texts are borrowed from `conf`. */
void worker_start_options(const struct conf *conf, struct mysql_link_options *ret_mysql,
                          struct redis_blocking_options *ret_redis);
/* Waits for MySQL up to 30 s and migrates it; looks at Redis' settings and for the topic. Redis and
 * Kafka may be away. 0: go on; 1: told on stderr, the process is to end. */
int worker_start_check(const struct worker_start *start);
/* Tells why on stderr. 1, the exit status. */
int worker_refuse(const char *what, const char *why);
