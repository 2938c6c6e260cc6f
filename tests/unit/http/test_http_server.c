#include "http/http_server.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "support/edge.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect_answer(const struct edge *edge, const char *request, int status,
                          const char *code)
{
    struct edge_reply reply;
    char wanted[96];
    int fd = edge_connect(edge);

    edge_send(fd, request);
    edge_receive(fd, false, &reply);
    snprintf(wanted, sizeof wanted, "\"code\":\"%s\"", code);
    cr_assert(reply.status == status && strstr(reply.body, wanted), "%s%s", reply.head, reply.body);
    edge_reply_finish(&reply);
    edge_send(fd, GET("/ok")); /* a refusal by the server does not end the connection */
    edge_expect(fd, 200, "ok");
    close(fd);
}

static void on_never(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    (void)arg;
    (void)exchange;
    (void)request;
    cr_assert_fail("not asked for");
}

Test(http_server, a_server_that_cannot_be_made_says_why)
{
    struct loop *loop = loop_create(&(struct loop_options){.name = "test"});
    struct http_server_options options = edge_options();
    const struct http_route bad = {HTTP_METHOD_GET, "no-slash", on_never, NULL, 0};
    struct http_server *server = NULL;
    char error[HTTP_ERROR_SIZE] = "";

    options.loop = loop;
    options.address = "256.0.0.1";
    cr_assert(http_server_create(&options, &server, error) == ERR_CONFIG && !server);
    cr_assert(strstr(error, "256.0.0.1"), "%s", error);
    options.address = "127.0.0.1";
    options.routes = &bad;
    options.route_count = 1;
    cr_assert(http_server_create(&options, &server, error) == ERR_CONFIG && !server);
    cr_assert(strstr(error, "no-slash"), "%s", error);
    options.route_count = 0;
    cr_assert(http_server_create(&options, &server, error) == ERR_OK, "%s", error);
    cr_assert(http_server_port(server) != 0);
    http_server_destroy(server);
    http_server_destroy(NULL);
    loop_destroy(loop);
}

Test(http_server, what_no_route_takes_is_404_or_405)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    expect_answer(&edge, GET("/none"), 404, "not-found");
    expect_answer(&edge, "DELETE /ok HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method-not-allowed");
    expect_answer(&edge, "BREW /ok HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method-not-allowed");
    expect_answer(&edge, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not-found");
    edge_stop(&edge);
}

Test(http_server, parameters_reach_the_handler)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    edge_exchange(&edge, GET("/v1/sales/7/orders/12?x=y"), 200, "7 12");
    edge_exchange(&edge, "GET http://A/v1/sales/7/orders/12 HTTP/1.1\r\nHost: a\r\n\r\n", 200,
                  "7 12");
    edge_stop(&edge);
}

Test(http_server, a_route_gets_the_body_it_asks_for)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    expect_answer(&edge, "POST /echo HTTP/1.1\r\nHost: a\r\n\r\n", 411, "length-required");
    expect_answer(&edge, "POST /json HTTP/1.1\r\nHost: a\r\n\r\n", 411, "length-required");
    expect_answer(&edge, "POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", 415,
                  "unsupported-media-type");
    expect_answer(&edge,
                  "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
                  "Content-Length: 2\r\n\r\n{}",
                  415, "unsupported-media-type");
    edge_exchange(&edge,
                  "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  "Content-Length: 2\r\n\r\n{}",
                  200, "{}");
    edge_exchange(&edge, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, "");
    edge_stop(&edge);
}

Test(http_server, another_host_is_refused_when_one_is_set)
{
    struct http_server_options options = edge_options();
    struct edge edge;

    options.host = "a";
    edge_start(&edge, &options);
    expect_answer(&edge, "GET /ok HTTP/1.1\r\nHost: b\r\n\r\n", 400, "bad-host");
    edge_exchange(&edge, "GET /ok HTTP/1.1\r\nHost: A:8080\r\n\r\n", 200, "ok");
    edge_exchange(&edge, "GET /ok HTTP/1.0\r\n\r\n", 400, NULL);
    edge_stop(&edge);
}

Test(http_server, a_smaller_body_ceiling_holds)
{
    struct http_server_options options = edge_options();
    struct edge edge;

    options.body_max = 10;
    edge_start(&edge, &options);
    edge_exchange(&edge, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
                  200, "0123456789");
    edge_expect_refused(&edge, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413,
                        "body-too-large");
    edge_stop(&edge);
}

static void set_shed(void *arg)
{
    struct edge *edge = arg;

    edge->shed = !edge->shed;
}

Test(http_server, shedding_spares_what_is_vital)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    edge_call(&edge, set_shed, &edge);
    edge_exchange(&edge, GET("/ok"), 503, NULL);
    edge_exchange(&edge, GET("/vital"), 200, "ok");
    edge_exchange(&edge, GET("/none"), 404, NULL);
    edge_call(&edge, set_shed, &edge);
    edge_exchange(&edge, GET("/ok"), 200, "ok");
    edge_stop(&edge);
}

static int64_t requests(const struct edge *edge, uint32_t label)
{
    return metrics_value(edge->metrics, METRIC_http_requests_total, label);
}

Test(http_server, requests_and_problems_are_counted)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    edge_exchange(&edge, GET("/ok"), 200, "ok");
    edge_exchange(&edge, GET("/none"), 404, NULL);
    edge_expect_refused(&edge, "GET / HTTP/1.1\r\n\r\n", 400, "bad-host");
    edge_exchange(&edge, GET("/retry"), 503, NULL);
    edge_await_connections(&edge, 0);
    cr_assert(requests(&edge, LABEL_STATUS_CLASS_2XX) == 1);
    cr_assert(requests(&edge, LABEL_STATUS_CLASS_4XX) == 2);
    cr_assert(requests(&edge, LABEL_STATUS_CLASS_5XX) == 1);
    cr_assert(metrics_value(edge.metrics, METRIC_http_problems_total, HTTP_PROBLEM_NOT_FOUND) == 1);
    cr_assert(metrics_value(edge.metrics, METRIC_http_problems_total, HTTP_PROBLEM_BAD_HOST) == 1);
    cr_assert(metrics_value(edge.metrics, METRIC_connections_total, 0) == 4);
    cr_assert(metrics_value(edge.metrics, METRIC_open_connections, 0) == 0);
    edge_stop(&edge);
}

struct received {
    struct edge *edge;
    int64_t at_us;
};

static void ask_received(void *arg)
{
    struct received *received = arg;

    received->at_us = http_exchange_received_us(received->edge->held[0]);
}

Test(http_server, a_request_is_received_when_its_last_byte_is)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct received received = {.edge = &edge};
    int64_t before_us;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r");
    edge_await_connections(&edge, 1);
    before_us = clock_mono_us();
    edge_send(fd, "\n");
    edge_await_held(&edge, 1);
    edge_call(&edge, ask_received, &received);
    cr_assert(received.at_us >= before_us && received.at_us <= clock_mono_us());
    edge_answer(&edge, 0);
    edge_expect(fd, 200, "0");
    close(fd);
    edge_stop(&edge);
}

Test(http_server, draining_closes_the_idle_and_finishes_what_is_in_work)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    char value[16];
    int idle;
    int busy;
    int partial;

    edge_start(&edge, &options);
    idle = edge_connect(&edge);
    edge_send(idle, GET("/ok"));
    edge_expect(idle, 200, "ok");
    busy = edge_connect(&edge);
    edge_send(busy, GET("/hold") GET("/hold"));
    edge_await_held(&edge, 2);
    partial = edge_connect(&edge);
    edge_send(partial, "GET /ok HTTP/1.1\r\nHost: a\r\n");
    edge_await_connections(&edge, 3);
    edge_drain(&edge);
    edge_expect_end(idle);
    edge_answer(&edge, 0);
    edge_receive(busy, false, &reply);
    cr_assert(!edge_reply_field(&reply, "Connection", value, sizeof value), "the first of two");
    edge_reply_finish(&reply);
    edge_answer(&edge, 1);
    edge_receive(busy, false, &reply);
    cr_assert(edge_reply_field(&reply, "Connection", value, sizeof value));
    edge_reply_finish(&reply);
    edge_expect_end(busy);
    edge_send(partial, "\r\n");
    edge_receive(partial, false, &reply);
    cr_assert(reply.status == 200);
    cr_assert(edge_reply_field(&reply, "Connection", value, sizeof value));
    edge_reply_finish(&reply);
    edge_expect_end(partial);
    cr_assert(edge.drained_count == 0, "our clients still hold their ends");
    close(idle);
    close(busy);
    close(partial);
    edge_await_drained(&edge);
    edge_stop(&edge);
}

Test(http_server, draining_ends_after_a_slow_answer)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    int fd;

    fd = edge_start_narrow(&edge, &options);
    edge_send(fd, GET("/big"));
    edge_await_connections(&edge, 1);
    while (metrics_value(edge.metrics, METRIC_http_requests_total, LABEL_STATUS_CLASS_2XX) == 0) {
        edge_pause();
    }
    edge_drain(&edge);
    edge_receive(fd, false, &reply);
    cr_assert(reply.body_size == edge.big_size);
    edge_reply_finish(&reply);
    edge_expect_end(fd);
    close(fd);
    edge_await_drained(&edge);
    edge_stop(&edge);
}

struct queued {
    struct edge *edge;
    int with_request, without;
};

/* On the loop's thread: the kernel takes the connections, nobody accepts them. */
static void connect_and_drain(void *arg)
{
    struct queued *queued = arg;

    queued->with_request = edge_connect(queued->edge);
    edge_send(queued->with_request, GET("/ok"));
    queued->without = edge_connect(queued->edge);
    edge_drain_here(queued->edge);
}

Test(http_server, draining_answers_what_waits_in_the_kernel)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct queued queued = {.edge = &edge};

    edge_start(&edge, &options);
    edge_call(&edge, connect_and_drain, &queued);
    edge_expect(queued.with_request, 200, "ok");
    edge_expect_end(queued.with_request);
    edge_expect_end(queued.without);
    close(queued.with_request);
    close(queued.without);
    edge_await_drained(&edge);
    edge_stop(&edge);
}

Test(http_server, draining_without_connections_is_done_at_once)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    edge_drain(&edge);
    edge_await_drained(&edge);
    edge_stop(&edge);
}

Test(http_server, destroying_cuts_what_is_open)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int busy;
    int full;

    edge_start(&edge, &options);
    busy = edge_connect(&edge);
    edge_send(busy, GET("/hold"));
    full = edge_connect(&edge);
    edge_send(full, GET("/hold") GET("/hold") GET("/hold") GET("/hold") GET("/ok"));
    edge_await_held(&edge, 5);
    edge_answer(&edge, 1);
    edge_stop(&edge);
    close(busy);
    close(full);
}
