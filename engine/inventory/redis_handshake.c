#include "inventory/redis_handshake.h"

#include "common/assert.h"
#include "inventory/redis_wire.h"
#include "inventory/script.h"

#include <stdio.h>
#include <string.h>

static bool is_set(const char *text)
{
    return text && text[0] != '\0';
}

static void append(struct buf *out, uint32_t argc, const char *const *argv)
{
    size_t sizes[3];

    ASSERT(argc <= 3);
    for (uint32_t i = 0; i < argc; i++) {
        sizes[i] = strlen(argv[i]);
    }
    redis_wire_command(out, argc, argv, sizes);
}

bool redis_handshake_command(enum redis_greeting step, const struct redis_login *login,
                             struct buf *out)
{
    switch (step) {
    case REDIS_GREETING_AUTH:
        if (!is_set(login->password)) {
            return false;
        }
        if (is_set(login->user)) {
            append(out, 3, (const char *const[]){"AUTH", login->user, login->password});
        } else {
            append(out, 2, (const char *const[]){"AUTH", login->password});
        }
        return true;
    case REDIS_GREETING_NAME:
        if (!is_set(login->client_name)) {
            return false;
        }
        append(out, 3, (const char *const[]){"CLIENT", "SETNAME", login->client_name});
        return true;
    case REDIS_GREETING_ROLE: append(out, 1, (const char *const[]){"ROLE"}); return true;
    case REDIS_GREETING_INFO: append(out, 1, (const char *const[]){"INFO"}); return true;
    case REDIS_GREETING_TIME: append(out, 1, (const char *const[]){"TIME"}); return true;
    case REDIS_GREETING_COUNT: break;
    }
    UNREACHABLE();
}

/* The text up to the end of its line: what a server says must not break a log line. */
static bool refuse(char trouble[static REDIS_TROUBLE_SIZE], const char *what, const char *text,
                   size_t size)
{
    size_t line = 0;

    while (line < size && text[line] != '\r' && text[line] != '\n') {
        line++;
    }
    (void)snprintf(trouble, REDIS_TROUBLE_SIZE, "%s%.*s", what, (int)(line < 200 ? line : 200),
                   text);
    return false;
}

static bool equals(const char *text, size_t size, const char *word)
{
    return text && size == strlen(word) && memcmp(text, word, size) == 0;
}

static bool judge_role(const struct redis_reply *reply, char trouble[static REDIS_TROUBLE_SIZE])
{
    const char *role = NULL;
    size_t size = 0;

    if (redis_reply_count(reply) > 0) {
        role = redis_reply_string(redis_reply_item(reply, 0), &size);
    }
    if (!role) {
        return refuse(trouble, "Redis gave no role", "", 0);
    }
    return equals(role, size, "master")
           || refuse(trouble, "Redis is no primary but a ", role, size);
}

static bool judge_info(const struct redis_reply *reply, char trouble[static REDIS_TROUBLE_SIZE])
{
    size_t size, value_size;
    const char *info = redis_reply_string(reply, &size);
    const char *value;

    if (!info) {
        return refuse(trouble, "Redis gave no INFO", "", 0);
    }
    value = redis_info_field(info, size, "loading", &value_size);
    if (value && !equals(value, value_size, "0")) {
        return refuse(trouble, "Redis is loading its data", "", 0);
    }
    /* Also while maxmemory is 0: one CONFIG SET later keys would go. */
    value = redis_info_field(info, size, "maxmemory_policy", &value_size);
    if (!value) {
        return refuse(trouble, "Redis does not tell its maxmemory-policy", "", 0);
    }
    return equals(value, value_size, "noeviction")
           || refuse(trouble, "Redis may evict keys: maxmemory-policy must be noeviction, is ",
                     value, value_size);
}

bool redis_handshake_judge(enum redis_greeting step, const struct redis_reply *reply,
                           char trouble[static REDIS_TROUBLE_SIZE])
{
    int64_t time_us;
    size_t size;
    const char *text;

    if (redis_reply_is_error(reply)) {
        text = redis_reply_text(reply, &size);
        /* A name is for operators only: a user that may not set one works as well. */
        if (step == REDIS_GREETING_NAME && redis_cause_of(text, size) == REDIS_CAUSE_NOPERM) {
            return true;
        }
        return refuse(trouble, "Redis: ", text, size);
    }
    switch (step) {
    case REDIS_GREETING_AUTH:
    case REDIS_GREETING_NAME: return true;
    case REDIS_GREETING_ROLE: return judge_role(reply, trouble);
    case REDIS_GREETING_INFO: return judge_info(reply, trouble);
    case REDIS_GREETING_TIME:
        return redis_handshake_time_us(reply, &time_us) == ERR_OK
               || refuse(trouble, "Redis gave no TIME", "", 0);
    case REDIS_GREETING_COUNT: break;
    }
    UNREACHABLE();
}

enum redis_cause redis_handshake_cause(enum redis_greeting step, const struct redis_reply *reply)
{
    size_t size, value_size;
    const char *text, *value;

    if (redis_reply_is_error(reply)) {
        text = redis_reply_text(reply, &size);
        return redis_cause_of(text, size);
    }
    if (step == REDIS_GREETING_ROLE) {
        return REDIS_CAUSE_READONLY;
    }
    text = step == REDIS_GREETING_INFO ? redis_reply_string(reply, &size) : NULL;
    value = text ? redis_info_field(text, size, "loading", &value_size) : NULL;
    return value && !equals(value, value_size, "0") ? REDIS_CAUSE_LOADING : REDIS_CAUSE_OTHER;
}

bool redis_handshake_judge_script(const struct lua_script *script, const struct redis_reply *reply,
                                  char trouble[static REDIS_TROUBLE_SIZE])
{
    size_t size = 0;
    const char *text = redis_reply_text(reply, &size);

    if (!redis_reply_is_error(reply) && equals(text, size, script->sha1)) {
        return true;
    }
    return refuse(trouble, "Redis did not take a script: ", text ? text : "", size);
}

static bool read_number(const struct redis_reply *reply, int64_t max, int64_t *ret_value)
{
    size_t size;
    const char *text = redis_reply_string(reply, &size);
    int64_t value = 0;

    if (!text || size == 0 || size > 15) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *ret_value = value;
    return value <= max;
}

enum err redis_handshake_time_us(const struct redis_reply *reply, int64_t *ret_us)
{
    int64_t seconds, us;

    if (redis_reply_count(reply) != 2
        || !read_number(redis_reply_item(reply, 0), INT64_C(99999999999), &seconds)
        || !read_number(redis_reply_item(reply, 1), 999999, &us)) {
        return ERR_PARSE;
    }
    *ret_us = seconds * 1000000 + us;
    return ERR_OK;
}

const char *redis_info_field(const char *info, size_t size, const char *field, size_t *ret_size)
{
    size_t field_size = strlen(field);
    const char *at = info, *end = info + size;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_end ? line_end + 1 : end;

        line_end = line_end ? line_end : end;
        if (line_end > at && line_end[-1] == '\r') {
            line_end--;
        }
        if ((size_t)(line_end - at) > field_size && memcmp(at, field, field_size) == 0
            && at[field_size] == ':') {
            *ret_size = (size_t)(line_end - at) - field_size - 1;
            return at + field_size + 1;
        }
        at = next;
    }
    return NULL;
}
