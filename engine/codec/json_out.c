#include "codec/json_out.h"

#include "common/assert.h"
#include "common/clock.h"

#include <string.h>

void json_out_init(struct json_out *out, struct buf *buf)
{
    *out = (struct json_out){.buf = buf};
}

/* Before a value or a name: the comma between it and what stands before. */
static void separate(struct json_out *out)
{
    if (out->needs_comma) {
        buf_append_char(out->buf, ',');
    }
    out->needs_comma = true;
}

static void begin(struct json_out *out, char bracket)
{
    ASSERT(out->depth < JSON_OUT_DEPTH_MAX);
    separate(out);
    buf_append_char(out->buf, bracket);
    out->depth++;
    out->needs_comma = false;
}

static void end(struct json_out *out, char bracket)
{
    ASSERT(out->depth > 0);
    out->depth--;
    buf_append_char(out->buf, bracket);
    out->needs_comma = true;
}

void json_out_begin_object(struct json_out *out)
{
    begin(out, '{');
}

void json_out_end_object(struct json_out *out)
{
    end(out, '}');
}

void json_out_begin_array(struct json_out *out)
{
    begin(out, '[');
}

void json_out_end_array(struct json_out *out)
{
    end(out, ']');
}

/* The bytes of a UTF-8 sequence (RFC 3629: shortest form, no surrogate, up to U+10FFFF) at the
 * start of `text`; 0: there is none. */
static size_t utf8_size(const unsigned char *text, size_t size)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t need;

    if (first >= 0xC2 && first <= 0xDF) {
        need = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        need = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        need = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return first < 0x80 ? 1 : 0;
    }
    if (size < need || text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if (text[i] < 0x80 || text[i] > 0xBF) {
            return 0;
        }
    }
    return need;
}

static void escape(struct buf *buf, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    switch (c) {
    case '"': buf_append(buf, "\\\"", 2); return;
    case '\\': buf_append(buf, "\\\\", 2); return;
    case '\n': buf_append(buf, "\\n", 2); return;
    case '\r': buf_append(buf, "\\r", 2); return;
    case '\t': buf_append(buf, "\\t", 2); return;
    default: buf_append(buf, text, sizeof text); return;
    }
}

void json_out_quote(struct buf *buf, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t done = 0, at = 0;

    buf_append_char(buf, '"');
    while (at < size) {
        unsigned char c = bytes[at];
        size_t sequence = c >= 0x80 ? utf8_size(bytes + at, size - at) : 1;

        if (sequence > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) {
            at += sequence;
            continue;
        }
        buf_append(buf, text + done, at - done);
        if (sequence == 0) {
            buf_append(buf, "\xEF\xBF\xBD", 3); /* U+FFFD */
        } else {
            escape(buf, c);
        }
        at++;
        done = at;
    }
    buf_append(buf, text + done, size - done);
    buf_append_char(buf, '"');
}

void json_out_name(struct json_out *out, const char *name)
{
    separate(out);
    json_out_quote(out->buf, name, strlen(name));
    buf_append_char(out->buf, ':');
    out->needs_comma = false;
}

void json_out_bytes(struct json_out *out, const char *text, size_t size)
{
    separate(out);
    json_out_quote(out->buf, text, size);
}

void json_out_text(struct json_out *out, const char *text)
{
    json_out_bytes(out, text, strlen(text));
}

void json_out_u64(struct json_out *out, uint64_t value)
{
    separate(out);
    buf_append_u64(out->buf, value);
}

void json_out_i64(struct json_out *out, int64_t value)
{
    separate(out);
    buf_append_i64(out->buf, value);
}

void json_out_bool(struct json_out *out, bool value)
{
    separate(out);
    buf_append_text(out->buf, value ? "true" : "false");
}

void json_out_null(struct json_out *out)
{
    separate(out);
    buf_append(out->buf, "null", 4);
}

void json_out_time(struct json_out *out, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];

    json_out_text(out, clock_format_rfc3339(ms, text));
}

void json_out_raw(struct json_out *out, const char *json, size_t size)
{
    separate(out);
    buf_append(out->buf, json, size);
}

void json_out_member_text(struct json_out *out, const char *name, const char *text)
{
    json_out_name(out, name);
    json_out_text(out, text);
}

void json_out_member_u64(struct json_out *out, const char *name, uint64_t value)
{
    json_out_name(out, name);
    json_out_u64(out, value);
}

void json_out_member_i64(struct json_out *out, const char *name, int64_t value)
{
    json_out_name(out, name);
    json_out_i64(out, value);
}

void json_out_member_bool(struct json_out *out, const char *name, bool value)
{
    json_out_name(out, name);
    json_out_bool(out, value);
}

void json_out_member_time(struct json_out *out, const char *name, int64_t ms)
{
    json_out_name(out, name);
    json_out_time(out, ms);
}

void json_out_member_null(struct json_out *out, const char *name)
{
    json_out_name(out, name);
    json_out_null(out);
}

void json_out_member_text_or_null(struct json_out *out, const char *name, bool is_there,
                                  const char *text)
{
    if (is_there) {
        json_out_member_text(out, name, text);
    } else {
        json_out_member_null(out, name);
    }
}

void json_out_member_u64_or_null(struct json_out *out, const char *name, bool is_there,
                                 uint64_t value)
{
    if (is_there) {
        json_out_member_u64(out, name, value);
    } else {
        json_out_member_null(out, name);
    }
}
