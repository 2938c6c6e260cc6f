#include "inventory/script.h"

#include "common/assert.h"
#include "inventory/redis_wire.h"

#include <string.h>

enum { SHA1_SIZE = 40 };

const struct lua_script *script_get(enum lua_script_id id)
{
    ASSERT(id < LUA_SCRIPT_COUNT);
    return &lua_scripts[id];
}

char *script_evalsha_head(char *at, const struct lua_script *script, uint32_t bulk_count)
{
    at = redis_wire_array(at, (uint64_t)bulk_count + 2);
    at = redis_wire_bulk(at, "EVALSHA", 7);
    return redis_wire_bulk(at, script->sha1, SHA1_SIZE);
}

size_t script_evalsha(struct buf *out, const struct lua_script *script, uint32_t key_count,
                      uint32_t argc, const char *const *argv, const size_t *sizes)
{
    char *at = buf_reserve(out, SCRIPT_EVALSHA_HEAD_SIZE_MAX + redis_wire_bulk_size(20));
    char *end;
    size_t tail;

    ASSERT(key_count <= argc);
    if (!at) {
        return 0;
    }
    end = script_evalsha_head(at, script, argc + 1);
    tail = out->size + (size_t)(end - at);
    buf_commit(out, (size_t)(redis_wire_bulk_number(end, key_count) - at));
    redis_wire_bulks(out, argc, argv, sizes);
    return tail;
}

void script_eval_tail(struct buf *out, const struct lua_script *script, uint32_t bulk_count,
                      const char *tail, size_t tail_size)
{
    char *at = buf_reserve(out, SCRIPT_EVALSHA_HEAD_SIZE_MAX + script->text_size + tail_size);
    char *end;

    if (!at) {
        return;
    }
    end = redis_wire_array(at, (uint64_t)bulk_count + 2);
    end = redis_wire_bulk(end, "EVAL", 4);
    end = redis_wire_bulk(end, script->text, script->text_size);
    memcpy(end, tail, tail_size);
    buf_commit(out, (size_t)(end - at) + tail_size);
}

void script_load(struct buf *out, const struct lua_script *script)
{
    const char *const argv[] = {"SCRIPT", "LOAD", script->text};
    const size_t sizes[] = {6, 4, script->text_size};

    redis_wire_command(out, 3, argv, sizes);
}
