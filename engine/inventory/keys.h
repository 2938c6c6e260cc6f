/* keys: the names of a sale's keys (schemas/redis.md keys).
 * Why:    one hash tag, one slot: one place writes it.
 * Never:  takes anything but a sale number into a name.
 * Thread: any. */
#pragma once

#include <stddef.h>

#include "domain/ids.h"

#define KEYS(X)                                                                                    \
    X(META, "meta")                                                                                \
    X(STOCK, "stock")                                                                              \
    X(HELD, "held")                                                                                \
    X(BUYERS, "buyers")                                                                            \
    X(OUTBOX, "outbox")                                                                            \
    X(APPLIED, "applied")                                                                          \
    X(LISTED, "listed")                                                                            \
    X(RELAY, "relay")
enum key {
#define X(name, text) KEY_##name,
    KEYS(X)
#undef X
        KEY_COUNT
};
enum { KEY_SIZE_MAX = 24 };
#define KEY_CATALOGUE "seckill:catalogue"

struct key_text {
    size_t size;
    char text[KEY_SIZE_MAX + 1]; /* NUL-terminated */
};
/* "{s:<sale>}:<name>". Asserts a sale number in range. */
void key_format(struct sale_id sale, enum key key, struct key_text *ret_text);
