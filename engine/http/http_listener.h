/* http_listener: a listening socket and its accepts.
 * Why:    a flood of connections, or no descriptor left, must not starve the connections that are
 *         there.
 * Never:  more than 64 accepts a turn; spins when descriptors run out (PITFALLS of accept,
 *         docs/ARCHITECTURE).
 * Thread: loop.  Owner: the server. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"
#include "http/http_server.h"
#include "loop/loop.h"

enum { HTTP_LISTENER_ACCEPTS_PER_TURN_MAX = 64, HTTP_LISTENER_RETRY_MS = 100 };

struct http_listener;
/* Takes ownership of `fd`: non-blocking, close-on-exec, TCP_NODELAY. */
typedef void http_listener_accepted_fn(void *arg, int fd);

struct http_listener_options {
    struct loop *loop;   /* borrowed, outlives the listener */
    const char *address; /* numeric; read during create only */
    uint16_t port;       /* 0: any */
    bool reuse_port;
    struct metrics_shard *shard; /* borrowed or NULL: accept_errors_total */
    http_listener_accepted_fn *accepted;
    void *arg;
};
/* ERR_CONFIG (address), ERR_IO, ERR_NO_MEMORY; `error` then holds one line. */
MUST_CHECK enum err http_listener_create(const struct http_listener_options *options,
                                         struct http_listener **ret_listener,
                                         char error[static HTTP_ERROR_SIZE]);
/* Closes the socket. What was queued on it is reset: see http_listener_drain(). NULL is fine. */
void http_listener_destroy(struct http_listener *listener);
/* Accepts what is queued, whatever the number a turn, then stops; destroy is still to be called. */
void http_listener_drain(struct http_listener *listener);
uint16_t http_listener_port(const struct http_listener *listener);
