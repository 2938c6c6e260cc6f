/* Requests that come in pieces, over real sockets: what waits is kept, and given back. */
#include "http/http_saved.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/http_conn.h"
#include "support/edge.h"

static void ask_saved(void *arg)
{
    struct edge *edge = arg;
    struct http_server *server = edge->server;

    edge->big_size =
        slab_taken_count(server->saved_small) * 1000 + slab_taken_count(server->saved_big);
}

/* Waits until `small` and `big` blocks are taken. */
static void await_saved(struct edge *edge, size_t small, size_t big)
{
    for (int i = 0; i < EDGE_DEADLINE_MS; i++) {
        edge_call(edge, ask_saved, edge);
        if (edge->big_size == small * 1000 + big) {
            return;
        }
        edge_pause();
    }
    cr_assert_fail("taken: %zu, wanted %zu small and %zu big", edge->big_size, small, big);
}

Test(http_saved, an_idle_connection_owns_no_buffer)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /ok HTTP/1.1\r\n");
    await_saved(&edge, 1, 0);
    edge_send(fd, "Host: a\r\n\r\n");
    edge_expect(fd, 200, "ok");
    await_saved(&edge, 0, 0);
    close(fd);
    edge_stop(&edge);
}

Test(http_saved, a_request_that_grows_moves_into_a_larger_block)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    char *body = malloc(16385);
    int fd;

    memset(body, 'x', 16384);
    body[16384] = '\0';
    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 16384\r\n\r\n");
    await_saved(&edge, 1, 0);
    edge_send_bytes(fd, body, 8000);
    await_saved(&edge, 0, 1);
    edge_send_bytes(fd, body + 8000, 8384);
    edge_expect(fd, 200, body);
    await_saved(&edge, 0, 0);
    close(fd);
    free(body);
    edge_stop(&edge);
}

Test(http_saved, a_request_sent_byte_by_byte_is_whole)
{
    static const char request[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nA: b\r\n\r\n";
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        edge_send_bytes(fd, request + i, 1);
        (void)edge_connections(&edge); /* a turn of the loop passes */
    }
    edge_expect(fd, 200, "hello, world");
    close(fd);
    edge_stop(&edge);
}

Test(http_saved, requests_in_pieces_do_not_mix)
{
    /* Each has its fields at other places: one that gets another's places says something else. */
    static const char *const hosts[] = {"Host: a\r\n", "Host: abcdef\r\n",
                                        "Host: abcdefghijkl\r\n"};
    static const char *const pieces[] = {"GET /trace HTTP/1.1\r\n", "",
                                         "X-Request-Id: ", "\r\nA: b\r\nC:", " d\r\n\r\n"};
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fds[3];

    edge_start(&edge, &options);
    for (int i = 0; i < 3; i++) {
        fds[i] = edge_connect(&edge);
    }
    for (size_t piece = 0; piece < sizeof pieces / sizeof pieces[0]; piece++) {
        for (int i = 0; i < 3; i++) {
            char id[8];

            snprintf(id, sizeof id, "id-%d", i);
            edge_send(fds[i], piece == 1 ? hosts[i] : pieces[piece]);
            edge_send(fds[i], piece == 2 ? id : "");
            (void)edge_connections(&edge); /* a turn of the loop passes */
        }
    }
    for (int i = 0; i < 3; i++) {
        char wanted[16];

        snprintf(wanted, sizeof wanted, "id-%d ", i);
        edge_expect(fds[i], 200, wanted);
        close(fds[i]);
    }
    edge_stop(&edge);
}

Test(http_saved, a_client_that_leaves_in_mid_request_gives_its_block_back)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "GET /ok HTTP/1.1\r\nHost");
    await_saved(&edge, 1, 0);
    close(fd);
    edge_await_connections(&edge, 0);
    await_saved(&edge, 0, 0);
    edge_stop(&edge);
}

enum { BIG_COUNT = 64 };

Test(http_saved, when_no_block_is_free_the_request_is_refused_and_others_go_on)
{
    struct http_server_options options = edge_options();
    struct edge edge;
    char head[3000];
    int fds[BIG_COUNT];

    options.connections_max = BIG_COUNT + 8;
    memset(head, 'a', sizeof head);
    memcpy(head, "GET /ok HTTP/1.1\r\nA: ", 21);
    edge_start(&edge, &options);
    for (int i = 0; i < BIG_COUNT; i++) {
        fds[i] = edge_connect(&edge);
        edge_send_bytes(fds[i], head, sizeof head);
    }
    await_saved(&edge, 0, BIG_COUNT);
    head[sizeof head - 1] = '\0';
    edge_expect_refused(&edge, head, 503, "overloaded");
    edge_exchange(&edge, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", 200, "ok");
    for (int i = 0; i < BIG_COUNT; i++) {
        edge_send(fds[i], "\r\nHost: a\r\n\r\n");
        edge_expect(fds[i], 200, "ok");
        close(fds[i]);
    }
    await_saved(&edge, 0, 0);
    edge_stop(&edge);
}
