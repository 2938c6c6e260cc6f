/* http_parser: bytes of a connection into requests, the strict part of RFC 9112 (PROTOCOL §7.1).
 * Why:    two readers of one request must never see two requests: what is not plainly right is
 *         refused.
 * Never:  I/O; guesses; looks at bytes it has seen already, but for the line it is in.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/assert.h"
#include "http/http_problem.h"
#include "http/http_request.h"

enum {
    HTTP_PARSER_METHOD_MAX = 32,
    HTTP_PARSER_TARGET_MAX = 2048,
    HTTP_PARSER_LINE_MAX = HTTP_PARSER_METHOD_MAX + HTTP_PARSER_TARGET_MAX + 12, /* request line */
    HTTP_PARSER_FIELDS_MAX = 64,
    HTTP_PARSER_FIELDS_SIZE_MAX = 8192, /* with the empty line behind them */
    HTTP_PARSER_CHUNK_LINE_MAX = 256,
    HTTP_PARSER_TRAILERS_SIZE_MAX = 1024,
    HTTP_PARSER_BODY_MAX = 16384,
    HTTP_PARSER_REPEATED = 255, /* in `known` */
    /* A buffer of this size is never full while the parser asks for more (after
     * http_parser_compact). */
    HTTP_PARSER_BUFFER_SIZE = 32768
};
static_assert((int)HTTP_PARSER_LINE_MAX + (int)HTTP_PARSER_FIELDS_SIZE_MAX
                      + (int)HTTP_PARSER_BODY_MAX + (int)HTTP_PARSER_TRAILERS_SIZE_MAX
                  < (int)HTTP_PARSER_BUFFER_SIZE,
              "a request fits the buffer");

enum http_parser_result {
    HTTP_PARSER_MORE,    /* bytes are missing */
    HTTP_PARSER_DONE,    /* a request, in the first `at` bytes */
    HTTP_PARSER_REFUSED, /* `problem`; the connection is to be closed after telling it */
};

enum http_parser_state {
    HTTP_PARSER_LINE,
    HTTP_PARSER_FIELDS,
    HTTP_PARSER_BODY,
    HTTP_PARSER_CHUNK_LINE,
    HTTP_PARSER_CHUNK_DATA,
    HTTP_PARSER_CHUNK_END,
    HTTP_PARSER_TRAILERS,
};

/* Places are bytes from the request's first. */
struct http_parser_span {
    uint16_t at, size;
};
struct http_parser_field {
    struct http_parser_span name, value;
};

struct http_parser {
    uint32_t body_max; /* bytes, at most HTTP_PARSER_BODY_MAX */
    uint32_t at;       /* parsed up to here */
    uint32_t scanned;  /* no line end between `at` and here */
    uint32_t fields_at;
    uint32_t body_at, body_size; /* body_size grows while chunks come */
    uint32_t body_left;          /* of the body, or of the chunk */
    uint32_t trailers_size;
    enum http_parser_state state;
    enum http_problem problem;
    enum http_method method;
    bool minor_version_0; /* HTTP/1.0 */
    bool connection_close, connection_keep_alive;
    bool has_length, is_chunked;
    bool expects_continue; /* a valid Expect, and a body is to come */
    uint8_t field_count, trailer_count;
    uint8_t known[HTTP_HEADER_COUNT]; /* 1 + index of the field; 0: absent; HTTP_PARSER_REPEATED */
    struct http_parser_span path,
        query; /* path size 0: "/" of an absolute target; query at 0: none */
    struct http_parser_span authority; /* of an absolute target; size 0: none */
    struct http_parser_field fields[HTTP_PARSER_FIELDS_MAX]; /* field_count are set */
};

/* For each request anew. body_max: at most HTTP_PARSER_BODY_MAX bytes. */
void http_parser_begin(struct http_parser *parser, uint32_t body_max);
/* `data` has the request's bytes from its first one on, `size` so many of them, never fewer than
 * before. Chunks are joined in place. The result does not depend on where the bytes were cut.
 * After REFUSED: not again. */
enum http_parser_result http_parser_run(struct http_parser *parser, char *data, size_t size);
/* After MORE: drops bytes that chunked coding left between body and unparsed rest. Returns the
 * new size. */
size_t http_parser_compact(struct http_parser *parser, char *data, size_t size);
/* The head is complete, the body is not. */
bool http_parser_in_body(const struct http_parser *parser);
/* After DONE: the connection ends with this request's answer. */
bool http_parser_wants_close(const struct http_parser *parser);
/* After DONE: method, path, query, body and header access of `request`; params stay untouched. */
void http_parser_request(const struct http_parser *parser, const char *data,
                         struct http_request *request);
/* A known field of a complete head; data NULL: absent or repeated. */
struct http_slice http_parser_known(const struct http_parser *parser, const char *data,
                                    enum http_header header);
