/* json_out: writing JSON onto a buf.
 * Why:    replies, catalogue entries and admin answers are written in one pass, without a tree.
 * Never:  writes a text that is not JSON: bytes that are not UTF-8 become U+FFFD, control
 *         characters are escaped. What does not fit turns the buf `failed`.
 * Thread: that of the buf's owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { JSON_OUT_DEPTH_MAX = 16 };

struct json_out {
    struct buf *buf; /* borrowed */
    uint32_t depth;
    bool needs_comma;
};

void json_out_init(struct json_out *out, struct buf *buf);
void json_out_begin_object(struct json_out *out);
void json_out_end_object(struct json_out *out);
void json_out_begin_array(struct json_out *out);
void json_out_end_array(struct json_out *out);
void json_out_name(struct json_out *out, const char *name); /* a member's name; its value follows */

/* Values: an array's item, or behind json_out_name(). */
void json_out_text(struct json_out *out, const char *text);
void json_out_bytes(struct json_out *out, const char *text, size_t size);
void json_out_u64(struct json_out *out, uint64_t value);
void json_out_i64(struct json_out *out, int64_t value);
void json_out_bool(struct json_out *out, bool value);
void json_out_null(struct json_out *out);
/* RFC 3339 UTC with milliseconds. */
void json_out_time(struct json_out *out, int64_t ms);
/* A value that is JSON already. */
void json_out_raw(struct json_out *out, const char *json, size_t size);

/* Name and value. */
void json_out_member_text(struct json_out *out, const char *name, const char *text);
void json_out_member_u64(struct json_out *out, const char *name, uint64_t value);
void json_out_member_i64(struct json_out *out, const char *name, int64_t value);
void json_out_member_bool(struct json_out *out, const char *name, bool value);
void json_out_member_time(struct json_out *out, const char *name, int64_t ms);
void json_out_member_null(struct json_out *out, const char *name);
/* null unless the value `is_there`; `text` may be NULL then. */
void json_out_member_text_or_null(struct json_out *out, const char *name, bool is_there,
                                  const char *text);
void json_out_member_u64_or_null(struct json_out *out, const char *name, bool is_there,
                                 uint64_t value);

/* One JSON string with its quotes, onto any buf: for replies that are templates. */
void json_out_quote(struct buf *buf, const char *text, size_t size);
