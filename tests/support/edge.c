#include "support/edge.h"

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

/* ---- handlers ---- */

static struct http_slice text_slice(const char *text)
{
    return (struct http_slice){text, strlen(text)};
}

static void reply_text(struct http_exchange *exchange, struct http_slice body)
{
    const struct http_reply reply = {.status = 200, .content_type = "text/plain", .body = body};

    http_reply(exchange, &reply);
}

static void on_ok(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    (void)arg;
    (void)request;
    reply_text(exchange, text_slice("ok"));
}

static void on_echo(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    (void)arg;
    reply_text(exchange, request->body);
}

static void on_hold(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct edge *edge = arg;

    (void)request;
    cr_assert(edge->held_count < EDGE_HELD_MAX);
    http_exchange_set_user(exchange, edge);
    edge->held[edge->held_count++] = exchange;
}

static void on_big(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct edge *edge = arg;
    char *body = malloc(edge->big_size + 1);

    (void)request;
    memset(body, 'b', edge->big_size);
    reply_text(exchange, (struct http_slice){body, edge->big_size});
    free(body);
}

static void on_order(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    char body[256];

    (void)arg;
    cr_assert(request->param_count == 2);
    snprintf(body, sizeof body, "%.*s %.*s", (int)request->params[0].size, request->params[0].data,
             (int)request->params[1].size, request->params[1].data);
    reply_text(exchange, text_slice(body));
}

static void on_trace(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    char body[256];

    (void)arg;
    (void)request;
    snprintf(body, sizeof body, "%s %s", http_exchange_request_id(exchange),
             http_exchange_traceparent(exchange)->text);
    reply_text(exchange, text_slice(body));
}

static void on_problem(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct http_problem_text text;
    const struct http_problem_extra extra = {
        .detail = "a \"quoted\" detail",
        .members = text_slice("\"order\":\"/v1/sales/7/orders/1\""),
        .headers = text_slice("X-More: 1\r\n"),
    };

    (void)arg;
    (void)request;
    http_problem_init_outcome(&text, OUTCOME_SOLD_OUT);
    http_reply_problem(exchange, &text, &extra);
}

static void on_retry(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct http_problem_text text;

    (void)arg;
    (void)request;
    http_problem_init_outcome(&text, OUTCOME_OVERLOADED);
    http_reply_problem(exchange, &text, NULL);
}

static bool on_shed(void *arg)
{
    const struct edge *edge = arg;

    return edge->shed;
}

/* ---- the server ---- */

struct http_server_options edge_options(void)
{
    return (struct http_server_options){
        .connections_max = 32,
        .exchanges_max = 64,
        .pipeline_max = 4,
        .header_timeout_ms = EDGE_DEADLINE_MS,
        .body_timeout_ms = EDGE_DEADLINE_MS,
        .idle_timeout_ms = 6 * EDGE_DEADLINE_MS, /* nothing ends by it that should by itself */
        .write_timeout_ms = EDGE_DEADLINE_MS,
        .requests_metric = METRIC_http_requests_total,
    };
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

void edge_start(struct edge *edge, const struct http_server_options *options)
{
    const struct http_route routes[] = {
        {HTTP_METHOD_GET, "/ok", on_ok, edge, HTTP_ROUTE_HEAD},
        {HTTP_METHOD_POST, "/echo", on_echo, edge, HTTP_ROUTE_BODY},
        {HTTP_METHOD_POST, "/json", on_echo, edge, HTTP_ROUTE_JSON},
        {HTTP_METHOD_GET, "/hold", on_hold, edge, 0},
        {HTTP_METHOD_GET, "/big", on_big, edge, 0},
        {HTTP_METHOD_GET, "/v1/sales/{sale}/orders/{order}", on_order, edge, 0},
        {HTTP_METHOD_GET, "/trace", on_trace, edge, 0},
        {HTTP_METHOD_GET, "/problem", on_problem, edge, 0},
        {HTTP_METHOD_GET, "/retry", on_retry, edge, 0},
        {HTTP_METHOD_GET, "/vital", on_ok, edge, HTTP_ROUTE_VITAL},
    };

    edge_start_with(edge, options, routes, sizeof routes / sizeof routes[0], metrics_create());
}

void edge_start_with(struct edge *edge, const struct http_server_options *options,
                     const struct http_route *routes, uint32_t route_count, struct metrics *metrics)
{
    struct http_server_options all = *options;
    char error[HTTP_ERROR_SIZE];

    memset(edge, 0, sizeof *edge);
    edge->loop = loop_create(&(struct loop_options){.name = "edge"});
    edge->metrics = metrics;
    cr_assert(edge->loop && edge->metrics);
    all.loop = edge->loop;
    all.address = "127.0.0.1";
    all.routes = routes;
    all.route_count = route_count;
    all.shard = metrics_shard(edge->metrics);
    all.shed = on_shed;
    all.shed_arg = edge;
    cr_assert(http_server_create(&all, &edge->server, error) == ERR_OK, "%s", error);
    edge->port = http_server_port(edge->server);
    cr_assert(pthread_create(&edge->thread, NULL, run, edge->loop) == 0);
}

struct call {
    loop_fn *fn;
    void *arg;
    sem_t done;
};

static void on_call(void *arg)
{
    struct call *call = arg;

    call->fn(call->arg);
    sem_post(&call->done);
}

void edge_call(struct edge *edge, loop_fn *fn, void *arg)
{
    struct call call = {.fn = fn, .arg = arg};

    sem_init(&call.done, 0, 0);
    cr_assert(loop_post(edge->loop, on_call, &call) == ERR_OK);
    while (sem_wait(&call.done) != 0) {
    }
    sem_destroy(&call.done);
}

static void destroy(void *arg)
{
    struct edge *edge = arg;

    http_server_destroy(edge->server);
    edge->server = NULL;
}

void edge_stop(struct edge *edge)
{
    edge_call(edge, destroy, edge);
    loop_stop(edge->loop);
    cr_assert(pthread_join(edge->thread, NULL) == 0);
    loop_destroy(edge->loop);
    metrics_destroy(edge->metrics);
}

struct ask {
    struct edge *edge;
    uint32_t number;
    uint32_t value;
};

static void ask_held(void *arg)
{
    struct ask *ask = arg;

    ask->value = ask->edge->held_count;
}

static void ask_connections(void *arg)
{
    struct ask *ask = arg;

    ask->value = http_server_connection_count(ask->edge->server);
}

static void ask_exchanges(void *arg)
{
    struct ask *ask = arg;

    ask->value = http_server_exchange_count(ask->edge->server);
}

static void ask_gone(void *arg)
{
    struct ask *ask = arg;

    ask->value = http_exchange_client_gone(ask->edge->held[ask->number]);
}

static void ask_drained(void *arg)
{
    struct ask *ask = arg;

    ask->value = ask->edge->drained_count;
}

void edge_answer_here(struct edge *edge, uint32_t number)
{
    struct http_exchange *exchange = edge->held[number];
    char body[16];

    cr_assert(exchange && http_exchange_user(exchange) == edge);
    edge->held[number] = NULL;
    snprintf(body, sizeof body, "%u", number);
    reply_text(exchange, text_slice(body));
}

static void ask_answer(void *arg)
{
    struct ask *ask = arg;

    edge_answer_here(ask->edge, ask->number);
}

void edge_pause(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    nanosleep(&pause, NULL);
}

static void ask_answer_big(void *arg)
{
    struct ask *ask = arg;
    struct http_exchange *exchange = ask->edge->held[ask->number];

    ask->edge->held[ask->number] = NULL;
    on_big(ask->edge, exchange, NULL);
}

static uint32_t ask(struct edge *edge, loop_fn *fn, uint32_t number)
{
    struct ask question = {.edge = edge, .number = number};

    edge_call(edge, fn, &question);
    return question.value;
}

/* Polls: the value is the loop's, and nothing tells when it changes. */
static void await(struct edge *edge, loop_fn *fn, uint32_t wanted, const char *what)
{
    int64_t deadline_us = clock_mono_us() + EDGE_DEADLINE_MS * INT64_C(1000);
    uint32_t value;

    while ((value = ask(edge, fn, 0)) != wanted) {
        cr_assert(clock_mono_us() < deadline_us, "%s: %u, wanted %u", what, value, wanted);
        edge_pause();
    }
}

void edge_await_held(struct edge *edge, uint32_t count)
{
    await(edge, ask_held, count, "held");
}

void edge_answer(struct edge *edge, uint32_t number)
{
    (void)ask(edge, ask_answer, number);
}

void edge_answer_big(struct edge *edge, uint32_t number)
{
    (void)ask(edge, ask_answer_big, number);
}

uint32_t edge_held(struct edge *edge)
{
    return ask(edge, ask_held, 0);
}

bool edge_client_gone(struct edge *edge, uint32_t number)
{
    return ask(edge, ask_gone, number) != 0;
}

uint32_t edge_connections(struct edge *edge)
{
    return ask(edge, ask_connections, 0);
}

uint32_t edge_exchanges(struct edge *edge)
{
    return ask(edge, ask_exchanges, 0);
}

void edge_await_connections(struct edge *edge, uint32_t count)
{
    await(edge, ask_connections, count, "connections");
}

void edge_await_exchanges(struct edge *edge, uint32_t count)
{
    await(edge, ask_exchanges, count, "exchanges");
}

static void on_drained(void *arg)
{
    struct edge *edge = arg;

    edge->drained_count++;
}

void edge_drain_here(struct edge *edge)
{
    http_server_drain(edge->server, on_drained, edge);
}

static void drain(void *arg)
{
    edge_drain_here(arg);
}

void edge_drain(struct edge *edge)
{
    edge_call(edge, drain, edge);
}

void edge_await_drained(struct edge *edge)
{
    await(edge, ask_drained, 1, "drained");
}
