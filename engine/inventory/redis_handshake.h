/* redis_handshake: what is asked of a new connection, and which answers are good enough to sell on.
 * Why:    both links greet by one list: log in, role, eviction, clock, scripts (PROTOCOL §4).
 * Never:  I/O; lets a replica, a server that is loading or one that may evict pass.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "inventory/redis_reply.h"

struct lua_script;

enum redis_greeting {
    REDIS_GREETING_AUTH,
    REDIS_GREETING_NAME,
    REDIS_GREETING_ROLE,
    REDIS_GREETING_INFO,
    REDIS_GREETING_TIME,
    REDIS_GREETING_COUNT,
};
enum { REDIS_TROUBLE_SIZE = 256 };

struct redis_login {
    const char *user, *password, *client_name; /* borrowed; NULL or "" = none */
};
/* Appends the command of `step`. False: this login does not need it, nothing was appended. */
bool redis_handshake_command(enum redis_greeting step, const struct redis_login *login,
                             struct buf *out);
/* False: `trouble` says why this server cannot be used, in one line. */
bool redis_handshake_judge(enum redis_greeting step, const struct redis_reply *reply,
                           char trouble[static REDIS_TROUBLE_SIZE]);
/* Of an answer that is not good enough (COUNT: to SCRIPT LOAD): what the server refuses with. */
enum redis_cause redis_handshake_cause(enum redis_greeting step, const struct redis_reply *reply);
/* The reply to SCRIPT LOAD. */
bool redis_handshake_judge_script(const struct lua_script *script, const struct redis_reply *reply,
                                  char trouble[static REDIS_TROUBLE_SIZE]);
/* The reply to TIME. ERR_PARSE. */
MUST_CHECK enum err redis_handshake_time_us(const struct redis_reply *reply, int64_t *ret_us);
/* The value of `field` in the text of INFO; NULL: not there. Ends at \r or \n. */
const char *redis_info_field(const char *info, size_t size, const char *field, size_t *ret_size);
