/* http_router: which handler a method and a path belong to.
 * Why:    the table is compiled once; a look-up compares whole segments and allocates nothing.
 * Never:  decodes a path: what needs percent-encoding is not ours.
 * Thread: init; http_router_find() any.  Owner: the server. */
#pragma once

#include "http/http_request.h"
#include "http/http_server.h"

enum { HTTP_ROUTER_ALLOW_SIZE = 64 };

struct http_router;
/* Patterns begin with '/', have at most 8 segments and HTTP_PARAMS_MAX parameters; the same
 * pattern may come once per method. Where two patterns fit a path, the one that comes first in
 * the table takes it. NULL: no memory, or (with *ret_bad set) that route is not such a pattern
 * or comes twice. */
struct http_router *http_router_create(const struct http_route *routes, uint32_t route_count,
                                       const struct http_route **ret_bad);
void http_router_destroy(struct http_router *router); /* NULL is fine */

struct http_router_match {
    const struct http_route *route; /* NULL: no such path, or not this method */
    struct http_slice allow;        /* the path's "Allow: GET, HEAD\r\n"; data NULL: no such path */
};
/* Uses method and path of `request`, sets its params. */
struct http_router_match http_router_find(const struct http_router *router,
                                          struct http_request *request);
