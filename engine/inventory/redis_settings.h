/* redis_settings: what the server must be set to for the promises to hold (PROTOCOL §4).
 * Why:    read back at start; strict mode refuses, else readiness and a metric tell.
 * Never:  changes a setting.
 * Thread: that of the redis_blocking it is given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct redis_blocking;

struct redis_settings {
    char role[16]; /* "master", "slave" */
    char maxmemory_policy[32];
    bool appendonly;
    char appendfsync[16];
    bool no_fsync_on_rewrite;
    uint32_t replicas; /* connected now */
    uint32_t min_replicas_to_write, min_replicas_max_lag_s;
    uint32_t backlog_ttl_s;
};
/* INFO and CONFIG GET. Errors as redis_blocking_command(); ERR_PARSE: the answer lacks a setting.
 */
MUST_CHECK enum err redis_settings_read(struct redis_blocking *redis,
                                        struct redis_settings *ret_settings);
/* Cannot be sold on at all: evicting policy, a replica. A static sentence, or NULL. */
const char *redis_settings_fault(const struct redis_settings *settings);
/* Promises less than the protocol asks: a static sentence, or NULL. Strict mode refuses it. */
const char *redis_settings_weakness(const struct redis_settings *settings);
