/* redis_link_state: what redis_link.c and redis_link_greet.c share of a link.
 * Why:    the greeting is a conversation of its own; the rest of the link is about commands.
 * Never:  included by anything else.
 * Thread: loop.  Owner: redis_link. */
#pragma once

#include "common/buf.h"
#include "inventory/redis_handshake.h"
#include "inventory/redis_inflight.h"
#include "inventory/redis_link.h"
#include "inventory/script.h"
#include "loop/timer.h"

enum { REDIS_LINK_GREETINGS_MAX = REDIS_GREETING_COUNT + LUA_SCRIPT_COUNT };

enum link_state { LINK_WAITING, LINK_CONNECTING, LINK_GREETING, LINK_UP, LINK_LEAVING };

struct redis_link {
    struct redis_link_options options;
    enum link_state state;
    struct redis_channel *channel; /* owned */
    bool is_destroyed;
    bool has_trouble;         /* `trouble` is of this connection */
    bool was_refused;         /* `refusal` is of this connection */
    enum redis_cause refusal; /* why a living server takes nothing; REDIS_CAUSE_COUNT: it does */
    uint32_t failures;        /* connections in a row that did not come up, or not for long */
    uint32_t greetings_asked; /* bits by enum redis_greeting: no answer yet */
    uint32_t scripts_loaded;
    uint64_t generation, last_id;
    int64_t up_us; /* when this connection came up */
    int64_t clock_offset_us;
    struct redis_inflight inflight;
    struct timer retry_timer, connect_timer, reply_timer;
    struct buf scratch; /* owned; the command being built */
    char trouble[REDIS_TROUBLE_SIZE];
};

/* Asks what a new connection is asked; its answers end in redis_link_greeted() or
 * redis_link_drop(). */
void redis_link_greet(struct redis_link *link);

/* Of redis_link.c. */
void redis_link_greeted(struct redis_link *link);
void redis_link_drop(struct redis_link *link, const char *why);
/* The server lives, and refuses. */
void redis_link_refuse(struct redis_link *link, enum redis_cause cause);
/* ERR_NO_MEMORY, ERR_BUSY: no slot; ERR_UNAVAILABLE. */
MUST_CHECK enum err redis_link_send_wire(struct redis_link *link, struct buf *wire,
                                         redis_reply_fn *done, void *arg,
                                         struct redis_command **ret_command);
