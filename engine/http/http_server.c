#include "http/http_server.h"

#include "common/assert.h"
#include "http/http_conn.h"
#include "http/http_saved.h"
#include "http/http_syntax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_accepted(void *arg, int fd)
{
    http_conn_accept(arg, fd);
}

static void free_server(struct http_server *server)
{
    http_router_destroy(server->router);
    slab_destroy(server->conns);
    slab_destroy(server->exchanges);
    http_saved_destroy_pools(server);
    buf_finish(&server->output);
    free(server->input);
    free(server);
}

static void prepare_problems(struct http_server *server)
{
    for (int problem = 0; problem < HTTP_PROBLEM_COUNT; problem++) {
        http_problem_init_table(&server->problems[problem], (enum http_problem)problem);
    }
    http_problem_init_outcome(&server->overloaded, OUTCOME_OVERLOADED);
}

static bool allocate(struct http_server *server)
{
    server->conns = slab_create(sizeof(struct http_conn), server->options.connections_max);
    server->exchanges = slab_create(sizeof(struct http_exchange), server->options.exchanges_max);
    server->input = malloc(HTTP_PARSER_BUFFER_SIZE);
    return http_saved_create_pools(server) && server->conns && server->exchanges && server->input;
}

static enum err create_router(struct http_server *server, const struct http_server_options *options,
                              char error[static HTTP_ERROR_SIZE])
{
    const struct http_route *bad;

    server->router = http_router_create(options->routes, options->route_count, &bad);
    if (server->router) {
        return ERR_OK;
    }
    (void)snprintf(error, HTTP_ERROR_SIZE, "route %.80s: %s", bad ? bad->pattern : "",
                   bad ? "bad pattern, or twice" : err_text(ERR_NO_MEMORY));
    return bad ? ERR_CONFIG : ERR_NO_MEMORY;
}

static enum err create_listener(struct http_server *server,
                                const struct http_server_options *options,
                                char error[static HTTP_ERROR_SIZE])
{
    const struct http_listener_options listener = {
        .loop = options->loop,
        .address = options->address,
        .port = options->port,
        .reuse_port = options->reuse_port,
        .shard = options->shard,
        .accepted = on_accepted,
        .arg = server,
    };
    enum err err = http_listener_create(&listener, &server->listener, error);

    if (err == ERR_OK) {
        server->port = http_listener_port(server->listener);
    }
    return err;
}

enum err http_server_create(const struct http_server_options *options,
                            struct http_server **ret_server, char error[static HTTP_ERROR_SIZE])
{
    struct http_server *server = calloc(1, sizeof *server);
    enum err err;

    ASSERT(options->connections_max > 0 && options->exchanges_max > 0 && options->pipeline_max > 0);
    ASSERT(options->body_max <= HTTP_BODY_MAX);
    static_assert((int)HTTP_BODY_MAX == (int)HTTP_PARSER_BODY_MAX, "one ceiling");
    loop_assert_owner(options->loop);
    if (!server) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "%s", err_text(ERR_NO_MEMORY));
        return ERR_NO_MEMORY;
    }
    server->options = *options;
    server->options.address = NULL;
    server->options.routes = NULL;
    server->options.body_max = options->body_max ? options->body_max : HTTP_BODY_MAX;
    server->loop = options->loop;
    server->request_seed = loop_random(options->loop);
    TAILQ_INIT(&server->conn_list);
    TAILQ_INIT(&server->resume_list);
    buf_init(&server->output, HTTP_UNSENT_MAX);
    prepare_problems(server);
    if (!allocate(server)) {
        (void)snprintf(error, HTTP_ERROR_SIZE, "%s", err_text(ERR_NO_MEMORY));
        free_server(server);
        return ERR_NO_MEMORY;
    }
    err = create_router(server, options, error);
    if (err == ERR_OK) {
        err = create_listener(server, options, error);
    }
    if (err != ERR_OK) {
        free_server(server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

uint32_t http_server_connection_count(const struct http_server *server)
{
    return slab_taken_count(server->conns);
}

uint32_t http_server_exchange_count(const struct http_server *server)
{
    return slab_taken_count(server->exchanges);
}

/* ---- requests ---- */

/* What the server asks of a request, whatever its route. */
static bool is_our_host(const struct http_server *server, const struct http_request *request)
{
    const char *wanted = server->options.host;
    struct http_slice host;

    if (!wanted || wanted[0] == '\0') {
        return true;
    }
    host = http_request_known(request, HTTP_HEADER_HOST);
    return host.data && http_syntax_host_matches(host, (struct http_slice){wanted, strlen(wanted)});
}

/* HTTP_PROBLEM_COUNT: the body is as the route wants it. */
static enum http_problem check_body(const struct http_route *route,
                                    const struct http_request *request)
{
    const struct http_parser *parser = request->parser;

    if (!(route->flags & (HTTP_ROUTE_JSON | HTTP_ROUTE_BODY))) {
        return HTTP_PROBLEM_COUNT;
    }
    if (!parser->has_length && !parser->is_chunked) {
        return HTTP_PROBLEM_LENGTH_REQUIRED;
    }
    if ((route->flags & HTTP_ROUTE_JSON)
        && !http_syntax_is_json_type(http_request_known(request, HTTP_HEADER_CONTENT_TYPE))) {
        return HTTP_PROBLEM_UNSUPPORTED_MEDIA_TYPE;
    }
    return HTTP_PROBLEM_COUNT;
}

void http_server_dispatch(struct http_server *server, struct http_exchange *exchange,
                          struct http_request *request)
{
    struct http_router_match match;
    enum http_problem problem;

    if (!is_our_host(server, request)) {
        http_reply_refusal(exchange, HTTP_PROBLEM_BAD_HOST, NULL);
        return;
    }
    match = http_router_find(server->router, request);
    if (!match.route) {
        const struct http_problem_extra extra = {.headers = match.allow};

        http_reply_refusal(
            exchange, match.allow.data ? HTTP_PROBLEM_METHOD_NOT_ALLOWED : HTTP_PROBLEM_NOT_FOUND,
            &extra);
        return;
    }
    if (server->options.shed && !(match.route->flags & HTTP_ROUTE_VITAL)
        && server->options.shed(server->options.shed_arg)) {
        http_reply_problem(exchange, &server->overloaded, NULL);
        return;
    }
    problem = check_body(match.route, request);
    if (problem != HTTP_PROBLEM_COUNT) {
        http_reply_refusal(exchange, problem, NULL);
        return;
    }
    match.route->handler(match.route->arg, exchange, request);
}

static void on_resume(void *arg)
{
    struct http_server *server = arg;
    uint32_t count = server->resume_count;

    server->resume_deferred = false;
    if (server->is_dead) {
        free_server(server);
        return;
    }
    /* Those that come meanwhile wait for the next turn. Any of them may be destroyed meanwhile. */
    for (uint32_t i = 0; i < count && !TAILQ_EMPTY(&server->resume_list); i++) {
        struct http_conn *conn = TAILQ_FIRST(&server->resume_list);

        http_server_resume_not(server, conn);
        http_conn_resume(conn);
    }
}

void http_server_resume_not(struct http_server *server, struct http_conn *conn)
{
    if (conn->is_resuming) {
        conn->is_resuming = false;
        TAILQ_REMOVE(&server->resume_list, conn, resume_link);
        server->resume_count--;
    }
}

void http_server_resume_later(struct http_server *server, struct http_conn *conn)
{
    if (conn->is_resuming) {
        return;
    }
    conn->is_resuming = true;
    TAILQ_INSERT_TAIL(&server->resume_list, conn, resume_link);
    server->resume_count++;
    if (!server->resume_deferred) {
        server->resume_deferred = true;
        loop_defer(server->loop, on_resume, server);
    }
}

/* ---- the end ---- */

void http_server_conn_gone(struct http_server *server)
{
    loop_fn *drained = server->drained;

    metrics_set(server->options.shard, METRIC_open_connections, 0,
                (int64_t)slab_taken_count(server->conns));
    if (drained && TAILQ_EMPTY(&server->conn_list)) {
        server->drained = NULL;
        loop_defer(server->loop, drained, server->drained_arg);
    }
}

void http_server_drain(struct http_server *server, loop_fn *done, void *arg)
{
    uint32_t count;

    loop_assert_owner(server->loop);
    ASSERT(!server->is_draining && !server->is_parsing && done);
    /* What the kernel has queued would be reset by closing the listener. */
    http_listener_drain(server->listener);
    server->is_draining = true;
    /* Each goes to the end before it is looked at: any of them may vanish by that. */
    count = slab_taken_count(server->conns);
    for (uint32_t i = 0; i < count && !TAILQ_EMPTY(&server->conn_list); i++) {
        struct http_conn *conn = TAILQ_FIRST(&server->conn_list);

        TAILQ_REMOVE(&server->conn_list, conn, link);
        TAILQ_INSERT_TAIL(&server->conn_list, conn, link);
        http_conn_drain(conn);
    }
    if (TAILQ_EMPTY(&server->conn_list)) {
        loop_defer(server->loop, done, arg);
        return;
    }
    server->drained = done;
    server->drained_arg = arg;
}

void http_server_destroy(struct http_server *server)
{
    if (!server) {
        return;
    }
    loop_assert_owner(server->loop);
    ASSERT(!server->is_parsing);
    http_listener_destroy(server->listener);
    server->listener = NULL;
    server->drained = NULL;
    while (!TAILQ_EMPTY(&server->conn_list)) {
        http_conn_destroy(TAILQ_FIRST(&server->conn_list));
    }
    if (server->resume_deferred) {
        server->is_dead = true;
        return;
    }
    free_server(server);
}

/* ---- what a handler may ask of its exchange ---- */

int64_t http_exchange_received_us(const struct http_exchange *exchange)
{
    return exchange->received_us;
}

const char *http_exchange_request_id(const struct http_exchange *exchange)
{
    return exchange->request_id;
}

const struct traceparent *http_exchange_traceparent(const struct http_exchange *exchange)
{
    return &exchange->traceparent;
}

bool http_exchange_client_gone(const struct http_exchange *exchange)
{
    return exchange->conn == NULL;
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
    return exchange->user;
}
