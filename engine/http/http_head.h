/* http_head: request line and fields, one line at a time; the parser's inner part.
 * Why:    the parser finds lines and bodies; this knows what the lines of a head must say.
 * Never:  looks beyond the line it is given.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "http/http_parser.h"

struct http_head_field {
    struct http_slice name, value; /* the value without blanks around it */
};

/* All below: false is a refusal, with `parser->problem` set. `text` is a line without its CRLF. */

/* The request line, which begins at the request's first byte: method, version, path, query,
 * authority. */
bool http_head_line(struct http_parser *parser, const char *text, size_t size);
/* One field, somewhere behind `data`, the request's first byte. */
bool http_head_field(struct http_parser *parser, const char *data, const char *text, size_t size);
/* What the fields must be together. */
bool http_head_judge(struct http_parser *parser, const char *data);

/* "name: value", no blank before the colon or at the line's start (obs-fold). False: not that;
 * no problem set. */
bool http_head_split(const char *text, size_t size, struct http_head_field *ret_field);
