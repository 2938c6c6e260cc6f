#include "http/http_reply.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "support/edge.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void fetch(const struct edge *edge, const char *request, bool no_body,
                  struct edge_reply *reply)
{
    int fd = edge_connect(edge);

    edge_send(fd, request);
    edge_receive(fd, no_body, reply);
    close(fd);
}

static void expect_field(const struct edge_reply *reply, const char *name, const char *wanted)
{
    char value[256];

    cr_assert(edge_reply_field(reply, name, value, sizeof value), "%s in %s", name, reply->head);
    cr_assert_str_eq(value, wanted);
}

static void expect_no_field(const struct edge_reply *reply, const char *name)
{
    char value[256];

    cr_assert(!edge_reply_field(reply, name, value, sizeof value), "%s: %s", name, value);
}

Test(http_reply, a_plain_answer_has_its_fields_and_no_server)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    char date[64];
    struct tm tm = {0};
    int64_t now_s = clock_wall_ms() / 1000;

    edge_start(&edge, &options);
    fetch(&edge, GET("/ok"), false, &reply);
    cr_assert(strncmp(reply.head, "HTTP/1.1 200 OK\r\n", 17) == 0);
    expect_field(&reply, "Content-Type", "text/plain");
    expect_field(&reply, "Content-Length", "2");
    expect_field(&reply, "Cache-Control", "no-store");
    expect_no_field(&reply, "Server");
    expect_no_field(&reply, "Connection");
    expect_no_field(&reply, "Retry-After");
    cr_assert(edge_reply_field(&reply, "Date", date, sizeof date));
    cr_assert(strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm), "%s", date);
    cr_assert(llabs((long long)timegm(&tm) - now_s) <= 2, "%s", date);
    edge_reply_finish(&reply);
    edge_stop(&edge);
}

Test(http_reply, the_answer_to_head_has_a_length_and_no_body)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;
    int fd;

    edge_start(&edge, &options);
    fd = edge_connect(&edge);
    edge_send(fd, "HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\nHEAD /none HTTP/1.1\r\nHost: a\r\n\r\n" GET(
                      "/ok"));
    edge_receive(fd, true, &reply);
    cr_assert(reply.status == 200);
    expect_field(&reply, "Content-Length", "2");
    edge_reply_finish(&reply);
    edge_receive(fd, true, &reply);
    cr_assert(reply.status == 404);
    edge_reply_finish(&reply);
    edge_expect(fd, 200, "ok");
    close(fd);
    edge_stop(&edge);
}

Test(http_reply, a_problem_has_every_member_and_a_link)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    struct edge_reply reply;

    edge_start(&edge, &options);
    fetch(&edge, "GET /problem HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.7_\r\n\r\n", false,
          &reply);
    cr_assert(reply.status == 409);
    expect_field(&reply, "Content-Type", "application/problem+json");
    expect_field(&reply, "X-Request-Id", "my-id.7_");
    expect_field(&reply, "X-More", "1");
    expect_no_field(&reply, "Retry-After");
    cr_assert_str_eq(reply.body, "{\"type\":\"https://seckill.example/problems/sold-out\","
                                 "\"title\":\"Sold out\",\"status\":409,\"code\":\"sold-out\","
                                 "\"retryable\":false,\"detail\":\"a \\\"quoted\\\" detail\","
                                 "\"instance\":\"/requests/my-id.7_\",\"request_id\":\"my-id.7_\","
                                 "\"order\":\"/v1/sales/7/orders/1\"}");
    edge_reply_finish(&reply);
    edge_stop(&edge);
}

Test(http_reply, a_503_says_when_to_come_back_and_not_always_the_same)
{
    const struct http_server_options options = edge_options();
    struct edge edge;
    bool seen[6] = {false};
    int kinds = 0;

    edge_start(&edge, &options);
    for (int i = 0; i < 100; i++) {
        struct edge_reply reply;
        char value[16];
        long seconds;

        fetch(&edge, GET("/retry"), false, &reply);
        cr_assert(reply.status == 503);
        cr_assert(edge_reply_field(&reply, "Retry-After", value, sizeof value));
        seconds = strtol(value, NULL, 10);
        cr_assert(seconds >= 1 && seconds <= 5);
        kinds += !seen[seconds];
        seen[seconds] = true;
        edge_reply_finish(&reply);
    }
    cr_assert(kinds >= 3, "%d", kinds);
    edge_stop(&edge);
}

Test(http_reply, a_bad_request_id_is_replaced_by_one_of_ours)
{
    static const char longer[] = "01234567890123456789012345678901"
                                 "012345678901234567890123456789012"; /* 65 */
    static const char *const bad[] = {"", "a b", "a\"b", "<x>", longer};
    const struct http_server_options options = edge_options();
    struct edge edge;
    char last[65] = "";

    edge_start(&edge, &options);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct edge_reply reply;
        char request[256];
        char id[65];

        snprintf(request, sizeof request, "GET /ok HTTP/1.1\r\nHost: a\r\nX-Request-Id: %s\r\n\r\n",
                 bad[i]);
        fetch(&edge, request, false, &reply);
        cr_assert(edge_reply_field(&reply, "X-Request-Id", id, sizeof id));
        cr_assert(strlen(id) == 16 && strspn(id, "0123456789abcdef") == 16, "%s", id);
        cr_assert_str_neq(id, last);
        memcpy(last, id, sizeof last);
        edge_reply_finish(&reply);
    }
    edge_stop(&edge);
}

Test(http_reply, a_trace_is_handed_on_when_it_is_good)
{
    const struct http_server_options options = edge_options();
    struct edge edge;

    edge_start(&edge, &options);
    edge_exchange(&edge,
                  "GET /trace HTTP/1.1\r\nHost: a\r\nX-Request-Id: r1\r\nTraceparent: "
                  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
                  200, "r1 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    edge_exchange(&edge,
                  "GET /trace HTTP/1.1\r\nHost: a\r\nX-Request-Id: r1\r\nTraceparent: "
                  "00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n\r\n",
                  200, "r1 ");
    edge_stop(&edge);
}
