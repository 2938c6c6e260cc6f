/* The order of answers, and sockets that do not take them at once. */
#include "http/http_output.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/edge.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

Test(http_output, answers_come_in_the_order_of_the_requests)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/hold") GET("/hold") GET("/ok") GET("/hold"));
    edge_await_held(&edge, 3);
    edge_answer(&edge, 2);
    edge_answer(&edge, 1);
    edge_answer(&edge, 0);
    edge_expect(fd, 200, "0");
    edge_expect(fd, 200, "1");
    edge_expect(fd, 200, "ok");
    edge_expect(fd, 200, "2");
    edge_await_exchanges(&edge, 0);
    close(fd);
    edge_stop(&edge);
}

Test(http_output, an_error_is_told_after_the_answers_before_it)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/hold") "GET / HTTP/1.1\r\nA : b\r\n\r\n" GET("/hold"));
    edge_await_held(&edge, 1);
    edge_answer(&edge, 0);
    edge_expect(fd, 200, "0");
    edge_expect(fd, 400, NULL);
    edge_expect_end(fd);
    cr_assert(edge_exchanges(&edge) == 0);
    close(fd);
    edge_stop(&edge);
}

Test(http_output, a_large_answer_reaches_a_slow_reader_whole)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    int fd;

    fd = edge_start_narrow(&edge, &options);
    edge_send(fd, GET("/big") GET("/ok"));
    edge_receive(fd, false, &reply);
    cr_assert(reply.status == 200 && reply.body_size == edge.big_size);
    cr_assert(strspn(reply.body, "b") == edge.big_size);
    edge_reply_finish(&reply);
    edge_expect(fd, 200, "ok");
    close(fd);
    edge_stop(&edge);
}

Test(http_output, while_answers_wait_nothing_more_is_parsed)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    int fd;

    fd = edge_start_narrow(&edge, &options);
    edge_send(fd, GET("/big") GET("/hold"));
    while (metrics_value(edge.metrics, METRIC_http_requests_total, LABEL_STATUS_CLASS_2XX) == 0) {
        edge_pause();
    }
    edge_exchange(&edge, GET("/ok"), 200, "ok"); /* some turns pass */
    cr_assert(edge_held(&edge) == 0);
    edge_receive(fd, false, &reply);
    edge_reply_finish(&reply);
    edge_await_held(&edge, 1);
    edge_answer(&edge, 0);
    edge_expect(fd, 200, "0");
    close(fd);
    edge_stop(&edge);
}

struct overtaking {
    struct edge *edge;
    int fd;
    char *bytes;
    size_t size;
};

/* On the loop's thread: the socket has room again, and the loop does not know it yet. */
static void make_room_and_answer(void *arg)
{
    struct overtaking *overtaking = arg;
    ssize_t got;

    do {
        got = recv(overtaking->fd, overtaking->bytes + overtaking->size, 65536, MSG_DONTWAIT);
        overtaking->size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    edge_answer_here(overtaking->edge, 1);
}

Test(http_output, an_answer_does_not_overtake_one_that_waits_for_the_socket)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct overtaking overtaking = {.edge = &edge};
    ssize_t got;

    overtaking.fd = edge_start_narrow(&edge, &options);
    overtaking.bytes = malloc(edge.big_size + 2 * 65536);
    edge_send(overtaking.fd, GET("/hold") "GET /hold HTTP/1.0\r\n\r\n");
    edge_await_held(&edge, 2);
    edge_answer_big(&edge, 0);
    edge_call(&edge, make_room_and_answer, &overtaking);
    do {
        got = recv(overtaking.fd, overtaking.bytes + overtaking.size, 65536, 0);
        cr_assert(got >= 0);
        overtaking.size += (size_t)got;
    } while (got > 0);
    cr_assert(overtaking.size > edge.big_size);
    cr_assert(memcmp(overtaking.bytes + overtaking.size - 5, "\r\n\r\n1", 5) == 0);
    cr_assert(strspn(strstr(overtaking.bytes, "\r\n\r\n") + 4, "b") == edge.big_size);
    close(overtaking.fd);
    free(overtaking.bytes);
    edge_stop(&edge);
}

Test(http_output, an_answer_beyond_the_ceiling_cuts_the_connection_only)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    edge.big_size = 9 * 1024 * 1024;
    fd = edge_connect(&edge);
    edge_send(fd, GET("/big"));
    edge_expect_end(fd);
    close(fd);
    edge_await_connections(&edge, 0);
    cr_assert(edge_exchanges(&edge) == 0);
    edge_exchange(&edge, GET("/ok"), 200, "ok");
    edge_stop(&edge);
}

Test(http_output, a_reader_that_stops_is_cut_at_the_write_deadline)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    options.write_timeout_ms = 100;
    fd = edge_start_narrow(&edge, &options);
    edge_send(fd, GET("/big"));
    edge_await_connections(&edge, 1);
    edge_await_connections(&edge, 0);
    close(fd);
    edge_stop(&edge);
}
