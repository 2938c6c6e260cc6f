/* What a connection is, by its fields (is_broken aside, which ends in destroy at once):  idle
 * no exchange, nothing saved, nothing unsent       waits for a request, or is closed by time
 * partial     saved bytes of one request                       waits for the rest: 408 by time
 * in work     exchanges                                        handlers answer; reads on full
 * exchanges = pipeline_max, or unsent bytes        parses and reads no further; then resumes
 * closing     no further request is parsed                     answers what is in work, then its
 * failure lingering   all told, our side shut                          throws away what comes,
 * then closes  on_readable → work → take_request → handler → http_reply → http_conn_answer_end →
 * http_conn_settle, which alone decides what comes next. Inside work() an answer is only
 * gathered: one send for all of a turn. */
#include "http/http_conn.h"

#include "common/assert.h"
#include "http/http_output.h"
#include "http/http_saved.h"
#include "http/http_syntax.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Idle deadlines are rounded up to this: thousands of them share a slot of the timer wheel. */
enum { IDLE_STEP_US = 131072 };

static const char continue_text[] = "HTTP/1.1 100 Continue\r\n\r\n";

void http_conn_set_deadline(struct http_conn *conn, enum http_deadline deadline, int64_t delay_us)
{
    int64_t due_us = loop_now_us(conn->server->loop) + delay_us;

    if (deadline == HTTP_DEADLINE_IDLE) {
        due_us = (due_us / IDLE_STEP_US + 1) * IDLE_STEP_US;
    }
    conn->deadline = deadline;
    conn->deadline_us = due_us;
    /* A timer that fires too early looks again: nothing is moved per request. */
    if (!timer_is_running(&conn->timer) || conn->timer.due_us > due_us) {
        timer_start_at(&conn->timer, due_us);
    }
}

static void read_on(struct http_conn *conn)
{
    if (!conn->is_reading && !conn->is_eof) {
        ASSERT(event_add(&conn->read_event, NULL) == 0);
        conn->is_reading = true;
    }
}

static void read_not(struct http_conn *conn)
{
    if (conn->is_reading) {
        ASSERT(event_del(&conn->read_event) == 0);
        conn->is_reading = false;
    }
}

/* A further request may be taken: there is room for it and for its answer. */
static bool may_parse(const struct http_conn *conn)
{
    const struct http_server *server = conn->server;

    if (conn->is_closing || conn->is_broken || conn->unsent.size > 0
        || conn->exchange_count >= server->options.pipeline_max) {
        return false;
    }
    /* With none free, a connection that has some waits for its own; one that has none is told
     * 503. */
    return conn->exchange_count == 0
           || slab_taken_count(server->exchanges) < slab_item_count(server->exchanges);
}

/* Nothing is parsed any more; `problem` is told when all before it is answered. */
static void fail(struct http_conn *conn, const struct http_problem_text *problem)
{
    conn->failure = problem;
    conn->is_closing = true;
}

static void fail_with(struct http_conn *conn, enum http_problem problem)
{
    metrics_add(conn->server->options.shard, METRIC_http_problems_total, (uint32_t)problem, 1);
    fail(conn, &conn->server->problems[problem]);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    if (http_output_write(conn)) {
        conn->deadline = HTTP_DEADLINE_NONE;
        http_conn_settle(conn);
    }
}

/* ---- requests ---- */

static void note_trace(struct http_exchange *exchange, const struct http_request *request)
{
    struct http_slice id = http_request_known(request, HTTP_HEADER_X_REQUEST_ID);
    struct http_slice trace = http_request_known(request, HTTP_HEADER_TRACEPARENT);

    if (id.data && http_syntax_is_request_id(id.data, id.size)) {
        memcpy(exchange->request_id, id.data, id.size);
        exchange->request_id_size = (uint8_t)id.size;
    } else {
        exchange->request_id_size = http_reply_make_id(exchange->server, exchange->request_id);
    }
    if (!trace.data
        || traceparent_parse(trace.data, trace.size, &exchange->traceparent) != ERR_OK) {
        exchange->traceparent.text[0] = '\0';
    }
}

/* A whole request begins at `data`, and the parser tells what it is. */
static void take_request(struct http_conn *conn, const char *data, int64_t received_us)
{
    struct http_server *server = conn->server;
    struct http_exchange *exchange = slab_take(server->exchanges);
    struct http_request request = {0};

    conn->deadline = HTTP_DEADLINE_NONE;
    conn->continue_done = false;
    conn->continue_due = false;
    if (!exchange) {
        metrics_add(server->options.shard, METRIC_shed_total, LABEL_SHED_EXCHANGES, 1);
        fail(conn, &server->overloaded);
        return;
    }
    exchange->server = server;
    exchange->conn = conn;
    exchange->received_us = received_us;
    exchange->is_head = server->parser.method == HTTP_METHOD_HEAD;
    exchange->wants_close = http_parser_wants_close(&server->parser);
    conn->is_closing |= exchange->wants_close;
    if (conn->last) {
        conn->last->next = exchange;
    } else {
        conn->first = exchange;
    }
    conn->last = exchange;
    conn->exchange_count++;
    http_parser_request(&server->parser, data, &request);
    note_trace(exchange, &request);
    http_server_dispatch(server, exchange, &request);
}

/* The client waits with its body: tell it to go on, in the order of the answers. */
static void go_on(struct http_conn *conn, size_t size)
{
    const struct http_parser *parser = &conn->server->parser;

    if (conn->continue_done || !parser->expects_continue || !http_parser_in_body(parser)
        || size > parser->at) {
        return;
    }
    conn->continue_done = true;
    conn->continue_due = true;
}

/* Keeps what was not parsed; with no memory for it the connection ends in 503. */
static void keep(struct http_conn *conn, const char *data, size_t size, bool is_partial)
{
    if (!http_saved_keep(conn, data, size, is_partial)) {
        metrics_add(conn->server->options.shard, METRIC_shed_total, LABEL_SHED_CONNECTIONS, 1);
        fail(conn, &conn->server->overloaded);
    }
}

/* Takes what is whole in the first `size` bytes of the input, keeps the rest. */
static void parse(struct http_conn *conn, size_t size, int64_t received_us)
{
    struct http_server *server = conn->server;
    struct http_parser *parser = &server->parser;
    char *data = server->input;
    bool is_partial = false;

    while (size > 0 && may_parse(conn) && !is_partial) {
        switch (http_parser_run(parser, data, size)) {
        case HTTP_PARSER_MORE:
            size = http_parser_compact(parser, data, size);
            go_on(conn, size);
            is_partial = true;
            break;
        case HTTP_PARSER_REFUSED: fail_with(conn, parser->problem); break;
        case HTTP_PARSER_DONE:
            take_request(conn, data, received_us);
            data += parser->at;
            size -= parser->at;
            http_parser_begin(parser, server->options.body_max);
            if (server->output.size > HTTP_SENT_AT_ONCE_MAX) {
                http_output_flush(conn);
            }
            break;
        }
    }
    if (size == 0 || conn->is_closing || conn->is_broken) {
        http_saved_drop(conn);
    } else {
        keep(conn, data, size, is_partial);
    }
}

static void work(struct http_conn *conn, size_t size, int64_t received_us)
{
    struct http_server *server = conn->server;

    ASSERT(!server->is_parsing && !conn->is_inside);
    server->is_parsing = true;
    conn->is_inside = true;
    parse(conn, size, received_us);
    conn->is_inside = false;
    server->is_parsing = false;
    http_conn_settle(conn);
}

void http_conn_resume(struct http_conn *conn)
{
    ASSERT(!conn->is_resuming);
    if (conn->saved && !conn->is_partial && may_parse(conn)) {
        work(conn, http_saved_restore(conn), loop_clock_us(conn->server->loop));
    }
}

/* ---- the end ---- */

/* Closing with bytes unread would reset the connection, and the reset may overtake our answer. */
static void finish(struct http_conn *conn)
{
    if (conn->is_eof || shutdown(conn->fd, SHUT_WR) != 0) {
        http_conn_destroy(conn);
        return;
    }
    http_saved_drop(conn);
    conn->is_lingering = true;
    read_on(conn);
    http_conn_set_deadline(conn, HTTP_DEADLINE_LINGER, HTTP_LINGER_US);
}

static void linger(struct http_conn *conn)
{
    ssize_t size = recv(conn->fd, conn->server->input, HTTP_PARSER_BUFFER_SIZE, 0);

    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (size > 0) {
        conn->lingered_size += (uint32_t)size;
    }
    if (size <= 0 || conn->lingered_size > HTTP_LINGER_BYTES_MAX) {
        http_conn_destroy(conn);
    }
}

static bool is_idle(const struct http_conn *conn)
{
    return conn->exchange_count == 0 && !conn->saved && conn->unsent.size == 0 && !conn->is_closing;
}

static void await(struct http_conn *conn)
{
    const struct http_server_options *options = &conn->server->options;

    if (conn->is_partial) {
        bool in_body = http_parser_in_body(&conn->saved->parser);
        enum http_deadline wanted = in_body ? HTTP_DEADLINE_BODY : HTTP_DEADLINE_HEAD;

        if (conn->deadline != wanted) {
            http_conn_set_deadline(
                conn, wanted,
                (int64_t)(in_body ? options->body_timeout_ms : options->header_timeout_ms) * 1000);
        }
    } else if (is_idle(conn)) {
        http_conn_set_deadline(conn, HTTP_DEADLINE_IDLE, (int64_t)options->idle_timeout_ms * 1000);
    } else {
        conn->deadline = HTTP_DEADLINE_NONE;
    }
}

/* What is due once all requests before it are answered. */
static void tell_waiting(struct http_conn *conn)
{
    if (conn->failure) {
        http_reply_write_failure(conn->server, http_output_of(conn), conn->failure);
        conn->failure = NULL;
        conn->continue_due = false;
    }
    if (conn->continue_due) {
        buf_append(http_output_of(conn), continue_text, sizeof continue_text - 1);
        conn->continue_due = false;
    }
    http_output_flush(conn);
}

/* After anything happened: sends, and decides what comes next. May destroy the connection. */
void http_conn_settle(struct http_conn *conn)
{
    ASSERT(!conn->is_inside && !conn->is_lingering);
    http_output_flush(conn);
    if (conn->exchange_count == 0) {
        tell_waiting(conn);
    }
    if (conn->is_broken) {
        http_conn_destroy(conn);
        return;
    }
    if (conn->unsent.size > 0) {
        return; /* on_writable goes on, or the deadline ends it */
    }
    if (conn->exchange_count == 0 && conn->is_closing) {
        finish(conn);
        return;
    }
    if (conn->server->is_draining && is_idle(conn)) {
        http_conn_destroy(conn);
        return;
    }
    if (may_parse(conn)) {
        if (conn->saved && !conn->is_partial) {
            http_server_resume_later(conn->server, conn);
        } else {
            read_on(conn);
        }
    }
    await(conn);
}

/* The client has sent its last byte: what is in work is answered, half a request is refused. */
static void end_input(struct http_conn *conn)
{
    conn->is_eof = true;
    read_not(conn);
    if (conn->saved) {
        fail_with(conn, HTTP_PROBLEM_BAD_REQUEST);
        http_saved_drop(conn);
    }
    conn->is_closing = true;
    http_conn_settle(conn);
}

static void receive(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    size_t have = http_saved_restore(conn);
    ssize_t size;

    ASSERT(have < HTTP_PARSER_BUFFER_SIZE);
    size = recv(conn->fd, server->input + have, HTTP_PARSER_BUFFER_SIZE - have, 0);
    if (size > 0) {
        work(conn, have + (size_t)size, loop_clock_us(server->loop));
        return;
    }
    if (size == 0) {
        end_input(conn);
        return;
    }
    if ((errno != EAGAIN && errno != EINTR) || (server->is_draining && is_idle(conn))) {
        http_conn_destroy(conn);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *conn = arg;

    (void)fd;
    (void)what;
    if (conn->is_lingering) {
        linger(conn);
        return;
    }
    /* Only now, when bytes wait for room: a request that is answered at once costs no epoll_ctl. */
    if (!may_parse(conn) || (conn->saved && !conn->is_partial)) {
        read_not(conn);
        return;
    }
    receive(conn);
}

static void on_timer(void *arg)
{
    struct http_conn *conn = arg;

    if (conn->deadline == HTTP_DEADLINE_NONE) {
        return;
    }
    if (loop_clock_us(conn->server->loop) < conn->deadline_us) {
        timer_start_at(&conn->timer, conn->deadline_us);
        return;
    }
    switch (conn->deadline) {
    case HTTP_DEADLINE_HEAD:
    case HTTP_DEADLINE_BODY:
        fail_with(conn, HTTP_PROBLEM_REQUEST_TIMEOUT);
        http_saved_drop(conn);
        conn->deadline = HTTP_DEADLINE_NONE;
        http_conn_settle(conn);
        return;
    case HTTP_DEADLINE_IDLE:
    case HTTP_DEADLINE_WRITE:
    case HTTP_DEADLINE_LINGER: http_conn_destroy(conn); return;
    case HTTP_DEADLINE_NONE: break;
    }
    UNREACHABLE();
}

/* No room: told at once, and closed. What the client sent already is read, or the close would
 * reset. */
static void refuse(struct http_server *server, int fd)
{
    char thrown_away[4096];
    struct buf out;

    metrics_add(server->options.shard, METRIC_shed_total, LABEL_SHED_CONNECTIONS, 1);
    buf_init(&out, HTTP_SENT_AT_ONCE_MAX);
    http_reply_write_failure(server, &out, &server->overloaded);
    if (!out.failed) {
        (void)recv(fd, thrown_away, sizeof thrown_away, 0);
        (void)send(fd, out.data, out.size, MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
    }
    buf_finish(&out);
    (void)close(fd);
}

void http_conn_accept(struct http_server *server, int fd)
{
    struct http_conn *conn = slab_take(server->conns);
    struct event_base *base = loop_event_base(server->loop);

    metrics_add(server->options.shard, METRIC_connections_total, 0, 1);
    if (!conn) {
        refuse(server, fd);
        return;
    }
    conn->server = server;
    conn->fd = fd;
    buf_init(&conn->unsent, HTTP_UNSENT_MAX);
    timer_init(&conn->timer, server->loop, on_timer, conn);
    ASSERT(event_assign(&conn->read_event, base, fd, EV_READ | EV_PERSIST, on_readable, conn) == 0);
    ASSERT(event_assign(&conn->write_event, base, fd, EV_WRITE | EV_PERSIST, on_writable, conn)
           == 0);
    TAILQ_INSERT_TAIL(&server->conn_list, conn, link);
    metrics_set(server->options.shard, METRIC_open_connections, 0,
                (int64_t)slab_taken_count(server->conns));
    read_on(conn);
    await(conn);
}

void http_conn_destroy(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_exchange *next;

    ASSERT(!conn->is_inside);
    for (struct http_exchange *exchange = conn->first; exchange; exchange = next) {
        next = exchange->next;
        exchange->conn = NULL;
        exchange->next = NULL;
        buf_finish(&exchange->held);
        if (exchange->answered) {
            slab_give(server->exchanges, exchange);
        }
    }
    if (server->output_conn == conn) {
        server->output_conn = NULL;
        buf_clear(&server->output);
    }
    read_not(conn);
    if (conn->is_writing) {
        ASSERT(event_del(&conn->write_event) == 0);
    }
    timer_stop(&conn->timer);
    http_saved_drop(conn);
    buf_finish(&conn->unsent);
    (void)close(conn->fd);
    TAILQ_REMOVE(&server->conn_list, conn, link);
    http_server_resume_not(server, conn);
    slab_give(server->conns, conn);
    http_server_conn_gone(server);
}

void http_conn_drain(struct http_conn *conn)
{
    ASSERT(conn->server->is_draining && !conn->is_inside);
    if (!conn->is_lingering && is_idle(conn)) {
        receive(conn); /* a request that is here already is answered; else it is closed */
    }
}
