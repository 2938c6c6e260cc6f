#include "response.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HEAD_SIZE_MAX = 16384, STATUS_LINE_SIZE_MIN = 13, DIGITS_MAX = 19, NAME_SIZE_MAX = 32 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 201 …" */
static bool read_status(const char *line, size_t size, int *ret_status)
{
    if (size < STATUS_LINE_SIZE_MIN - 1 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' '
        || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11])) {
        return false;
    }
    *ret_status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    return *ret_status >= 100;
}

static bool read_number(const char *text, size_t size, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (size == 0 || size > DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool is_name(const char *line, size_t size, const char *name)
{
    return size == strlen(name) && strncasecmp(line, name, size) == 0;
}

struct head {
    bool has_length;
    uint64_t length;
};

static bool read_field(const char *line, size_t size, struct head *head, struct response *response)
{
    const char *colon = memchr(line, ':', size);

    if (!colon || colon == line) {
        return false;
    }
    const size_t name_size = (size_t)(colon - line);
    const char *value = colon + 1;
    size_t value_size = size - name_size - 1;
    for (; value_size && *value == ' '; value_size--) {
        value++;
    }
    if (is_name(line, name_size, "Content-Length")) {
        const bool again = head->has_length;
        head->has_length = true;
        return !again && read_number(value, value_size, &head->length);
    }
    if (is_name(line, name_size, "Connection")) {
        response->closes = is_name(value, value_size, "close");
    } else if (is_name(line, name_size, "Idempotent-Replayed")) {
        response->replayed = is_name(value, value_size, "true");
    }
    /* A coding that is not known here leaves the end of the answer unknown. */
    return !is_name(line, name_size, "Transfer-Encoding");
}

static bool read_head(const char *data, size_t size, struct head *head, struct response *response)
{
    const char *end = data + size;
    bool first = true;

    for (const char *line = data; line < end;) {
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        const size_t line_size = (size_t)(stop - line);
        if (first ? !read_status(line, line_size, &response->status)
                  : !read_field(line, line_size, head, response)) {
            return false;
        }
        first = false;
        line = stop + 2;
    }
    return !first;
}

long response_read(const char *data, size_t size, struct response *ret_response)
{
    const size_t looked_at = size < HEAD_SIZE_MAX ? size : HEAD_SIZE_MAX;
    const char *end = memmem(data, looked_at, "\r\n\r\n", 4);
    struct response response = {0};
    struct head head = {0};

    if (!end) {
        return size >= HEAD_SIZE_MAX ? -1 : 0;
    }
    const size_t head_size = (size_t)(end - data) + 2;
    if (!read_head(data, head_size, &head, &response)) {
        return -1;
    }
    const bool bodyless = response.status == 204 || response.status == 304;
    if ((!head.has_length && !bodyless) || head.length > RESPONSE_SIZE_MAX) {
        return -1;
    }
    const size_t all = head_size + 2 + (bodyless ? 0 : (size_t)head.length);
    if (size < all) {
        return 0;
    }
    response.body = data + head_size + 2;
    response.body_size = all - head_size - 2;
    *ret_response = response;
    return (long)all;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) {
        at++;
    }
    return at;
}

/* What stands behind `"name":`; the end of the body: nothing. */
static const char *find_value(const struct response *response, const char *name)
{
    char wanted[NAME_SIZE_MAX];
    const size_t size = (size_t)snprintf(wanted, sizeof wanted, "\"%s\"", name);
    const char *end = response->body + response->body_size;
    const char *at =
        response->body_size ? memmem(response->body, response->body_size, wanted, size) : NULL;

    at = at ? skip_blanks(at + size, end) : end;
    return at == end || *at != ':' ? end : skip_blanks(at + 1, end);
}

bool response_member(const struct response *response, const char *name, const char **ret_text,
                     size_t *ret_size)
{
    const char *end = response->body + response->body_size;
    const char *at = find_value(response, name);

    if (at == end || *at != '"') {
        return false;
    }
    at++;
    const char *stop = memchr(at, '"', (size_t)(end - at));
    if (!stop) {
        return false;
    }
    *ret_text = at;
    *ret_size = (size_t)(stop - at);
    return true;
}

bool response_number(const struct response *response, const char *name, uint64_t *ret_value)
{
    const char *end = response->body + response->body_size;
    const char *at = find_value(response, name);
    const char *stop = at;

    while (stop < end && *stop >= '0' && *stop <= '9') {
        stop++;
    }
    return stop > at && read_number(at, (size_t)(stop - at), ret_value);
}

uint64_t response_order_no(const struct response *response)
{
    const char *text;
    size_t size;
    uint64_t number;

    return response_member(response, "order_no", &text, &size) && read_number(text, size, &number)
               ? number
               : 0;
}
