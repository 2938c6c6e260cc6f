/* redis_blocking: one connection to Redis for a thread that may wait.
 * Why:    the worker's relay, guard, audit and admin calls run on threads of their own.
 * Never:  repeats a command whose reply was lost; is used on a loop's thread.
 * Thread: that of its owner.  Owner: the caller of redis_blocking_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "inventory/redis_reply.h"

struct buf;
struct lua_script;
struct redis_blocking;

struct redis_blocking_options {
    const char *address; /* numeric; borrowed, outlives the client */
    uint16_t port;
    const char *user, *password, *client_name; /* borrowed, outlive the client; NULL or "" = none */
    uint32_t connect_timeout_ms, reply_timeout_ms; /* at least 1 */
};
/* No I/O. NULL: no memory. */
struct redis_blocking *redis_blocking_create(const struct redis_blocking_options *options);
void redis_blocking_destroy(struct redis_blocking *redis); /* NULL is fine */

/* Connects and logs in if it is not connected. ERR_UNAVAILABLE: see redis_blocking_trouble(). */
MUST_CHECK enum err redis_blocking_connect(struct redis_blocking *redis);
/* Drops the connection; the next call makes a new one. */
void redis_blocking_drop(struct redis_blocking *redis);
/* Grows by one with each connection made; 0: none yet. */
uint64_t redis_blocking_generation(const struct redis_blocking *redis);
/* Text of the last failure (link-owned, until the next call); "" when there was none. */
const char *redis_blocking_trouble(const struct redis_blocking *redis);

/* A reply that is not the request's: the connection is dropped, and told as an error (H10),
 * which fails every end-to-end test. */
void redis_blocking_distrust(struct redis_blocking *redis, const char *why);
/* For the modules that read replies with it: why one cannot be read. Copied. */
void redis_blocking_blame(struct redis_blocking *redis, const char *why);

/* Connect on demand. On ERR_OK `*ret_reply` is the caller's: redis_reply_free(). Else it is unset:
 * ERR_UNAVAILABLE: not connected, nothing was sent. ERR_LOST: sent, no reply in time; unknown; the
 * connection is dropped. ERR_REFUSED: an error reply that proves "not executed". ERR_IO: another
 * error reply. Their text: redis_blocking_trouble(). */
MUST_CHECK enum err redis_blocking_command(struct redis_blocking *redis, uint32_t argc,
                                           const char *const *argv, const size_t *sizes,
                                           struct redis_reply **ret_reply);
/* `count` commands, in wire form one behind the other, sent at once; `each` gets their replies in
 * order, error replies too, and may not use `redis`. It ends early, dropping the connection, with
 * what `each` returns but ERR_OK. ERR_UNAVAILABLE, ERR_LOST, ERR_NO_MEMORY as above. */
typedef enum err redis_blocking_each_fn(void *arg, uint32_t index, const struct redis_reply *reply);
MUST_CHECK enum err redis_blocking_many(struct redis_blocking *redis, const struct buf *commands,
                                        uint32_t count, redis_blocking_each_fn *each, void *arg);
/* EVALSHA; on NOSCRIPT (= not executed, R9) sent once more as EVAL. `argv` holds the keys, then the
 * arguments. Same contract. */
MUST_CHECK enum err redis_blocking_script(struct redis_blocking *redis,
                                          const struct lua_script *script, uint32_t key_count,
                                          uint32_t argc, const char *const *argv,
                                          const size_t *sizes, struct redis_reply **ret_reply);
/* A request id that this client never gave before (H10: scripts echo it). */
uint64_t redis_blocking_next_id(struct redis_blocking *redis);
