/* json_flat: a quick reader for the plain JSON that nearly every body and token is.
 * Why:    a tree of jansson costs 2 us of a token's 3; plain texts need no allocation at all.
 * Never:  judges: what it does not take goes to jansson, which says what is wrong, if anything.
 *         What it takes is JSON, without a member that is there twice (fuzz_json compares the two).
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_FLAT_MEMBERS_MAX = 16, JSON_FLAT_VALUES_MAX = 32, JSON_FLAT_TEXTS_SIZE = 768 };

enum json_flat_kind {
    JSON_FLAT_TEXT,
    JSON_FLAT_INTEGER,
    JSON_FLAT_BOOL,
    JSON_FLAT_NULL,
    JSON_FLAT_ARRAY, /* of texts and integers */
};
struct json_flat_value {
    enum json_flat_kind kind;
    uint32_t at;     /* text: in `texts`, with a NUL behind it; array: its first item in `values` */
    uint32_t size;   /* text: bytes; array: items */
    int64_t integer; /* also 0 or 1 of a bool */
};
struct json_flat_member {
    uint32_t name_at; /* in `texts`, with a NUL behind it */
    uint32_t name_size;
    uint32_t value; /* in `values` */
};
struct json_flat {
    uint32_t member_count, value_count, texts_size;
    struct json_flat_member members[JSON_FLAT_MEMBERS_MAX];
    struct json_flat_value values[JSON_FLAT_VALUES_MAX];
    char texts[JSON_FLAT_TEXTS_SIZE];
};

/* true: `text` is one object of members whose names and texts are visible ASCII and blanks without
 * escapes, whose numbers are integers of at most 18 digits, whose lists hold texts and integers
 * (not when `depth_max` is 1), and nothing is larger than there is room for. false says nothing. */
bool json_flat_read(const char *text, size_t size, uint32_t depth_max, struct json_flat *flat);
/* NULL: no such member. */
const struct json_flat_value *json_flat_find(const struct json_flat *flat, const char *name);
