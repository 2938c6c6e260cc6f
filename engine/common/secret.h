/* secret: the content of a file that holds a key or a token.
 * Why:    secrets come from files, never from arguments or the environment, and are read one way.
 * Never:  logs or prints what it read.
 * Thread: init. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { SECRET_SIZE_MAX = 4096 };

struct secret {
    size_t size;                    /* bytes, without the one trailing newline that is dropped */
    char data[SECRET_SIZE_MAX + 1]; /* NUL behind it; may hold any byte */
};

/* ERR_NOT_FOUND: no such file, or not readable. ERR_RANGE: fewer than `size_min` or more than
 * SECRET_SIZE_MAX bytes. ERR_IO. */
MUST_CHECK enum err secret_read(const char *path, size_t size_min, struct secret *ret_secret);
/* True: the same bytes. Takes the same time wherever they differ (the length is not hidden). */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);
/* Overwrites it; call when it is no longer needed. */
void secret_wipe(struct secret *secret);
