#include "inventory/sale_call.h"

#include "common/assert.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_wire.h"
#include "inventory/text_cursor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 8192, TEXTS_SIZE_MAX = 60 * 1024 * 1024, WHY_SIZE = 100 };

static void init(struct sale_call *call, struct redis_blocking *redis, enum lua_script_id script)
{
    *call = (struct sale_call){
        .redis = redis, .script = script, .request_id = redis_blocking_next_id(redis)};
    buf_init(&call->texts, TEXTS_SIZE_MAX);
    buf_init(&call->offsets, ARGS_MAX * sizeof(size_t));
}

void sale_call_init(struct sale_call *call, struct redis_blocking *redis, enum lua_script_id script,
                    struct sale_id sale, const enum key *keys, uint32_t key_count)
{
    init(call, redis, script);
    for (uint32_t i = 0; i < key_count; i++) {
        struct key_text key;

        key_format(sale, keys[i], &key);
        sale_call_add(call, key.text, key.size);
    }
    call->key_count = key_count;
    sale_call_add_number(call, call->request_id);
}

void sale_call_init_key(struct sale_call *call, struct redis_blocking *redis,
                        enum lua_script_id script, const char *key)
{
    init(call, redis, script);
    sale_call_add_text(call, key);
    call->key_count = 1;
    sale_call_add_number(call, call->request_id);
}

void sale_call_finish(struct sale_call *call)
{
    buf_finish(&call->texts);
    buf_finish(&call->offsets);
}

void sale_call_add(struct sale_call *call, const char *text, size_t size)
{
    buf_append(&call->texts, text, size);
    buf_append(&call->offsets, &call->texts.size, sizeof call->texts.size);
    call->count++;
}

void sale_call_add_text(struct sale_call *call, const char *text)
{
    sale_call_add(call, text, strlen(text));
}

void sale_call_add_number(struct sale_call *call, uint64_t value)
{
    char text[REDIS_WIRE_NUMBER_SIZE_MAX];

    sale_call_add(call, text, (size_t)(redis_wire_number(text, value) - text));
}

static enum err send(struct sale_call *call, struct redis_reply **ret_raw)
{
    const char **argv = reallocarray(NULL, call->count, sizeof *argv);
    size_t *sizes = reallocarray(NULL, call->count, sizeof *sizes);
    enum err err = ERR_NO_MEMORY;
    size_t begin = 0;

    if (argv && sizes && !call->texts.failed && !call->offsets.failed) {
        for (uint32_t i = 0; i < call->count; i++) {
            size_t end;

            memcpy(&end, call->offsets.data + i * sizeof end, sizeof end);
            argv[i] = call->texts.data + begin;
            sizes[i] = end - begin;
            begin = end;
        }
        err = redis_blocking_script(call->redis, script_get(call->script), call->key_count,
                                    call->count, argv, sizes, ret_raw);
    }
    free(argv);
    free(sizes);
    return err;
}

static bool is_request(const struct redis_reply *item, uint64_t request_id)
{
    char id[REDIS_WIRE_NUMBER_SIZE_MAX];
    size_t id_size = (size_t)(redis_wire_number(id, request_id) - id), size;
    const char *text = redis_reply_string(item, &size);

    return text && size == id_size && memcmp(text, id, size) == 0;
}

/* These answer "ok" with a header as element 3; the others with something else, or nothing. */
static bool has_head(enum lua_script_id script)
{
    return script == LUA_SCRIPT_PURCHASE || script == LUA_SCRIPT_ADJUST
           || script == LUA_SCRIPT_SET_STATE || script == LUA_SCRIPT_LOAD_END;
}

static bool read_epoch(const char *text, size_t size, struct sale_head *head)
{
    struct text_cursor cursor = text_cursor(text, size);
    uint64_t epoch;

    if (!text_take_number(&cursor, INT64_MAX, &epoch) || !text_is_end(&cursor)) {
        return false;
    }
    head->epoch = epoch <= EPOCH_MAX ? (uint32_t)epoch : 0;
    return true;
}

/* Element 3, by status: meta's epoch, or the header where the script gives one. */
static bool read_third(const struct sale_call *call, const struct redis_reply *raw,
                       struct sale_reply *reply)
{
    const char *text = NULL;
    size_t size = 0;

    if (redis_reply_count(raw) >= 3) {
        text = redis_reply_string(redis_reply_item(raw, 2), &size);
    }
    if (reply->answer == SALE_ANSWER_EPOCH) {
        return text && read_epoch(text, size, &reply->head);
    }
    if (!has_head(call->script) || (!text && reply->answer != SALE_ANSWER_OK)) {
        return true;
    }
    return text && sale_head_parse(text, size, &reply->head) == ERR_OK;
}

static enum err distrust(struct sale_call *call)
{
    char why[WHY_SIZE];

    (void)snprintf(why, sizeof why, "%s: the reply is malformed or another request's",
                   script_get(call->script)->name);
    redis_blocking_distrust(call->redis, why);
    return ERR_LOST;
}

static enum err judge(struct sale_call *call, const struct redis_reply *raw,
                      struct sale_reply *ret_reply)
{
    struct sale_reply reply = {.answer = SALE_ANSWER_OK};
    const char *text;
    char why[WHY_SIZE];
    size_t size;

    if (redis_reply_count(raw) < 2 || !is_request(redis_reply_item(raw, 0), call->request_id)) {
        return distrust(call);
    }
    text = redis_reply_string(redis_reply_item(raw, 1), &size);
    if (!text || sale_answer_parse(text, size, &reply.answer) != ERR_OK
        || !read_third(call, raw, &reply)) {
        return distrust(call);
    }
    if (sale_answer_err(reply.answer) != ERR_OK) {
        (void)snprintf(why, sizeof why, "%s: %s", script_get(call->script)->name,
                       sale_answer_name(reply.answer));
        redis_blocking_blame(call->redis, why);
    }
    if (ret_reply) {
        *ret_reply = reply;
    }
    return sale_answer_err(reply.answer);
}

enum err sale_call_run(struct sale_call *call, struct sale_reply *ret_reply,
                       struct redis_reply **ret_raw)
{
    struct redis_reply *raw = NULL;
    enum err err = send(call, &raw);
    bool is_answer = false;

    if (ret_raw) {
        *ret_raw = NULL;
    }
    if (err == ERR_OK) {
        err = judge(call, raw, ret_reply);
        is_answer = err != ERR_LOST;
    }
    if (is_answer && ret_raw) {
        *ret_raw = raw;
    } else {
        redis_reply_free(raw);
    }
    return err;
}
