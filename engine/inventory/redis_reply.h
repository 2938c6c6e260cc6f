/* redis_reply: one reply of Redis, read without hiredis' names, and what an error reply proves.
 * Why:    both links (redis_link, redis_blocking) judge replies and errors by one table.
 * Never:  owns a reply, except through redis_reply_free() on the blocking link; guesses a kind.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"

struct redis_reply; /* opaque view over hiredis' reply */

size_t redis_reply_count(const struct redis_reply *reply); /* items of an array, else 0 */
bool redis_reply_is_array(const struct redis_reply *reply);
/* Asserts index < redis_reply_count(). Borrowed from `reply`. */
const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t index);
/* Text of a string, status or error, borrowed from `reply`, NUL-terminated; NULL for other kinds.
 */
const char *redis_reply_text(const struct redis_reply *reply, size_t *ret_size);
/* As above, but NULL for a status or an error too: what scripts and data reads give. */
const char *redis_reply_string(const struct redis_reply *reply, size_t *ret_size);
/* A RESP integer. False: another kind. */
bool redis_reply_integer(const struct redis_reply *reply, int64_t *ret_value);
bool redis_reply_is_error(const struct redis_reply *reply);
bool redis_reply_is_nil(const struct redis_reply *reply);
/* Frees a reply of redis_blocking_*(); NULL is fine. Never for a reply inside a callback of
 * redis_link. */
void redis_reply_free(struct redis_reply *reply);

/* Causes of error replies: name, first word, label of redis_errors_total, of shed_total (REDIS_
 * and this), and whether it proves that Redis refused before it began (PROTOCOL §3.5: then nothing
 * happened). */
#define REDIS_CAUSES(X)                                                                            \
    X(NOSCRIPT, "NOSCRIPT", NOSCRIPT, REFUSED, true)                                               \
    X(LOADING, "LOADING", LOADING, LOADING, true)                                                  \
    X(READONLY, "READONLY", READONLY, READONLY, true)                                              \
    X(MASTERDOWN, "MASTERDOWN", MASTERDOWN, READONLY, true)                                        \
    X(MISCONF, "MISCONF", MISCONF, MISCONF, true)                                                  \
    X(BUSY, "BUSY", BUSY, BUSY, true)                                                              \
    X(OOM, "OOM", OOM, OOM, true)                                                                  \
    X(NOREPLICAS, "NOREPLICAS", NOREPLICAS, NOREPLICAS, true)                                      \
    X(MOVED, "MOVED", CLUSTER, REFUSED, true)                                                      \
    X(ASK, "ASK", CLUSTER, REFUSED, true)                                                          \
    X(CLUSTERDOWN, "CLUSTERDOWN", CLUSTER, REFUSED, true)                                          \
    X(TRYAGAIN, "TRYAGAIN", CLUSTER, REFUSED, true)                                                \
    X(NOAUTH, "NOAUTH", AUTH, REFUSED, true)                                                       \
    X(NOPERM, "NOPERM", AUTH, REFUSED, true)                                                       \
    X(SCRIPT, "", SCRIPT, REFUSED,                                                                 \
      false) /* names a script's line: it ran, perhaps in part: alarm */                           \
    X(OTHER, "", OTHER, REFUSED, false)
enum redis_cause {
#define X(name, word, label, shed, proves) REDIS_CAUSE_##name,
    REDIS_CAUSES(X)
#undef X
        REDIS_CAUSE_COUNT
};
/* By the error's first word, unless its text names a script: then it is SCRIPT whatever that is. */
enum redis_cause redis_cause_of(const char *text, size_t size);
bool redis_cause_proves_not_done(enum redis_cause cause);
/* The server will refuse whatever else is sent on this connection, too. */
bool redis_cause_ends_link(enum redis_cause cause);
uint32_t redis_cause_label(enum redis_cause cause);       /* of redis_errors_total */
enum label_SHED redis_cause_shed(enum redis_cause cause); /* of shed_total */
