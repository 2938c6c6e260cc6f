/* redis_inflight: the commands of a link that wait for their reply, oldest first.
 * Why:    a reply finds its command by handle, a deadline looks at the oldest.
 * Never:  runs a callback twice, or before its command gave its slot back.
 * Thread: loop.  Owner: redis_link; memory inside it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "inventory/redis_link.h"

struct slab;

struct redis_command {
    struct redis_command *next, *prev;
    redis_reply_fn *done;
    void *arg;
    struct redis_link_call call; /* script NULL: a plain command. wire: borrowed, or `own` */
    struct buf own;              /* owned; of redis_link_script() */
    bool is_repeated;            /* sent as EVAL */
    int64_t sent_us;
};
struct redis_inflight {
    struct slab *commands; /* owned */
    struct redis_command *oldest, *newest;
};

bool redis_inflight_init(struct redis_inflight *inflight, uint32_t max); /* false: no memory */
void redis_inflight_finish(struct redis_inflight *inflight); /* asserts that nothing waits */
uint32_t redis_inflight_count(const struct redis_inflight *inflight);

/* NULL: all slots are taken. It waits from redis_inflight_sent() on. */
struct redis_command *redis_inflight_take(struct redis_inflight *inflight, redis_reply_fn *done,
                                          void *arg);
/* Gives a slot back that was never sent. */
void redis_inflight_give(struct redis_inflight *inflight, struct redis_command *command);
uint64_t redis_inflight_handle(const struct redis_inflight *inflight,
                               const struct redis_command *command);
struct redis_command *redis_inflight_resolve(const struct redis_inflight *inflight,
                                             uint64_t handle);
/* It was sent, or sent again, just now: it is the newest. */
void redis_inflight_sent(struct redis_inflight *inflight, struct redis_command *command,
                         int64_t now_us);
/* Its end: out of the list, slot given back, then its callback runs. */
void redis_inflight_end(struct redis_inflight *inflight, struct redis_command *command,
                        enum err status, const struct redis_reply *reply);
