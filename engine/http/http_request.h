/* http_request: one request as its handler sees it.
 * Why:    handlers read slices of the receive buffer; nothing is copied for them.
 * Never:  outlives the handler's call: what is needed later is copied by the handler.
 * Thread: loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of someone else; `data` is not NUL-terminated, and NULL when the thing was not there. */
struct http_slice {
    const char *data;
    size_t size;
};

enum http_method {
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_OTHER,
    HTTP_METHOD_COUNT
};

/* Fields that are looked up without a search. A repeated Authorization, Idempotency-Key or
 * Content-Type is 400 before the handler; a repeated one of the others reads as absent. */
enum http_header {
    HTTP_HEADER_AUTHORIZATION,
    HTTP_HEADER_IDEMPOTENCY_KEY,
    HTTP_HEADER_TRACEPARENT,
    HTTP_HEADER_X_REQUEST_ID,
    HTTP_HEADER_CONTENT_TYPE,
    HTTP_HEADER_HOST,
    HTTP_HEADER_CONTENT_LENGTH,
    HTTP_HEADER_TRANSFER_ENCODING,
    HTTP_HEADER_EXPECT,
    HTTP_HEADER_CONNECTION,
    HTTP_HEADER_COUNT
};

enum { HTTP_PARAMS_MAX = 4 };

struct http_parser;

struct http_request {
    enum http_method method;
    struct http_slice path;  /* begins with '/'; as sent, no percent-decoding */
    struct http_slice query; /* behind '?'; NULL: none */
    /* In the order of the pattern's {…}; never empty; as sent. */
    struct http_slice params[HTTP_PARAMS_MAX];
    uint32_t param_count;
    struct http_slice body;           /* whole, transfer coding undone; size 0: empty or none */
    const struct http_parser *parser; /* private */
    const char *base;                 /* private: the request's first byte */
};

/* The value without blanks around it; data NULL: absent. */
struct http_slice http_request_known(const struct http_request *request, enum http_header header);
/* Any field by name, letter case ignored; the first one when repeated. */
struct http_slice http_request_header(const struct http_request *request, const char *name);
/* How often there is a field of this name; sets `*ret_first` to the first one's value, if any. */
uint32_t http_request_header_count(const struct http_request *request, const char *name,
                                   struct http_slice *ret_first);
/* A query parameter, percent-decoded ('+' too), as NUL-terminated text.
 * Returns its length; -1: absent; -2: malformed, repeated, holds a NUL, or does not fit `size`. */
int http_request_query(const struct http_request *request, const char *name, char *text,
                       size_t size);

bool http_slice_equal(struct http_slice slice, const char *text);
