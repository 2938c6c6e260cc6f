/* script: the embedded Lua scripts as commands.
 * Why:    EVALSHA, EVAL and SCRIPT LOAD of one script are built in one place (lua/, R9).
 * Never:  I/O; changes a script's text.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "lua_scripts.h"

/* The script by its enum (lua_scripts.h). */
const struct lua_script *script_get(enum lua_script_id id);

/* Bytes before the tail of an EVALSHA at most. */
enum { SCRIPT_EVALSHA_HEAD_SIZE_MAX = 23 + 13 + 47 };
/* `*<n>`, EVALSHA, SHA-1, written at `at` (room for the constant above); the tail is
 * `bulk_count` bulks: the number of keys, the keys, the arguments. Returns the end. */
char *script_evalsha_head(char *at, const struct lua_script *script, uint32_t bulk_count);

/* Whole commands, appended. `argv`: the keys, then the arguments. The first returns where its tail
 * begins in `out`. */
size_t script_evalsha(struct buf *out, const struct lua_script *script, uint32_t key_count,
                      uint32_t argc, const char *const *argv, const size_t *sizes);
/* EVAL with a tail that was built for EVALSHA. */
void script_eval_tail(struct buf *out, const struct lua_script *script, uint32_t bulk_count,
                      const char *tail, size_t tail_size);
void script_load(struct buf *out, const struct lua_script *script);
