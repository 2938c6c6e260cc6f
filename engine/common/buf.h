/* buf: a byte buffer with a ceiling.
 * Why:    building replies, commands and records without a second copy of the size arithmetic.
 * Never:  grows past max_size: it turns `failed` and stays so; writers check once at the end.
 * Thread: that of its owner. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct buf {
    char *data;      /* owned; NULL until the first byte; not NUL-terminated unless buf_text() */
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    size_t max_size; /* ceiling in bytes */
    bool failed;     /* something did not fit, or no memory */
};

void buf_init(struct buf *buf, size_t max_size);
void buf_finish(struct buf *buf); /* frees; may be called on a zeroed struct */
void buf_clear(struct buf *buf);  /* size = 0, failed = false, keeps the memory */
void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_append_u64(struct buf *buf, uint64_t value); /* decimal */
void buf_append_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *buf, size_t size); /* drops the first bytes */
/* Room for `size` more bytes to write into directly, then buf_commit(); NULL: does not fit. */
char *buf_reserve(struct buf *buf, size_t size);
void buf_commit(struct buf *buf, size_t size);
/* The bytes with a NUL behind them; "" when empty or failed. */
const char *buf_text(struct buf *buf);
