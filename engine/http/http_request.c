#include "http/http_request.h"

#include "common/assert.h"
#include "http/http_parser.h"
#include "http/http_syntax.h"

#include <string.h>

enum { QUERY_ABSENT = -1, QUERY_BAD = -2 };

struct http_slice http_request_known(const struct http_request *request, enum http_header header)
{
    ASSERT(header < HTTP_HEADER_COUNT);
    return http_parser_known(request->parser, request->base, header);
}

static bool equal_without_case(struct http_slice slice, const char *name, size_t size)
{
    if (slice.size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char a = slice.data[i];
        char b = name[i];

        a = a >= 'A' && a <= 'Z' ? (char)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (char)(b + 32) : b;
        if (a != b) {
            return false;
        }
    }
    return true;
}

uint32_t http_request_header_count(const struct http_request *request, const char *name,
                                   struct http_slice *ret_first)
{
    const struct http_parser *parser = request->parser;
    size_t size = strlen(name);
    uint32_t count = 0;

    for (size_t i = 0; i < parser->field_count; i++) {
        struct http_parser_field field = parser->fields[i];
        struct http_slice there = {request->base + field.name.at, field.name.size};

        if (equal_without_case(there, name, size) && count++ == 0) {
            *ret_first = (struct http_slice){request->base + field.value.at, field.value.size};
        }
    }
    return count;
}

struct http_slice http_request_header(const struct http_request *request, const char *name)
{
    struct http_slice first = {NULL, 0};

    (void)http_request_header_count(request, name, &first);
    return first;
}

/* Returns the bytes written without the NUL; QUERY_BAD. */
static int decode(struct http_slice value, char *text, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < value.size; i++) {
        int c = (uint8_t)value.data[i];

        if (c == '%') {
            int high = i + 2 < value.size ? http_syntax_hex_digit(value.data[i + 1]) : -1;
            int low = i + 2 < value.size ? http_syntax_hex_digit(value.data[i + 2]) : -1;

            c = high >= 0 && low >= 0 ? high * 16 + low : 0;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == 0 || at + 1 >= size) {
            return QUERY_BAD;
        }
        text[at++] = (char)c;
    }
    text[at] = '\0';
    return (int)at;
}

static struct http_slice take_until(struct http_slice *rest, char separator)
{
    const char *end = memchr(rest->data, separator, rest->size);
    struct http_slice taken = {rest->data, end ? (size_t)(end - rest->data) : rest->size};

    rest->data += taken.size;
    rest->size -= taken.size;
    if (rest->size > 0) {
        rest->data++;
        rest->size--;
    }
    return taken;
}

int http_request_query(const struct http_request *request, const char *name, char *text,
                       size_t size)
{
    struct http_slice rest = request->query;
    int result = QUERY_ABSENT;

    ASSERT(size > 0);
    while (rest.size > 0) {
        struct http_slice value = take_until(&rest, '&');
        struct http_slice key;

        if (value.size == 0) {
            continue;
        }
        key = take_until(&value, '=');
        if (!http_slice_equal(key, name)) {
            continue;
        }
        if (result != QUERY_ABSENT) {
            return QUERY_BAD;
        }
        result = decode(value, text, size);
    }
    return result;
}

bool http_slice_equal(struct http_slice slice, const char *text)
{
    size_t size = strlen(text);

    return slice.size == size && (size == 0 || memcmp(slice.data, text, size) == 0);
}
