/* text_cursor: strict reading of the short texts in Redis' values.
 * Why:    every format of schemas/redis.md is numbers and words with one separator between them.
 * Never:  skips a byte; takes a sign, a leading zero or a number out of its bounds.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_cursor {
    const char *at, *end;
};

static inline struct text_cursor text_cursor(const char *text, size_t size)
{
    return (struct text_cursor){text, text + size};
}

static inline bool text_is_end(const struct text_cursor *cursor)
{
    return cursor->at == cursor->end;
}

/* Takes exactly that byte. False: another one, or the end; nothing is taken. */
static inline bool text_take_char(struct text_cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c) {
        return false;
    }
    cursor->at++;
    return true;
}

/* Plain decimal from 0 to `max`, at most 19 digits. */
static inline bool text_take_number(struct text_cursor *cursor, uint64_t max, uint64_t *ret_value)
{
    const char *begin = cursor->at;
    uint64_t value = 0;

    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9'
           && cursor->at - begin < 19) {
        value = value * 10 + (uint64_t)(*cursor->at - '0');
        cursor->at++;
    }
    if (cursor->at == begin || (*begin == '0' && cursor->at - begin > 1) || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* What stands before the next `stop`, or before the end; the stop itself stays. May be empty. */
static inline const char *text_take_until(struct text_cursor *cursor, char stop, size_t *ret_size)
{
    const char *begin = cursor->at;

    while (cursor->at < cursor->end && *cursor->at != stop) {
        cursor->at++;
    }
    *ret_size = (size_t)(cursor->at - begin);
    return begin;
}
