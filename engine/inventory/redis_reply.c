#include "inventory/redis_reply.h"

#include "common/assert.h"
#include "common/metrics.h"

#include <hiredis/hiredis.h>
#include <string.h>

static const redisReply *raw(const struct redis_reply *reply)
{
    ASSERT(reply != NULL);
    return (const redisReply *)(const void *)reply;
}

size_t redis_reply_count(const struct redis_reply *reply)
{
    return redis_reply_is_array(reply) ? raw(reply)->elements : 0;
}

bool redis_reply_is_array(const struct redis_reply *reply)
{
    return raw(reply)->type == REDIS_REPLY_ARRAY;
}

const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t index)
{
    ASSERT(index < redis_reply_count(reply));
    return (const struct redis_reply *)(const void *)raw(reply)->element[index];
}

const char *redis_reply_text(const struct redis_reply *reply, size_t *ret_size)
{
    int type = raw(reply)->type;

    if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_STATUS && type != REDIS_REPLY_ERROR) {
        return NULL;
    }
    *ret_size = (size_t)raw(reply)->len;
    return raw(reply)->str;
}

const char *redis_reply_string(const struct redis_reply *reply, size_t *ret_size)
{
    return raw(reply)->type == REDIS_REPLY_STRING ? redis_reply_text(reply, ret_size) : NULL;
}

bool redis_reply_integer(const struct redis_reply *reply, int64_t *ret_value)
{
    if (raw(reply)->type != REDIS_REPLY_INTEGER) {
        return false;
    }
    *ret_value = raw(reply)->integer;
    return true;
}

bool redis_reply_is_error(const struct redis_reply *reply)
{
    return raw(reply)->type == REDIS_REPLY_ERROR;
}

bool redis_reply_is_nil(const struct redis_reply *reply)
{
    return raw(reply)->type == REDIS_REPLY_NIL;
}

void redis_reply_free(struct redis_reply *reply)
{
    if (reply) {
        freeReplyObject(reply);
    }
}

struct cause_row {
    const char *word;
    uint32_t label;
    enum label_SHED shed;
    bool proves;
};

static const struct cause_row CAUSES[REDIS_CAUSE_COUNT] = {
#define X(name, text, metric_label, shed_label, is_proof)                                          \
    [REDIS_CAUSE_##name] = {.word = text,                                                          \
                            .label = LABEL_REDIS_##metric_label,                                   \
                            .shed = LABEL_SHED_REDIS_##shed_label,                                 \
                            .proves = is_proof},
    REDIS_CAUSES(X)
#undef X
};

enum redis_cause redis_cause_of(const char *text, size_t size)
{
    const char *space = memchr(text, ' ', size);
    size_t word = space ? (size_t)(space - text) : size;

    /* Redis names the place, "@user_script:<line>", in what a running script raised. A command that
     * the script called may have begun the text with any word of the table. */
    if (memmem(text, size, "@user_script:", 13)) {
        return REDIS_CAUSE_SCRIPT;
    }
    for (enum redis_cause cause = 0; cause < REDIS_CAUSE_SCRIPT; cause++) {
        if (strlen(CAUSES[cause].word) == word && memcmp(CAUSES[cause].word, text, word) == 0) {
            return cause;
        }
    }
    return REDIS_CAUSE_OTHER;
}

bool redis_cause_proves_not_done(enum redis_cause cause)
{
    ASSERT(cause < REDIS_CAUSE_COUNT);
    return CAUSES[cause].proves;
}

bool redis_cause_ends_link(enum redis_cause cause)
{
    return cause == REDIS_CAUSE_READONLY || cause == REDIS_CAUSE_LOADING
           || cause == REDIS_CAUSE_MASTERDOWN || cause == REDIS_CAUSE_NOAUTH;
}

uint32_t redis_cause_label(enum redis_cause cause)
{
    ASSERT(cause < REDIS_CAUSE_COUNT);
    return CAUSES[cause].label;
}

enum label_SHED redis_cause_shed(enum redis_cause cause)
{
    ASSERT(cause < REDIS_CAUSE_COUNT);
    return CAUSES[cause].shed;
}
