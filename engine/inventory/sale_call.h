/* sale_call: one blocking call of a script on a sale's keys: arguments in, status and header out.
 * Why:    loader and reader build calls and judge answers by one rule (schemas/redis.md).
 * Never:  repeats a call whose reply was lost; takes the reply of another request.
 * Thread: that of the redis_blocking it is given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "domain/ids.h"
#include "inventory/keys.h"
#include "inventory/redis_reply.h"
#include "inventory/sale_state.h"
#include "inventory/script.h"

struct redis_blocking;

/* What a script answered: `answer` also tells why it refused, head.epoch what was found with EPOCH;
 * the rest of head only with OK (and HOLD) of a script that gives one. */
struct sale_reply {
    enum sale_answer answer;
    struct sale_head head;
    bool was_closed; /* OK of close_fence: it was closed already */
};

struct sale_call {
    struct redis_blocking *redis; /* borrowed */
    enum lua_script_id script;
    uint64_t request_id;
    uint32_t key_count, count;
    struct buf texts;   /* owned; all keys and arguments, one behind the other */
    struct buf offsets; /* owned; size_t, the end of each */
};
/* The keys of `sale`, then the request's id. sale_call_finish() on every path. */
void sale_call_init(struct sale_call *call, struct redis_blocking *redis, enum lua_script_id script,
                    struct sale_id sale, const enum key *keys, uint32_t key_count);
/* The same for a script whose one key is a text. */
void sale_call_init_key(struct sale_call *call, struct redis_blocking *redis,
                        enum lua_script_id script, const char *key);
void sale_call_finish(struct sale_call *call);
void sale_call_add(struct sale_call *call, const char *text, size_t size);
void sale_call_add_text(struct sale_call *call, const char *text);
void sale_call_add_number(struct sale_call *call, uint64_t value);

/* Sends it and waits. The script's status as an error (sale_answer_err()); those of the link as
 * redis_blocking_script(); ERR_LOST also when the reply was another request's or malformed (the
 * connection is dropped then). `ret_reply` (may be NULL) is set whenever the script answered.
 * `ret_raw` (may be NULL): the reply of a script that answered, the caller's; NULL otherwise. */
MUST_CHECK enum err sale_call_run(struct sale_call *call, struct sale_reply *ret_reply,
                                  struct redis_reply **ret_raw);
