/* Connections over real loopback sockets: rows FH3 to FH5 and FE6. */
#include "http/http_conn.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "support/edge.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(length) "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " length "\r\n"

static void start(struct edge *edge)
{
    const struct http_server_options options = edge_options();

    edge_start(edge, &options);
}

Test(http_conn, a_refused_request_is_answered_and_the_connection_closed)
{
    struct edge edge;

    start(&edge);
    edge_expect_refused(&edge, "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "bad-request");
    edge_expect_refused(&edge, "GET / HTTP/1.1\r\n\r\n", 400, "bad-host");
    edge_expect_refused(&edge, "\x16\x03\x01", 400, "bad-request");
    edge_expect_refused(&edge, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad-request");
    edge_expect_refused(&edge, POST("20000") "\r\n", 413, "body-too-large");
    edge_expect_refused(&edge, POST("20000") "Expect: 100-continue\r\n\r\n", 413, "body-too-large");
    edge_expect_refused(&edge, POST("2") "Expect: magic\r\n\r\n", 417, "expectation-failed");
    edge_expect_refused(&edge, POST("2") "Transfer-Encoding: chunked\r\n\r\n", 400, "bad-request");
    edge_expect_refused(&edge, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", 501,
                        "not-implemented");
    edge_await_connections(&edge, 0);
    edge_stop(&edge);
}

Test(http_conn, the_answer_survives_a_body_that_is_not_read_on)
{
    struct edge edge;
    char *body = malloc(60000);
    int fd;

    memset(body, 'x', 60000);
    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, POST("60000") "\r\n");
    edge_send_bytes(fd, body, 60000);
    edge_expect(fd, 413, NULL);
    edge_expect_end(fd);
    close(fd);
    edge_await_connections(&edge, 0);
    free(body);
    edge_stop(&edge);
}

Test(http_conn, a_client_that_never_stops_sending_is_cut)
{
    struct edge edge;
    char junk[4096];
    int fd;
    ssize_t sent;
    size_t total = 0;

    memset(junk, 'x', sizeof junk);
    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, POST("60000") "\r\n");
    edge_expect(fd, 413, NULL);
    do {
        sent = send(fd, junk, sizeof junk, MSG_NOSIGNAL);
        total += sizeof junk;
    } while (sent > 0);
    /* What the kernel's buffers take, and 64 KiB: no second's worth of loopback. */
    cr_assert(total < 32 * 1024 * 1024, "%zu bytes", total);
    close(fd);
    edge_await_connections(&edge, 0);
    edge_stop(&edge);
}

Test(http_conn, a_valid_expectation_is_answered_before_the_body)
{
    struct edge edge;
    struct edge_reply reply;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, POST("5") "Expect: 100-continue\r\n\r\n");
    edge_receive(fd, true, &reply);
    cr_assert_str_eq(reply.head, "HTTP/1.1 100 Continue\r\n\r\n");
    edge_reply_finish(&reply);
    edge_send(fd, "he");
    edge_send(fd, "llo");
    edge_expect(fd, 200, "hello");
    /* The body is here already: nothing to wait for. */
    edge_send(fd, POST("2") "Expect: 100-continue\r\n\r\nyo");
    edge_expect(fd, 200, "yo");
    /* Nor when it has begun to come. */
    edge_send(fd, POST("2") "Expect: 100-continue\r\n\r\ny");
    (void)edge_connections(&edge);
    edge_send(fd, "o");
    edge_expect(fd, 200, "yo");
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, a_continue_keeps_the_order_of_answers)
{
    struct edge edge;
    struct edge_reply reply;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/hold") POST("2") "Expect: 100-continue\r\n\r\n");
    edge_await_held(&edge, 1);
    edge_answer(&edge, 0);
    edge_expect(fd, 200, "0");
    edge_receive(fd, true, &reply);
    cr_assert(reply.status == 100);
    edge_reply_finish(&reply);
    edge_send(fd, "yo");
    edge_expect(fd, 200, "yo");
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, a_thousand_pipelined_requests_are_answered_in_order_and_bounded)
{
    enum { COUNT = 1000 };
    struct edge edge;
    char *requests = malloc(COUNT * 80);
    size_t size = 0;
    int fd;

    for (int i = 0; i < COUNT; i++) {
        size += (size_t)snprintf(requests + size, 80,
                                 "GET /v1/sales/7/orders/%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    }
    start(&edge);
    fd = edge_connect(&edge);
    edge_send_bytes(fd, requests, size);
    for (int i = 0; i < COUNT; i++) {
        char wanted[32];

        snprintf(wanted, sizeof wanted, "7 %d", i);
        edge_expect(fd, 200, wanted);
    }
    close(fd);
    free(requests);
    edge_stop(&edge);
}

Test(http_conn, at_most_pipeline_max_requests_are_in_work_and_the_rest_waits)
{
    struct edge edge;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    for (int i = 0; i < 10; i++) {
        edge_send(fd, GET("/hold"));
    }
    edge_await_held(&edge, 4);
    edge_exchange(&edge, GET("/ok"), 200, "ok"); /* some turns pass */
    edge_await_held(&edge, 4);
    for (uint32_t i = 0; i < 10; i++) {
        char wanted[16];

        edge_await_held(&edge, i + 4 < 10 ? i + 4 : 10);
        edge_answer(&edge, i);
        snprintf(wanted, sizeof wanted, "%u", i);
        edge_expect(fd, 200, wanted);
    }
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, answers_are_written_after_the_clients_fin)
{
    struct edge edge;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    for (int i = 0; i < 6; i++) { /* two more than may be in work at once */
        edge_send(fd, GET("/hold"));
    }
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    edge_await_held(&edge, 4);
    for (uint32_t i = 0; i < 6; i++) {
        edge_await_held(&edge, i + 4 < 6 ? i + 4 : 6);
        edge_answer(&edge, i);
    }
    for (uint32_t i = 0; i < 6; i++) {
        char wanted[16];

        snprintf(wanted, sizeof wanted, "%u", i);
        edge_expect(fd, 200, wanted);
    }
    edge_expect_end(fd);
    close(fd);
    edge_await_connections(&edge, 0);
    edge_stop(&edge);
}

Test(http_conn, half_a_request_and_a_fin_is_a_bad_request)
{
    struct edge edge;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /ok HTTP/1.1\r\nHo");
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    edge_expect(fd, 400, NULL);
    edge_expect_end(fd);
    close(fd);
    /* Nothing at all and a FIN is no request: no answer. */
    fd = edge_connect(&edge);
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    edge_expect_end(fd);
    close(fd);
    edge_await_connections(&edge, 0);
    edge_stop(&edge);
}

Test(http_conn, a_client_that_has_gone_does_not_stop_its_request)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct edge edge;
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/hold") GET("/hold"));
    edge_await_held(&edge, 2);
    cr_assert(!edge_client_gone(&edge, 0));
    edge_answer(&edge, 1); /* waits for the first, and goes with the connection */
    cr_assert(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    close(fd);
    edge_await_connections(&edge, 0);
    cr_assert(edge_exchanges(&edge) == 1);
    cr_assert(edge_client_gone(&edge, 0));
    edge_answer(&edge, 0);
    cr_assert(edge_exchanges(&edge) == 0);
    edge_stop(&edge);
}

Test(http_conn, the_last_request_of_a_connection_is_answered_with_close)
{
    struct edge edge;
    struct edge_reply reply;
    char value[16];
    int fd;

    start(&edge);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/ok") "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/ok"));
    edge_expect(fd, 200, "ok");
    edge_receive(fd, false, &reply);
    cr_assert(edge_reply_field(&reply, "Connection", value, sizeof value));
    cr_assert_str_eq(value, "close");
    edge_reply_finish(&reply);
    edge_expect_end(fd);
    close(fd);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /ok HTTP/1.0\r\n\r\n");
    edge_expect(fd, 200, "ok");
    edge_expect_end(fd);
    close(fd);
    edge_await_connections(&edge, 0);
    edge_stop(&edge);
}

static int64_t elapsed_ms(int64_t start_us)
{
    return (clock_mono_us() - start_us) / 1000;
}

Test(http_conn, a_slow_head_is_cut_at_its_absolute_deadline)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int64_t start_us;
    int fd;
    char byte;

    options.header_timeout_ms = 300;
    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/ok"));
    edge_expect(fd, 200, "ok");
    start_us = clock_mono_us();
    edge_send(fd, "GET /ok HTTP/1.1\r\nA: ");
    /* Progress does not move the deadline: it comes while we send. */
    while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
        cr_assert(elapsed_ms(start_us) < EDGE_DEADLINE_MS);
        edge_send(fd, "b");
        edge_pause();
    }
    edge_expect(fd, 408, NULL);
    edge_expect_end(fd);
    cr_assert(elapsed_ms(start_us) >= 290, "%lld ms", (long long)elapsed_ms(start_us));
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, each_request_has_a_deadline_of_its_own)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int64_t start_us;
    int fd;

    options.header_timeout_ms = 1500;
    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /ok HTTP/1.1\r\n");
    for (start_us = clock_mono_us(); elapsed_ms(start_us) < 50;) {
        edge_pause(); /* so long that the first deadline comes well before the second */
    }
    start_us = clock_mono_us();
    edge_send(fd, "Host: a\r\n\r\nGET /ok HTTP/1.1\r\n");
    edge_expect(fd, 200, "ok");
    edge_expect(fd, 408, NULL);
    cr_assert(elapsed_ms(start_us) >= 1490, "%lld ms", (long long)elapsed_ms(start_us));
    edge_expect_end(fd);
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, a_slow_body_is_cut_too_and_counted_from_its_own_start)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int64_t start_us;
    int fd;

    options.body_timeout_ms = 200;
    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    start_us = clock_mono_us();
    edge_send(fd, POST("5") "\r\nhel");
    edge_expect(fd, 408, NULL);
    edge_expect_end(fd);
    cr_assert(elapsed_ms(start_us) >= 190, "%lld ms", (long long)elapsed_ms(start_us));
    close(fd);
    edge_stop(&edge);
}

Test(http_conn, an_idle_connection_is_closed_and_one_in_work_is_not)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int idle;
    int busy;

    options.idle_timeout_ms = 1000; /* both have asked by then */
    edge_start(&edge, &options);
    idle = edge_connect(&edge);
    busy = edge_connect(&edge);
    edge_send(idle, GET("/ok"));
    edge_expect(idle, 200, "ok");
    edge_send(busy, GET("/hold"));
    edge_await_held(&edge, 1);
    edge_expect_end(idle);
    cr_assert(edge_connections(&edge) == 1);
    edge_answer(&edge, 0);
    edge_expect(busy, 200, "0");
    edge_expect_end(busy);
    close(idle);
    close(busy);
    edge_stop(&edge);
}

Test(http_conn, a_connection_too_many_is_told_and_closed)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    int first;
    int second;

    options.connections_max = 1;
    edge_start(&edge, &options);
    first = edge_connect(&edge);
    edge_await_connections(&edge, 1);
    second = edge_connect(&edge);
    edge_receive(second, false, &reply);
    cr_assert(reply.status == 503 && strstr(reply.body, "\"code\":\"overloaded\""));
    edge_reply_finish(&reply);
    edge_expect_end(second);
    edge_send(first, GET("/ok"));
    edge_expect(first, 200, "ok");
    close(first);
    close(second);
    edge_stop(&edge);
}

Test(http_conn, without_a_free_exchange_a_request_is_refused)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int first;

    options.exchanges_max = 2;
    edge_start(&edge, &options);
    first = edge_connect(&edge);
    edge_send(first, GET("/hold") GET("/hold") GET("/ok"));
    edge_await_held(&edge, 2);
    edge_expect_refused(&edge, GET("/ok"), 503, "overloaded");
    edge_answer(&edge, 0);
    edge_expect(first, 200, "0");
    edge_answer(&edge, 1);
    edge_expect(first, 200, "1");
    edge_expect(first, 200, "ok"); /* waited for room, was not refused */
    close(first);
    edge_stop(&edge);
}
