/* redis_wire: the bytes of a RESP2 command, written in place.
 * Why:    the hot path builds a call in one pass, without a format string: nothing
 *         that a buyer sends is ever parsed as one.
 * Never:  checks room: the caller reserved redis_wire_bulk_size() for each bulk.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"

enum {
    REDIS_WIRE_NUMBER_SIZE_MAX = 20,
    REDIS_WIRE_HEAD_SIZE_MAX = 1 + REDIS_WIRE_NUMBER_SIZE_MAX + 2,
};

/* Bytes that a bulk of `size` takes at most. */
static inline size_t redis_wire_bulk_size(size_t size)
{
    return REDIS_WIRE_HEAD_SIZE_MAX + size + 2;
}

/* All of these write at `at` and return the end. */
char *redis_wire_number(char *at, uint64_t value); /* decimal */
char *redis_wire_array(char *at, uint64_t count);  /* *<count>\r\n */
char *redis_wire_bulk_number(char *at, uint64_t value);

static inline char *redis_wire_bulk(char *at, const char *text, size_t size)
{
    *at++ = '$';
    if (size < 10) {
        *at++ = (char)('0' + size);
    } else if (size < 100) {
        *at++ = (char)('0' + size / 10);
        *at++ = (char)('0' + size % 10);
    } else {
        at = redis_wire_number(at, size);
    }
    *at++ = '\r';
    *at++ = '\n';
    memcpy(at, text, size);
    at += size;
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* A whole command, appended; `out` turns failed when it does not fit. */
void redis_wire_command(struct buf *out, uint32_t argc, const char *const *argv,
                        const size_t *sizes);
/* The bulks alone, without the array's head. */
void redis_wire_bulks(struct buf *out, uint32_t argc, const char *const *argv, const size_t *sizes);
