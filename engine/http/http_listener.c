#include "http/http_listener.h"

#include "common/assert.h"
#include "loop/timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096, DRAIN_ACCEPTS_MAX = BACKLOG };

struct http_listener {
    struct http_listener_options options;
    int fd;       /* owned; -1: none */
    int spare_fd; /* owned; given up to close one connection when there are no descriptors */
    uint16_t port;
    struct event event;
    bool listening; /* the event is added */
    struct timer retry;
};

static enum err parse_address(const char *text, uint16_t port, struct sockaddr_storage *address,
                              socklen_t *size)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *size = sizeof *v4;
        return ERR_OK;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *size = sizeof *v6;
        return ERR_OK;
    }
    return ERR_CONFIG;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* Returns what failed, NULL: nothing; errno tells why. */
static const char *open_socket(struct http_listener *listener, struct sockaddr_storage *address,
                               socklen_t size)
{
    const int on = 1;

    listener->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return "socket";
    }
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0
        || (listener->options.reuse_port
            && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)) {
        return "setsockopt";
    }
    /* Accepted sockets inherit it: no call per connection. */
    if (setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        return "setsockopt";
    }
    if (bind(listener->fd, (struct sockaddr *)address, size) != 0) {
        return "bind";
    }
    if (listen(listener->fd, BACKLOG) != 0) {
        return "listen";
    }
    return NULL;
}

static void listen_again(void *arg)
{
    struct http_listener *listener = arg;

    if (listener->fd >= 0 && !listener->listening) {
        ASSERT(event_add(&listener->event, NULL) == 0);
        listener->listening = true;
    }
}

static void listen_not(struct http_listener *listener)
{
    if (listener->listening) {
        ASSERT(event_del(&listener->event) == 0);
        listener->listening = false;
    }
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor: the oldest waiting client is told at once by a close, and the loop gets a rest;
 * the queue is readable all the time and would wake it again and again. */
static void refuse_one(struct http_listener *listener)
{
    int fd;

    metrics_add(listener->options.shard, METRIC_accept_errors_total, 0, 1);
    if (listener->spare_fd >= 0) {
        (void)close(listener->spare_fd);
        fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    listener->spare_fd = open_spare();
    listen_not(listener);
    timer_start_ms(&listener->retry, HTTP_LISTENER_RETRY_MS);
}

/* False: nothing more to accept now. */
static bool accept_one(struct http_listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        listener->options.accepted(listener->options.arg, fd);
        return true;
    }
    switch (errno) {
    case EINTR:
    case ECONNABORTED: return true;
    case EAGAIN: return false;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: refuse_one(listener); return false;
    default:
        metrics_add(listener->options.shard, METRIC_accept_errors_total, 0, 1);
        listen_not(listener);
        timer_start_ms(&listener->retry, HTTP_LISTENER_RETRY_MS);
        return false;
    }
}

static void on_connections(evutil_socket_t fd, short what, void *arg)
{
    struct http_listener *listener = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < HTTP_LISTENER_ACCEPTS_PER_TURN_MAX; i++) {
        if (!accept_one(listener)) {
            return;
        }
    }
}

enum err http_listener_create(const struct http_listener_options *options,
                              struct http_listener **ret_listener,
                              char error[static HTTP_ERROR_SIZE])
{
    struct sockaddr_storage address;
    socklen_t address_size;
    struct http_listener *listener;
    const char *failed;

    if (parse_address(options->address, options->port, &address, &address_size) != ERR_OK) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "%.64s is not a numeric address", options->address);
        return ERR_CONFIG;
    }
    listener = calloc(1, sizeof *listener);
    if (!listener) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    listener->options = *options;
    listener->options.address = NULL;
    listener->spare_fd = open_spare();
    timer_init(&listener->retry, options->loop, listen_again, listener);
    failed = open_socket(listener, &address, address_size);
    if (failed) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "%s %.64s port %u: %s", failed, options->address,
                       options->port, strerror(errno));
        http_listener_destroy(listener);
        return ERR_IO;
    }
    listener->port = bound_port(listener->fd);
    if (event_assign(&listener->event, loop_event_base(options->loop), listener->fd,
                     EV_READ | EV_PERSIST, on_connections, listener)
        != 0) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "event_assign failed");
        http_listener_destroy(listener);
        return ERR_IO;
    }
    listen_again(listener);
    *ret_listener = listener;
    return ERR_OK;
}

void http_listener_destroy(struct http_listener *listener)
{
    if (!listener) {
        return;
    }
    listen_not(listener);
    timer_stop(&listener->retry);
    if (listener->fd >= 0) {
        (void)close(listener->fd);
    }
    if (listener->spare_fd >= 0) {
        (void)close(listener->spare_fd);
    }
    free(listener);
}

void http_listener_drain(struct http_listener *listener)
{
    for (int i = 0; i < DRAIN_ACCEPTS_MAX && accept_one(listener); i++) {
    }
    listen_not(listener);
    timer_stop(&listener->retry);
    (void)close(listener->fd);
    listener->fd = -1;
}

uint16_t http_listener_port(const struct http_listener *listener)
{
    return listener->port;
}
