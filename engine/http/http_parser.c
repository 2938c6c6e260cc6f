/* state        bytes                        next
 * LINE         request line                 FIELDS
 * FIELDS       field                        FIELDS
 * FIELDS       empty line                   BODY, CHUNK_LINE, or done
 * BODY         Content-Length bytes         done
 * CHUNK_LINE   size above 0                 CHUNK_DATA
 * CHUNK_LINE   size 0                       TRAILERS
 * CHUNK_DATA   that many bytes              CHUNK_END
 * CHUNK_END    CRLF                         CHUNK_LINE
 * TRAILERS     field                        TRAILERS
 * TRAILERS     empty line                   done
 *
 * A verdict depends on a prefix of the bytes alone, never on how many more have come: a line is
 * judged when its end is there or its ceiling is reached, whichever the bytes show first. So whole
 * and split feeds agree. */
#include "http/http_parser.h"

#include "common/assert.h"
#include "http/http_head.h"
#include "http/http_syntax.h"

#include <string.h>

/* What one step ended in. */
enum step {
    STEP_ON,   /* the state may have changed: go on */
    STEP_MORE, /* bytes are missing */
    STEP_DONE,
    STEP_REFUSED,
};

/* A line, its CRLF taken off. */
struct line {
    char *text;
    size_t size;
};

void http_parser_begin(struct http_parser *parser, uint32_t body_max)
{
    ASSERT(body_max <= HTTP_PARSER_BODY_MAX);
    /* The fields' array is left as it is: field_count says what of it is set. */
    memset(parser, 0, offsetof(struct http_parser, fields));
    parser->body_max = body_max;
}

static enum step refuse(struct http_parser *parser, enum http_problem problem)
{
    parser->problem = problem;
    return STEP_REFUSED;
}

/* The line at `at`, at most `limit` bytes with its CRLF. STEP_ON: `line` is set, `at` behind it. */
static enum step take_line(struct http_parser *parser, char *data, size_t size, size_t limit,
                           enum http_problem too_long, struct line *line)
{
    size_t end = parser->at + limit;
    size_t from = parser->scanned > parser->at ? parser->scanned : parser->at;
    size_t seen = size < end ? size : end;
    char *feed = seen > from ? memchr(data + from, '\n', seen - from) : NULL;
    size_t line_size;

    if (!feed) {
        parser->scanned = (uint32_t)seen;
        return size < end ? STEP_MORE : refuse(parser, too_long);
    }
    line->text = data + parser->at;
    line_size = (size_t)(feed - line->text);
    if (line_size == 0 || feed[-1] != '\r') {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    line->size = line_size - 1;
    parser->at += (uint32_t)line_size + 1;
    return STEP_ON;
}

static enum step take_request_line(struct http_parser *parser, char *data, size_t size)
{
    struct line line;
    enum step step;

    /* TLS, or anything else that no method begins with: at once, its line end may never come. */
    if (size > 0 && http_syntax_token_size(data, 1) == 0) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    step = take_line(parser, data, size, HTTP_PARSER_LINE_MAX, HTTP_PROBLEM_URI_TOO_LONG, &line);
    if (step != STEP_ON) {
        return step;
    }
    if (!http_head_line(parser, line.text, line.size)) {
        return STEP_REFUSED;
    }
    parser->fields_at = parser->at;
    parser->state = HTTP_PARSER_FIELDS;
    return STEP_ON;
}

static enum step take_fields(struct http_parser *parser, char *data, size_t size)
{
    struct line line;
    enum step step;

    do {
        size_t used = parser->at - parser->fields_at;

        step = take_line(parser, data, size, HTTP_PARSER_FIELDS_SIZE_MAX - used,
                         HTTP_PROBLEM_HEADERS_TOO_LARGE, &line);
        if (step != STEP_ON) {
            return step;
        }
        if (line.size > 0 && !http_head_field(parser, data, line.text, line.size)) {
            return STEP_REFUSED;
        }
    } while (line.size > 0);
    parser->body_at = parser->at;
    if (!http_head_judge(parser, data)) {
        return STEP_REFUSED;
    }
    parser->state = parser->is_chunked ? HTTP_PARSER_CHUNK_LINE : HTTP_PARSER_BODY;
    return STEP_ON;
}

static enum step take_body(struct http_parser *parser, size_t size)
{
    if (size - parser->body_at < parser->body_left) {
        return STEP_MORE;
    }
    parser->body_size = parser->body_left;
    parser->body_left = 0;
    parser->at = parser->body_at + parser->body_size;
    return STEP_DONE;
}

static enum step take_chunk_line(struct http_parser *parser, char *data, size_t size)
{
    struct line line;
    uint32_t chunk = 0;
    size_t digits;
    enum step step =
        take_line(parser, data, size, HTTP_PARSER_CHUNK_LINE_MAX, HTTP_PROBLEM_BAD_REQUEST, &line);

    if (step != STEP_ON) {
        return step;
    }
    digits = http_syntax_hex(line.text, line.size, &chunk);
    if (digits == 0 || (digits < line.size && line.text[digits] != ';')
        || !http_syntax_is_field_value(line.text, line.size)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    if (chunk > parser->body_max - parser->body_size) {
        return refuse(parser, HTTP_PROBLEM_BODY_TOO_LARGE);
    }
    parser->body_left = chunk;
    parser->state = chunk > 0 ? HTTP_PARSER_CHUNK_DATA : HTTP_PARSER_TRAILERS;
    return STEP_ON;
}

static enum step take_chunk_data(struct http_parser *parser, char *data, size_t size)
{
    size_t there = size - parser->at;
    uint32_t taken = there < parser->body_left ? (uint32_t)there : parser->body_left;

    memmove(data + parser->body_at + parser->body_size, data + parser->at, taken);
    parser->at += taken;
    parser->body_size += taken;
    parser->body_left -= taken;
    if (parser->body_left > 0) {
        return STEP_MORE;
    }
    parser->state = HTTP_PARSER_CHUNK_END;
    return STEP_ON;
}

static enum step take_chunk_end(struct http_parser *parser, const char *data, size_t size)
{
    if (size - parser->at < 2) {
        return STEP_MORE;
    }
    if (data[parser->at] != '\r' || data[parser->at + 1] != '\n') {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    parser->at += 2;
    parser->state = HTTP_PARSER_CHUNK_LINE;
    return STEP_ON;
}

/* Read as strictly as fields, and forgotten. */
static enum step take_trailer(struct http_parser *parser, char *data, size_t size)
{
    struct line line;
    struct http_head_field field;
    enum step step =
        take_line(parser, data, size, HTTP_PARSER_TRAILERS_SIZE_MAX - parser->trailers_size,
                  HTTP_PROBLEM_HEADERS_TOO_LARGE, &line);

    if (step != STEP_ON) {
        return step;
    }
    if (line.size == 0) {
        return STEP_DONE;
    }
    if (!http_head_split(line.text, line.size, &field)) {
        return refuse(parser, HTTP_PROBLEM_BAD_REQUEST);
    }
    parser->trailers_size += (uint32_t)line.size + 2;
    parser->trailer_count++;
    if (parser->trailer_count > HTTP_PARSER_FIELDS_MAX) {
        return refuse(parser, HTTP_PROBLEM_HEADERS_TOO_LARGE);
    }
    return STEP_ON;
}

static enum step take_step(struct http_parser *parser, char *data, size_t size)
{
    switch (parser->state) {
    case HTTP_PARSER_LINE: return take_request_line(parser, data, size);
    case HTTP_PARSER_FIELDS: return take_fields(parser, data, size);
    case HTTP_PARSER_BODY: return take_body(parser, size);
    case HTTP_PARSER_CHUNK_LINE: return take_chunk_line(parser, data, size);
    case HTTP_PARSER_CHUNK_DATA: return take_chunk_data(parser, data, size);
    case HTTP_PARSER_CHUNK_END: return take_chunk_end(parser, data, size);
    case HTTP_PARSER_TRAILERS: return take_trailer(parser, data, size);
    }
    UNREACHABLE();
}

enum http_parser_result http_parser_run(struct http_parser *parser, char *data, size_t size)
{
    enum step step;

    ASSERT(size >= parser->at);
    do {
        step = take_step(parser, data, size);
    } while (step == STEP_ON);
    ASSERT(parser->at <= size);
    switch (step) {
    case STEP_MORE: return HTTP_PARSER_MORE;
    case STEP_DONE: return HTTP_PARSER_DONE;
    case STEP_REFUSED: return HTTP_PARSER_REFUSED;
    case STEP_ON: break;
    }
    UNREACHABLE();
}

size_t http_parser_compact(struct http_parser *parser, char *data, size_t size)
{
    uint32_t body_end = parser->body_at + parser->body_size;
    uint32_t gap;

    if (parser->state < HTTP_PARSER_CHUNK_LINE || body_end == parser->at) {
        return size;
    }
    gap = parser->at - body_end;
    memmove(data + body_end, data + parser->at, size - parser->at);
    parser->at = body_end;
    parser->scanned = parser->scanned > gap ? parser->scanned - gap : 0;
    return size - gap;
}

static struct http_slice slice(const char *data, struct http_parser_span span)
{
    return (struct http_slice){data + span.at, span.size};
}

bool http_parser_in_body(const struct http_parser *parser)
{
    return parser->state >= HTTP_PARSER_BODY;
}

bool http_parser_wants_close(const struct http_parser *parser)
{
    return parser->minor_version_0 || parser->connection_close;
}

struct http_slice http_parser_known(const struct http_parser *parser, const char *data,
                                    enum http_header header)
{
    uint8_t place = parser->known[header];

    if (place == 0 || place == HTTP_PARSER_REPEATED) {
        return (struct http_slice){NULL, 0};
    }
    return slice(data, parser->fields[place - 1].value);
}

void http_parser_request(const struct http_parser *parser, const char *data,
                         struct http_request *request)
{
    request->method = parser->method;
    request->path = parser->path.size > 0 ? slice(data, parser->path) : (struct http_slice){"/", 1};
    request->query =
        parser->query.at > 0 ? slice(data, parser->query) : (struct http_slice){NULL, 0};
    request->body = (struct http_slice){data + parser->body_at, parser->body_size};
    request->parser = parser;
    request->base = data;
}
