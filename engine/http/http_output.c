#include "http/http_output.h"

#include "common/assert.h"
#include "http/http_conn.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>

/* Returns how many bytes the socket took. */
static size_t send_some(struct http_conn *conn, const char *data, size_t size)
{
    ssize_t sent;

    do {
        sent = send(conn->fd, data, size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        return (size_t)sent;
    }
    if (errno != EAGAIN) {
        conn->is_broken = true;
    }
    return 0;
}

static void hold_back(struct http_conn *conn, const char *data, size_t size)
{
    bool is_first = conn->unsent.size == 0;

    buf_append(&conn->unsent, data, size);
    if (conn->unsent.failed) {
        conn->is_broken = true;
        return;
    }
    if (is_first) {
        http_conn_set_deadline(conn, HTTP_DEADLINE_WRITE,
                               (int64_t)conn->server->options.write_timeout_ms * 1000);
    }
    if (!conn->is_writing) {
        ASSERT(event_add(&conn->write_event, NULL) == 0);
        conn->is_writing = true;
    }
}

/* Hands the gathered answers to the socket; what it does not take waits for it. */
void http_output_flush(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct buf *out = &server->output;
    size_t sent = 0;

    if (server->output_conn != conn) {
        return;
    }
    server->output_conn = NULL;
    conn->is_broken |= out->failed;
    if (!conn->is_broken && out->size > 0) {
        if (conn->unsent.size == 0) {
            sent = send_some(conn, out->data, out->size);
        }
        if (sent < out->size && !conn->is_broken) {
            hold_back(conn, out->data + sent, out->size - sent);
        }
    }
    buf_clear(out);
    if (out->capacity > 4 * HTTP_SENT_AT_ONCE_MAX) {
        buf_finish(out);
        buf_init(out, HTTP_UNSENT_MAX);
    }
}

/* The buffer for this connection's answers. */
struct buf *http_output_of(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (server->output_conn && server->output_conn != conn) {
        http_output_flush(server->output_conn);
    }
    server->output_conn = conn;
    return &server->output;
}

bool http_output_write(struct http_conn *conn)
{
    ASSERT(conn->unsent_at < conn->unsent.size);
    conn->unsent_at +=
        send_some(conn, conn->unsent.data + conn->unsent_at, conn->unsent.size - conn->unsent_at);
    if (!conn->is_broken && conn->unsent_at < conn->unsent.size) {
        return false;
    }
    buf_finish(&conn->unsent);
    buf_init(&conn->unsent, HTTP_UNSENT_MAX);
    conn->unsent_at = 0;
    ASSERT(event_del(&conn->write_event) == 0);
    conn->is_writing = false;
    return true;
}

struct buf *http_conn_answer_begin(struct http_exchange *exchange)
{
    struct http_conn *conn = exchange->conn;

    loop_assert_owner(exchange->server->loop);
    ASSERT(!exchange->answered);
    if (!conn) {
        return NULL;
    }
    if (conn->first == exchange) {
        return http_output_of(conn);
    }
    buf_init(&exchange->held, HTTP_UNSENT_MAX);
    return &exchange->held;
}

bool http_conn_answer_closes(const struct http_exchange *exchange)
{
    if (exchange->wants_close) {
        return true;
    }
    /* Draining: the last one in work; what the client sent behind it is not looked at. */
    if (exchange->server->is_draining && exchange->conn && !exchange->next) {
        exchange->conn->is_closing = true;
        return !exchange->conn->failure;
    }
    return false;
}

static void pop_exchange(struct http_conn *conn)
{
    struct http_exchange *exchange = conn->first;

    conn->first = exchange->next;
    if (!conn->first) {
        conn->last = NULL;
    }
    conn->exchange_count--;
    buf_finish(&exchange->held);
    slab_give(conn->server->exchanges, exchange);
}

void http_conn_answer_end(struct http_exchange *exchange)
{
    struct http_conn *conn = exchange->conn;
    struct buf *out;

    ASSERT(!exchange->answered);
    if (!conn) {
        slab_give(exchange->server->exchanges, exchange);
        return;
    }
    exchange->answered = true;
    if (conn->first != exchange) {
        return;
    }
    pop_exchange(conn);
    out = http_output_of(conn);
    while (conn->first && conn->first->answered) {
        out->failed |= conn->first->held.failed;
        buf_append(out, conn->first->held.data, conn->first->held.size);
        pop_exchange(conn);
    }
    if (!conn->is_inside) {
        http_conn_settle(conn);
    }
}
