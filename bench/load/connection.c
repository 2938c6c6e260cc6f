#include "connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void connection_close(struct connection *connection)
{
    if (connection->state == CONNECTION_DOWN) {
        return;
    }
    event_free(connection->read_event);
    event_free(connection->write_event);
    close(connection->fd);
    free(connection->kept);
    connection->kept = NULL;
    connection->kept_size = connection->kept_capacity = 0;
    connection->state = CONNECTION_DOWN;
}

static void fail(struct connection *connection, bool malformed)
{
    const enum connection_state was = connection->state;
    const int error = errno;

    connection_close(connection);
    errno = error;
    connection->group->events.on_down(connection->group->arg, connection, was, malformed);
}

static bool keep(struct connection *connection, const char *data, size_t size)
{
    const size_t needed = connection->kept_size + size;

    if (needed > connection->kept_capacity) {
        char *grown = realloc(connection->kept, needed * 2);
        if (!grown) {
            return false;
        }
        connection->kept = grown;
        connection->kept_capacity = needed * 2;
    }
    memcpy(connection->kept + connection->kept_size, data, size);
    connection->kept_size = needed;
    return true;
}

/* One answer must be all that came: nothing is pipelined. */
static void take(struct connection *connection, const char *data, size_t size)
{
    const struct connection_group *group = connection->group;
    struct response response;
    const long used = response_read(data, size, &response);

    if (connection->state != CONNECTION_BUSY || used < 0 || (used > 0 && (size_t)used != size)) {
        fail(connection, true);
        return;
    }
    if (used == 0) {
        if (connection->kept_size == 0 && !keep(connection, data, size)) {
            fail(connection, false);
        }
        return;
    }
    connection->kept_size = 0;
    connection->state = CONNECTION_IDLE;
    group->events.on_answer(group->arg, connection, &response);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;
    char *buffer = connection->group->buffer;
    const ssize_t size = recv(fd, buffer, CONNECTION_BUFFER_SIZE, 0);

    (void)what;
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size <= 0) {
        errno = size == 0 ? ECONNRESET : errno;
        fail(connection, false);
    } else if (connection->kept_size == 0) {
        take(connection, buffer, (size_t)size);
    } else if (keep(connection, buffer, (size_t)size)) {
        take(connection, connection->kept, connection->kept_size);
    } else {
        fail(connection, false);
    }
}

/* The rest of a request that did not fit into the socket. */
static void send_rest(struct connection *connection)
{
    const ssize_t sent =
        send(connection->fd, connection->kept, connection->kept_size, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        fail(connection, false);
        return;
    }
    if (sent > 0) {
        connection->kept_size -= (size_t)sent;
        memmove(connection->kept, connection->kept + sent, connection->kept_size);
    }
    if (connection->kept_size > 0) {
        event_add(connection->write_event, NULL);
    } else {
        event_add(connection->read_event, NULL);
        connection->group->events.on_sent(connection->group->arg, connection);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;
    int error = 0;
    socklen_t size = sizeof error;

    (void)what;
    if (connection->state != CONNECTION_OPENING) {
        send_rest(connection);
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        errno = error;
        fail(connection, false);
        return;
    }
    if (connection->kept_size > 0) {
        connection->state = CONNECTION_BUSY;
        send_rest(connection);
        return;
    }
    connection->state = CONNECTION_IDLE;
    event_add(connection->read_event, NULL);
    connection->group->events.on_open(connection->group->arg, connection);
}

static bool prepare_events(struct connection *connection)
{
    struct event_base *base = connection->group->base;

    connection->read_event =
        event_new(base, connection->fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->write_event = event_new(base, connection->fd, EV_WRITE, on_writable, connection);
    if (connection->read_event && connection->write_event
        && event_add(connection->write_event, NULL) == 0) {
        return true;
    }
    if (connection->read_event) {
        event_free(connection->read_event);
    }
    if (connection->write_event) {
        event_free(connection->write_event);
    }
    return false;
}

/* A source address is bound without a port, so that one address and port can serve several
 * targets. */
static bool begin_connect(struct connection *connection)
{
    const int one = 1;
    const int fd = connection->fd;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connection->source.sin_family == AF_INET) {
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (const struct sockaddr *)&connection->source, sizeof connection->source)
            != 0) {
            return false;
        }
    }
    return connect(fd, (const struct sockaddr *)connection->target, sizeof *connection->target) == 0
           || errno == EINPROGRESS;
}

bool connection_open(struct connection *connection)
{
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        return false;
    }
    if (!begin_connect(connection) || !prepare_events(connection)) {
        const int error = errno;
        close(connection->fd);
        errno = error;
        return false;
    }
    connection->state = CONNECTION_OPENING;
    return true;
}

bool connection_request(struct connection *connection, const char *request, size_t size)
{
    if (!connection_open(connection)) {
        return false;
    }
    if (!keep(connection, request, size)) {
        connection_close(connection);
        errno = ENOMEM;
        return false;
    }
    return true;
}

bool connection_is_sent(const struct connection *connection)
{
    return connection->state == CONNECTION_BUSY
           && event_pending(connection->read_event, EV_READ, NULL);
}

bool connection_send(struct connection *connection, const char *request, size_t size)
{
    const ssize_t sent = send(connection->fd, request, size, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        fail(connection, false);
        return false;
    }
    connection->state = CONNECTION_BUSY;
    if (sent < 0 || (size_t)sent < size) {
        const size_t done = sent < 0 ? 0 : (size_t)sent;
        if (!keep(connection, request + done, size - done)) {
            connection->state = CONNECTION_IDLE;
            fail(connection, false);
            return false;
        }
        event_del(connection->read_event);
        event_add(connection->write_event, NULL);
    }
    return true;
}
