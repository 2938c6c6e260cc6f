/* json: strict reading of small JSON texts.
 * Why:    a request body, a token's claims and a catalogue entry are read by one set of rules: no
 *         duplicate member, no unknown member, exact integers, bounded size and depth.
 * Never:  guesses: 1.0 is not an integer, "1" is not a number, null is not absent.
 * Thread: any; a document and its objects belong to one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/json_flat.h"
#include "common/err.h"

enum { JSON_ERROR_TEXT_SIZE = 160, JSON_TAKE_MEMBERS_MAX = 24 };

/* What is wrong, as a sentence for whoever sent it: `member "quantity" must be an integer from 1 to
 * 1000`. Only visible ASCII of the input is repeated, at most 48 bytes of it. */
struct json_error {
    char text[JSON_ERROR_TEXT_SIZE];
};

struct json_limits {
    size_t size_max;    /* bytes of text */
    uint32_t depth_max; /* nested objects and arrays; 1: no nesting */
};

/* A node inside a document; valid as long as the document stays where it is. Copied freely. */
struct json_in {
    const void *node;             /* private; NULL: none */
    const struct json_flat *flat; /* private; NULL: `node` is jansson's */
};
/* Some 2 KiB, on the stack of its reader; not copied. */
struct json_doc {
    void *root;   /* private, owned; jansson's */
    bool is_flat; /* private; what was read is in `flat` */
    struct json_flat flat;
};

/* The text is one JSON object, with nothing behind it but white space; UTF-8; no NUL in strings.
 * ERR_RANGE: larger or deeper than the limits; ERR_PARSE: everything else, ERR_NO_MEMORY. On an
 * error `ret_error` (may be NULL) says why and `ret_doc` is an empty one. */
MUST_CHECK enum err json_doc_read(const void *text, size_t size, const struct json_limits *limits,
                                  struct json_doc *ret_doc, struct json_error *ret_error);
void json_doc_finish(struct json_doc *doc); /* frees; a zeroed one is fine */
struct json_in json_doc_root(const struct json_doc *doc);

/* Members of one object, asked for one by one. The first fault sticks and is told by the end:
 *     json_take_begin(&take, json_doc_root(&doc));
 *     json_take_text(&take, "sku", JSON_REQUIRED, 1, 32, &sku, &sku_size);
 *     json_take_u64(&take, "quantity", JSON_OPTIONAL, 1, 1000, &quantity);
 *     err = json_take_end(&take, &error);
 * A json_take_* returns true when the member is there and good; only then its outputs are set, so a
 * default is written before. After a fault they all return false. Names are borrowed and static. */
struct json_take {
    struct json_in in;
    uint32_t asked_count;
    uint32_t found_count;
    const char *asked[JSON_TAKE_MEMBERS_MAX];
    bool failed;
    struct json_error error;
};
enum json_need { JSON_OPTIONAL, JSON_REQUIRED };

/* A node that is not an object is a fault. */
void json_take_begin(struct json_take *take, struct json_in in);
/* Size in bytes from `size_min` to `size_max`. The text is NUL-terminated, borrowed from the
 * document. */
bool json_take_text(struct json_take *take, const char *name, enum json_need need, size_t size_min,
                    size_t size_max, const char **ret_text, size_t *ret_size);
/* `max` at most INT64_MAX. */
bool json_take_u64(struct json_take *take, const char *name, enum json_need need, uint64_t min,
                   uint64_t max, uint64_t *ret_value);
bool json_take_u32(struct json_take *take, const char *name, enum json_need need, uint32_t min,
                   uint32_t max, uint32_t *ret_value);
bool json_take_i64(struct json_take *take, const char *name, enum json_need need, int64_t min,
                   int64_t max, int64_t *ret_value);
bool json_take_bool(struct json_take *take, const char *name, enum json_need need, bool *ret_value);
/* With `count_min` to `count_max` items, read by json_item(). */
bool json_take_array(struct json_take *take, const char *name, enum json_need need,
                     uint32_t count_min, uint32_t count_max, struct json_in *ret_array,
                     uint32_t *ret_count);
bool json_take_object(struct json_take *take, const char *name, enum json_need need,
                      struct json_in *ret_object);
/* Any type: looked at with json_in_*. */
bool json_take_any(struct json_take *take, const char *name, enum json_need need,
                   struct json_in *ret_value);
/* A fault that the caller found in a value: `member "opens_at" <what>`. Sticks like the others. */
void json_take_fault(struct json_take *take, const char *name, const char *what);
/* ERR_PARSE: a fault, or a member that nobody asked for (named in the error). `ret_error` may be
 * NULL. */
MUST_CHECK enum err json_take_end(const struct json_take *take, struct json_error *ret_error);
/* As json_take_end(), but members that nobody asked for are fine (tokens, newer versions). */
MUST_CHECK enum err json_take_end_open(const struct json_take *take, struct json_error *ret_error);

/* Items and plain values. */
struct json_in json_item(struct json_in array, uint32_t index); /* asserts the index */
bool json_in_is_array(struct json_in value, uint32_t *ret_count);
bool json_in_is_text(struct json_in value, const char **ret_text, size_t *ret_size);
