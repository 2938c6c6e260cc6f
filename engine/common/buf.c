#include "common/buf.h"

#include "common/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_CAPACITY = 256, DECIMAL_SIZE = 21 };

void buf_init(struct buf *buf, size_t max_size)
{
    /* One byte is kept for the NUL of buf_text(). */
    ASSERT(max_size < SIZE_MAX / 4);
    *buf = (struct buf){.max_size = max_size};
}

void buf_finish(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = false;
}

char *buf_reserve(struct buf *buf, size_t size)
{
    size_t capacity;
    char *data;

    if (buf->failed || size > buf->max_size - buf->size) {
        buf->failed = true;
        return NULL;
    }
    if (buf->size + size < buf->capacity) {
        return buf->data + buf->size;
    }
    capacity = buf->capacity ? buf->capacity : BUF_FIRST_CAPACITY;
    while (capacity <= buf->size + size) {
        capacity *= 2;
    }
    data = realloc(buf->data, capacity);
    if (!data) {
        buf->failed = true;
        return NULL;
    }
    buf->data = data;
    buf->capacity = capacity;
    return buf->data + buf->size;
}

void buf_commit(struct buf *buf, size_t size)
{
    ASSERT(!buf->failed && buf->size + size < buf->capacity && buf->size + size <= buf->max_size);
    buf->size += size;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    char *room = buf_reserve(buf, size);

    if (room) {
        if (size > 0) {
            memcpy(room, data, size);
        }
        buf->size += size;
    }
}

void buf_append_text(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
    char digits[DECIMAL_SIZE];
    size_t at = sizeof digits;

    do {
        at--;
        digits[at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buf_append(buf, digits + at, sizeof digits - at);
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    if (value < 0) {
        buf_append_char(buf, '-');
        buf_append_u64(buf, -(uint64_t)value);
        return;
    }
    buf_append_u64(buf, (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    int size;
    char *room;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        buf->failed = true;
        return;
    }
    /* A reservation always has one byte behind it, for the NUL that vsnprintf writes. */
    room = buf_reserve(buf, (size_t)size);
    if (!room) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(room, (size_t)size + 1, format, arguments);
    va_end(arguments);
    buf->size += (size_t)size;
}

void buf_consume(struct buf *buf, size_t size)
{
    ASSERT(size <= buf->size);
    buf->size -= size;
    if (buf->size > 0 && size > 0) {
        memmove(buf->data, buf->data + size, buf->size);
    }
}

const char *buf_text(struct buf *buf)
{
    if (buf->failed || buf->size == 0) {
        return "";
    }
    ASSERT(buf->size < buf->capacity);
    buf->data[buf->size] = '\0';
    return buf->data;
}
