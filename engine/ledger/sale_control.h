/* sale_control: what the operator wants of a sale, and the verbs that change it.
 * Why:    MySQL keeps the wish; Redis' state follows it by set_state (PROTOCOL §6).
 * Never:  I/O.
 * Thread: any. */
#pragma once

#include <stddef.h>

#include "common/err.h"

struct sql_value;

/* What the operator wants. Whether it was ever loaded is definition.epoch > 0. */
#define SALE_CONTROLS(X)                                                                           \
    X(OPEN, "open")                                                                                \
    X(PAUSED, "paused")                                                                            \
    X(FROZEN, "frozen")                                                                            \
    X(ENDED, "ended")
enum sale_control {
#define X(name, text) SALE_CONTROL_##name,
    SALE_CONTROLS(X)
#undef X
        SALE_CONTROL_COUNT
};
const char *sale_control_name(enum sale_control control); /* "open"; static */

/* The verbs of set_state (schemas/redis.md); OPEN is what the loader asks for at its end. */
#define SALE_VERBS(X)                                                                              \
    X(PAUSE, "pause")                                                                              \
    X(RESUME, "resume")                                                                            \
    X(END, "end")                                                                                  \
    X(FREEZE, "freeze")                                                                            \
    X(UNFREEZE, "unfreeze")                                                                        \
    X(OPEN, "open")
enum sale_verb {
#define X(name, text) SALE_VERB_##name,
    SALE_VERBS(X)
#undef X
        SALE_VERB_COUNT
};
const char *sale_verb_name(enum sale_verb verb); /* static */
MUST_CHECK enum err sale_verb_parse(const char *text, size_t size, enum sale_verb *ret_verb);
/* The move that `verb` makes; pure. ERR_OK with *ret_next == now: nothing to do. ERR_CONFLICT: not
 * from here. */
MUST_CHECK enum err sale_control_next(enum sale_control now, enum sale_verb verb,
                                      enum sale_control *ret_next);

/* ERR_PARSE: not a control this build knows. For ledger/ only. */
MUST_CHECK enum err sale_control_read(const struct sql_value *column,
                                      enum sale_control *ret_control);
