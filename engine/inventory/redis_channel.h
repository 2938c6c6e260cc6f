/* redis_channel: one hiredis context on a loop.
 * Why:    hiredis' rules of who frees what, and its event hooks, are dealt with in one place;
 *         writes do not wait for writability: one at the turn's end takes all of the turn.
 * Never:  reconnects; knows a command; lets a context be touched after hiredis began to free it.
 * Thread: loop.  Owner: redis_link. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inventory/redis_reply.h"

struct loop;
struct redis_channel;

struct redis_channel_options {
    struct loop *loop; /* borrowed, outlives the channel */
    void (*on_connected)(void *arg);
    /* Exactly once for each handle sent; reply NULL: lost. It dies when the callback returns. */
    void (*on_reply)(void *arg, uint64_t handle, const struct redis_reply *reply);
    /* Once for each redis_channel_open() that was ERR_OK, after the last on_reply. May be opened
     * again from here on. `why` dies with the call. */
    void (*on_gone)(void *arg, const char *why);
    void *arg;
};
struct redis_channel *redis_channel_create(const struct redis_channel_options *options);
/* Closes (on_gone runs). Not inside a callback of the channel. NULL is fine. */
void redis_channel_destroy(struct redis_channel *channel);

/* Begins to connect; asserts that it is not open. ERR_UNAVAILABLE, ERR_NO_MEMORY: on_gone will not
 * run; `*ret_why` is set until the next call. */
MUST_CHECK enum err redis_channel_open(struct redis_channel *channel, const char *address,
                                       uint16_t port, const char **ret_why);
/* Ends it at once, or, inside one of its callbacks, at the end of the turn; until then every reply
 * is lost. `why` (borrowed static text) unless hiredis knows better. Fine when not open. */
void redis_channel_close(struct redis_channel *channel, const char *why);
bool redis_channel_is_open(const struct redis_channel *channel); /* connecting, too */

/* Queues a whole command; copied. A NUL stands behind `size`: hiredis 0.14 searches the text as a
 * string. False: it is being closed, on_reply will not run. */
bool redis_channel_send(struct redis_channel *channel, const char *data, size_t size,
                        uint64_t handle);
/* Not less than what is unsent. */
size_t redis_channel_queued_bytes(const struct redis_channel *channel);
/* Writes now. When the connection breaks in it, on_reply and on_gone run inside. */
void redis_channel_flush(struct redis_channel *channel);
