/* resp_feed: bytes of a fuzzer as replies of Redis.
 * Why:    readers of replies get what hiredis makes of any bytes, and, because lengths in front of
 *         each text are hard to guess, of texts that are cut at line feeds as well.
 * Never:  used by the engine.
 * Thread: any. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/buf.h"
#include "inventory/redis_reply.h"

enum { RESP_FEED_TEXTS_MAX = 24, RESP_FEED_COUNT_DIGITS_MAX = 5 };

struct resp_feed_text {
    const char *text;
    size_t size;
};

/* hiredis allocates as many items as an array says it has: not more of them than bytes can be. */
static inline bool resp_feed_is_modest(const char *bytes, size_t size)
{
    uint32_t digits = 0;
    bool in_count = false;

    for (size_t i = 0; i < size; i++) {
        bool is_digit = bytes[i] >= '0' && bytes[i] <= '9';

        digits = in_count && is_digit ? digits + 1 : 0;
        in_count = bytes[i] == '*' || (in_count && is_digit);
        if (digits > RESP_FEED_COUNT_DIGITS_MAX) {
            return false;
        }
    }
    return true;
}

/* The first reply, fed in one or two pieces; NULL: the bytes begin none. redis_reply_free() it. */
static inline struct redis_reply *resp_feed_read(const char *bytes, size_t size, size_t cut)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    size_t first = cut < size ? cut : size;

    ASSERT(reader);
    if (resp_feed_is_modest(bytes, size) && redisReaderFeed(reader, bytes, first) == REDIS_OK
        && redisReaderGetReply(reader, &reply) == REDIS_OK && !reply
        && redisReaderFeed(reader, bytes + first, size - first) == REDIS_OK) {
        (void)redisReaderGetReply(reader, &reply);
    }
    redisReaderFree(reader);
    return reply;
}

/* What stands between line feeds. */
static inline uint32_t resp_feed_split(const char *bytes, size_t size,
                                       struct resp_feed_text texts[RESP_FEED_TEXTS_MAX])
{
    const char *end = bytes + size;
    uint32_t count = 0;

    while (count < RESP_FEED_TEXTS_MAX) {
        const char *stop = bytes < end ? memchr(bytes, '\n', (size_t)(end - bytes)) : NULL;

        texts[count++] = (struct resp_feed_text){bytes, (size_t)((stop ? stop : end) - bytes)};
        if (!stop) {
            break;
        }
        bytes = stop + 1;
    }
    return count;
}

static inline void resp_feed_head(struct buf *out, char kind, size_t count)
{
    char text[32];

    buf_append(out, text, (size_t)snprintf(text, sizeof text, "%c%zu\r\n", kind, count));
}

/* Appends them as an array of strings. */
static inline void resp_feed_array(struct buf *out, const struct resp_feed_text *texts,
                                   uint32_t count)
{
    resp_feed_head(out, '*', count);
    for (uint32_t i = 0; i < count; i++) {
        resp_feed_head(out, '$', texts[i].size);
        buf_append(out, texts[i].text, texts[i].size);
        buf_append(out, "\r\n", 2);
    }
}
