/* http_server: one listener and its connections on one loop.
 * Why:    every port of both processes (public, ops, admin) is this one strict HTTP/1.1 stack
 *         (PROTOCOL §7).
 * Never:  knows a sale; blocks; lets a client grow a queue: every count and size has a ceiling.
 * Thread: loop.  Owner: whoever created it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"
#include "domain/ids.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "loop/loop.h"

struct http_server;
/* One request in work. Freed by its http_reply…() call. */
struct http_exchange;

/* Called once per well-formed request that a route matches. `request` and all its slices are
 * valid only during the call. The handler, or a later turn of the loop, answers `exchange`
 * exactly once (http_reply.h). */
typedef void http_handler_fn(void *arg, struct http_exchange *exchange,
                             const struct http_request *request);

enum http_route_flag {
    HTTP_ROUTE_JSON = 1, /* 411 without a body's length, 415 unless application/json */
    HTTP_ROUTE_BODY = 2, /* 411 without a body's length; any type */
    HTTP_ROUTE_HEAD = 4, /* a GET route that answers HEAD too; the body is dropped by http_reply */
    HTTP_ROUTE_VITAL = 8 /* not asked for shed() (livez, readyz, metrics) */
};
struct http_route {
    enum http_method method;
    const char *pattern; /* "/v1/sales/{sale}/orders"; a {name} takes one whole segment */
    http_handler_fn *handler;
    void *arg;      /* borrowed, outlives the server */
    unsigned flags; /* enum http_route_flag */
};

/* True: the request is answered 503 overloaded without work. Must be cheap. */
typedef bool http_shed_fn(void *arg);

enum { HTTP_BODY_MAX = 16384, HTTP_ERROR_SIZE = 160 };

struct http_server_options {
    struct loop *loop;   /* borrowed, outlives the server */
    const char *address; /* numeric IPv4 or IPv6; read during create only */
    uint16_t port;       /* 0: any; see http_server_port() */
    bool reuse_port;     /* SO_REUSEPORT: several servers share the port */
    uint32_t connections_max;
    uint32_t exchanges_max;
    uint32_t pipeline_max; /* requests of one connection in work */
    uint32_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
    const char *host;  /* NULL or "": any; borrowed, outlives the server */
    uint32_t body_max; /* bytes; 0: HTTP_BODY_MAX, which is also the most */
    /* Read during create only; the patterns are borrowed, static text. */
    const struct http_route *routes;
    uint32_t route_count;
    /* Borrowed or NULL. open_connections is set, not added: the lesser of two servers that would
     * share a shard (the ops listener) gets NULL. */
    struct metrics_shard *shard;
    enum metric requests_metric; /* METRIC_http_requests_total or METRIC_admin_requests_total */
    http_shed_fn *shed;          /* may be NULL */
    void *shed_arg;
};

/* Binds, listens, accepts from the next turn on. On failure `error` holds one line for the
 * operator: ERR_CONFIG (address, routes), ERR_IO (bind, listen: with errno's text),
 * ERR_NO_MEMORY. */
MUST_CHECK enum err http_server_create(const struct http_server_options *options,
                                       struct http_server **ret_server,
                                       char error[static HTTP_ERROR_SIZE]);
uint16_t http_server_port(const struct http_server *server);
uint32_t http_server_connection_count(const struct http_server *server);
uint32_t http_server_exchange_count(const struct http_server *server); /* requests in work */
/* Stops accepting, closes idle connections, answers what is in work with `Connection: close`.
 * `done` runs once, in a later turn, when the last connection is gone (at once if there is
 * none). Once only; not inside a handler. */
void http_server_drain(struct http_server *server, loop_fn *done, void *arg);
/* NULL is fine. Cuts what is left; exchanges not answered die with it: nobody may answer them
 * after this. */
void http_server_destroy(struct http_server *server);

/* Monotonic microseconds, read after the request's last byte had come (PROTOCOL §3.8). */
int64_t http_exchange_received_us(const struct http_exchange *exchange);
/* The client's well-formed X-Request-Id ([A-Za-z0-9._-]{1,64}), else one of ours. NUL-
 * terminated; lives with the exchange. */
const char *http_exchange_request_id(const struct http_exchange *exchange);
/* text "" when the client sent none or a bad one. Lives with the exchange. */
const struct traceparent *http_exchange_traceparent(const struct http_exchange *exchange);
/* The connection is gone: the answer will reach nobody. It must be given all the same. */
bool http_exchange_client_gone(const struct http_exchange *exchange);
/* A slot for the handler; NULL at first. */
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);
