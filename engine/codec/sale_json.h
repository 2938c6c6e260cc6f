/* sale_json: a sale's definition as the text in `seckill:catalogue` (schemas/redis.md).
 * Why:    the worker writes it, every engine reads it: one codec.
 * Never:  holds stock or state: those live in the sale's own keys.
 * Thread: any. */
#pragma once

#include <stddef.h>

#include "codec/json.h"
#include "common/buf.h"
#include "common/err.h"

struct sale_definition;

enum { SALE_JSON_VERSION = 1, SALE_JSON_SIZE_MAX = 8192 };

/* Appends the text. The definition passes sale_check() (asserted). */
void sale_json_write(const struct sale_definition *definition, struct buf *buf);
/* ERR_PARSE, ERR_RANGE (breaks sale_check()): `ret_error` (may be NULL) says why. A newer version
 * may have members that this one does not know. */
MUST_CHECK enum err sale_json_read(const char *text, size_t size,
                                   struct sale_definition *ret_definition,
                                   struct json_error *ret_error);
