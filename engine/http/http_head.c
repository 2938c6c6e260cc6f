#include "http/http_head.h"

#include "common/assert.h"
#include "http/http_syntax.h"

#include <string.h>

static bool refuse(struct http_parser *parser, enum http_problem problem)
{
    parser->problem = problem;
    return false;
}

static struct http_parser_span span(size_t at, size_t size)
{
    ASSERT(at <= UINT16_MAX && size <= UINT16_MAX);
    return (struct http_parser_span){(uint16_t)at, (uint16_t)size};
}

static struct http_slice slice(const char *data, struct http_parser_span span)
{
    return (struct http_slice){data + span.at, span.size};
}

/* "http://authority" before the path: returns its size and sets the authority; 0: none. */
static size_t absolute_prefix(struct http_parser *parser, size_t at, const char *text, size_t size)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t scheme = strlen(schemes[i]);
        size_t end = scheme;

        if (size <= scheme
            || !http_syntax_equal((struct http_slice){text, scheme}, schemes[i], scheme)) {
            continue;
        }
        while (end < size && text[end] != '/' && text[end] != '?') {
            end++;
        }
        parser->authority = span(at + scheme, end - scheme);
        return end;
    }
    return 0;
}

/* Path and query of the target at `at`. */
static bool take_target(struct http_parser *parser, size_t at, const char *text, size_t size)
{
    const char *question;
    size_t path_size;
    size_t prefix = 0;

    if (!http_syntax_is_target(text, size)) {
        return false;
    }
    if (size == 1 && text[0] == '*') {
        parser->path = span(at, size);
        return parser->method == HTTP_METHOD_OPTIONS;
    }
    if (text[0] != '/') {
        prefix = absolute_prefix(parser, at, text, size);
        if (prefix == 0
            || !http_syntax_is_host(text + prefix - parser->authority.size,
                                    parser->authority.size)) {
            return false;
        }
    }
    question = memchr(text + prefix, '?', size - prefix);
    path_size = question ? (size_t)(question - text) - prefix : size - prefix;
    parser->path = span(at + prefix, path_size);
    if (question) {
        parser->query = span(at + prefix + path_size + 1, size - prefix - path_size - 1);
    }
    return true;
}

bool http_head_line(struct http_parser *parser, const char *text, size_t size)
{
    static const char version[] = " HTTP/1.";
    const size_t version_size = sizeof version; /* with its last digit */
    size_t method_size = http_syntax_token_size(text, size);
    size_t target_size;

    if (method_size > HTTP_PARSER_METHOD_MAX || size < method_size + 1 + 1 + version_size
        || text[method_size] != ' ') {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    target_size = size - method_size - 1 - version_size;
    if (memcmp(text + size - version_size, version, sizeof version - 1) != 0
        || (text[size - 1] != '1' && text[size - 1] != '0')) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    if (target_size > HTTP_PARSER_TARGET_MAX) {
        return refuse(parser, HTTP_PROBLEM_URI_TOO_LONG);
    }
    parser->minor_version_0 = text[size - 1] == '0';
    parser->method = http_syntax_method(text, method_size);
    if (!take_target(parser, method_size + 1, text + method_size + 1, target_size)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    return true;
}

/* HTTP_HEADER_COUNT: not one of ours. */
static enum http_header find_header(struct http_slice name)
{
#define KNOWN(text, header)                                                                        \
    {                                                                                              \
        text, sizeof text - 1, header                                                              \
    }
    static const struct {
        const char *lower;
        uint8_t size;
        enum http_header header;
    } known[] = {
        KNOWN("host", HTTP_HEADER_HOST),
        KNOWN("expect", HTTP_HEADER_EXPECT),
        KNOWN("connection", HTTP_HEADER_CONNECTION),
        KNOWN("traceparent", HTTP_HEADER_TRACEPARENT),
        KNOWN("content-type", HTTP_HEADER_CONTENT_TYPE),
        KNOWN("x-request-id", HTTP_HEADER_X_REQUEST_ID),
        KNOWN("authorization", HTTP_HEADER_AUTHORIZATION),
        KNOWN("content-length", HTTP_HEADER_CONTENT_LENGTH),
        KNOWN("idempotency-key", HTTP_HEADER_IDEMPOTENCY_KEY),
        KNOWN("transfer-encoding", HTTP_HEADER_TRANSFER_ENCODING),
    };
#undef KNOWN
    static_assert(sizeof known / sizeof known[0] == HTTP_HEADER_COUNT, "all are here");

    for (size_t i = 0; i < HTTP_HEADER_COUNT; i++) {
        if (known[i].size == name.size && http_syntax_equal(name, known[i].lower, known[i].size)) {
            return known[i].header;
        }
    }
    return HTTP_HEADER_COUNT;
}

static bool take_length(struct http_parser *parser, struct http_slice value)
{
    uint64_t length;

    if (!http_syntax_decimal(value.data, value.size, &length)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    if (length > parser->body_max) {
        return refuse(parser, HTTP_PROBLEM_BODY_TOO_LARGE);
    }
    parser->has_length = true;
    parser->body_left = (uint32_t)length;
    return true;
}

/* What a known field means for the framing. `parser->known` still tells what came before it. */
static bool take_known(struct http_parser *parser, enum http_header header, struct http_slice value)
{
    bool repeated = parser->known[header] != 0;

    switch (header) {
    case HTTP_HEADER_AUTHORIZATION:
    case HTTP_HEADER_IDEMPOTENCY_KEY:
    case HTTP_HEADER_CONTENT_TYPE:
    case HTTP_HEADER_EXPECT: return !repeated || refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    case HTTP_HEADER_HOST:
        if (repeated || !http_syntax_is_host(value.data, value.size)) {
            return refuse(parser, HTTP_PROBLEM_BAD_HOST);
        }
        return true;
    case HTTP_HEADER_CONTENT_LENGTH:
        return repeated ? refuse(parser, HTTP_PROBLEM_BAD_REQUEST) : take_length(parser, value);
    case HTTP_HEADER_TRANSFER_ENCODING:
        if (repeated || http_syntax_token_size(value.data, value.size) == 0) {
            return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
        }
        parser->is_chunked = http_syntax_equal(value, "chunked", 7);
        return parser->is_chunked || refuse(parser, HTTP_PROBLEM_NOT_IMPLEMENTED);
    case HTTP_HEADER_CONNECTION:
        parser->connection_close |= http_syntax_list_has(value, "close", 5);
        parser->connection_keep_alive |= http_syntax_list_has(value, "keep-alive", 10);
        return true;
    case HTTP_HEADER_TRACEPARENT:
    case HTTP_HEADER_X_REQUEST_ID:
    case HTTP_HEADER_COUNT: return true;
    }
    UNREACHABLE();
}

bool http_head_split(const char *text, size_t size, struct http_head_field *ret_field)
{
    size_t name_size = http_syntax_token_size(text, size);
    size_t at = name_size + 1;
    size_t end = size;

    if (name_size == 0 || name_size == size || text[name_size] != ':') {
        return false;
    }
    while (at < end && (text[at] == ' ' || text[at] == '\t')) {
        at++;
    }
    while (end > at && (text[end - 1] == ' ' || text[end - 1] == '\t')) {
        end--;
    }
    ret_field->name = (struct http_slice){text, name_size};
    ret_field->value = (struct http_slice){text + at, end - at};
    return http_syntax_is_field_value(text + at, end - at);
}

bool http_head_field(struct http_parser *parser, const char *data, const char *text, size_t size)
{
    struct http_head_field split;
    struct http_parser_field *field;
    enum http_header header;
    bool fits;

    if (parser->field_count == HTTP_PARSER_FIELDS_MAX) {
        return refuse(parser, HTTP_PROBLEM_HEADERS_TOO_LARGE);
    }
    if (!http_head_split(text, size, &split)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    field = &parser->fields[parser->field_count];
    field->name = span((size_t)(split.name.data - data), split.name.size);
    field->value = span((size_t)(split.value.data - data), split.value.size);
    parser->field_count++;
    header = find_header(split.name);
    if (header == HTTP_HEADER_COUNT) {
        return true;
    }
    fits = take_known(parser, header, split.value);
    parser->known[header] = parser->known[header] ? HTTP_PARSER_REPEATED : parser->field_count;
    return fits;
}

/* What the fields must be together. */
bool http_head_judge(struct http_parser *parser, const char *data)
{
    struct http_slice host = http_parser_known(parser, data, HTTP_HEADER_HOST);
    struct http_slice expect = http_parser_known(parser, data, HTTP_HEADER_EXPECT);
    struct http_slice authority = slice(data, parser->authority);

    if (!host.data && !parser->minor_version_0) {
        return refuse(parser, HTTP_PROBLEM_BAD_HOST);
    }
    if (host.data && authority.size > 0
        && (host.size != authority.size || !http_syntax_host_matches(host, authority))) {
        return refuse(parser, HTTP_PROBLEM_BAD_HOST);
    }
    if (parser->is_chunked && (parser->has_length || parser->minor_version_0)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    if (expect.data && !parser->minor_version_0) {
        if (!http_syntax_equal(expect, "100-continue", 12)) {
            return refuse(parser, HTTP_PROBLEM_EXPECTATION_FAILED);
        }
        parser->expects_continue = parser->is_chunked || parser->body_left > 0;
    }
    return true;
}
