/* http_syntax: the small grammars of RFC 9110, 9112 and 3986 that a request is made of.
 * Why:    the parser says what comes when; this says which bytes it may be made of.
 * Never:  keeps state; repairs what is wrong.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_request.h"

/* Length of the token (RFC 9110 §5.6.2) that `text` begins with; 0: none. */
size_t http_syntax_token_size(const char *text, size_t size);
/* A field's value: visible ASCII, obs-text, blank and tab; no other control byte. */
bool http_syntax_is_field_value(const char *text, size_t size);
/* A request target without fragment: RFC 3986 characters, each % with two hex digits. */
bool http_syntax_is_target(const char *text, size_t size);
/* uri-host with an optional port of 1 to 5 digits, not empty. Names are [A-Za-z0-9._~-],
 * literals [hex:.]. */
bool http_syntax_is_host(const char *text, size_t size);
/* The same host, letter case ignored; a port in `host` that `wanted` does not name is ignored. */
bool http_syntax_host_matches(struct http_slice host, struct http_slice wanted);
/* 1 to 64 of [A-Za-z0-9._-]. */
bool http_syntax_is_request_id(const char *text, size_t size);
/* A media type is `application/json`, with or without parameters. */
bool http_syntax_is_json_type(struct http_slice value);

/* ASCII letters compare without case. `lower` is in lower case. */
bool http_syntax_equal(struct http_slice slice, const char *lower, size_t lower_size);
/* A comma-separated list has this member. */
bool http_syntax_list_has(struct http_slice list, const char *lower, size_t lower_size);

enum http_method http_syntax_method(const char *text, size_t size); /* letter case matters */
const char *http_syntax_method_name(enum http_method method);       /* "GET"; "" for OTHER */

/* Decimal digits only, at most 19. False: not that. */
bool http_syntax_decimal(const char *text, size_t size, uint64_t *ret_value);
/* The hexadecimal digits that `text` begins with, at most 8. Returns how many; 0: none or more
 * than 8. */
size_t http_syntax_hex(const char *text, size_t size, uint32_t *ret_value);
/* The value of one hexadecimal digit; -1: not one. */
int http_syntax_hex_digit(char c);
