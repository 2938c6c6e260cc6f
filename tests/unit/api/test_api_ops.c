#include "api/api_ops.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/edge.h"

/* What the process would say; written before the loop runs. */
struct health {
    struct api_ops *ops;
    const char *cause; /* NULL: ready */
    uint32_t cause_count;
    const char *warning; /* NULL: none */
    bool is_stalled;
    uint32_t refresh_count;
};

static void on_ready(void *arg, struct api_ops_causes *causes)
{
    struct health *health = arg;

    for (uint32_t i = 0; i < health->cause_count; i++) {
        api_ops_cause_add(causes, "redis", health->cause);
    }
    if (health->warning) {
        api_ops_warning_add(causes, "notices", health->warning);
    }
}

static bool on_alive(void *arg)
{
    const struct health *health = arg;

    return !health->is_stalled;
}

static void on_refresh(void *arg)
{
    struct health *health = arg;

    health->refresh_count++;
}

static void start(struct edge *edge, struct health *health)
{
    const struct http_server_options options = edge_options();
    struct http_route routes[API_OPS_ROUTES];
    struct metrics *metrics = metrics_create();
    struct api_ops_options ops = {.metrics = metrics,
                                  .process = METRICS_ENGINE,
                                  .ready = on_ready,
                                  .alive = on_alive,
                                  .refresh = on_refresh,
                                  .arg = health};

    cr_assert(metrics);
    health->ops = api_ops_create(&ops);
    cr_assert(health->ops);
    api_ops_routes(health->ops, routes);
    edge_start_with(edge, &options, routes, API_OPS_ROUTES, metrics);
}

static void stop(struct edge *edge, struct health *health)
{
    edge_stop(edge);
    api_ops_destroy(health->ops);
    api_ops_destroy(NULL);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

Test(api_ops, a_process_without_causes_is_ready_and_alive)
{
    struct health health = {0};
    struct edge edge;

    start(&edge, &health);
    edge_exchange(&edge, GET("/readyz"), 200, "{\"status\":\"ready\",\"causes\":[]}");
    edge_exchange(&edge, GET("/livez"), 200, "{\"status\":\"alive\"}");
    stop(&edge, &health);
}

Test(api_ops, each_cause_is_named)
{
    struct health health = {.cause = "no \"connection\"", .cause_count = 2};
    struct edge edge;

    start(&edge, &health);
    edge_exchange(&edge, GET("/readyz"), 503,
                  "{\"status\":\"not-ready\",\"causes\":["
                  "{\"name\":\"redis\",\"detail\":\"no \\\"connection\\\"\"},"
                  "{\"name\":\"redis\",\"detail\":\"no \\\"connection\\\"\"}]}");
    stop(&edge, &health);
}

Test(api_ops, a_warning_alone_leaves_it_ready)
{
    struct health health = {.warning = "no topic"};
    struct edge edge;

    start(&edge, &health);
    edge_exchange(&edge, GET("/readyz"), 200,
                  "{\"status\":\"ready\",\"causes\":[],"
                  "\"warnings\":[{\"name\":\"notices\",\"detail\":\"no topic\"}]}");
    stop(&edge, &health);
}

Test(api_ops, a_warning_stands_beside_a_cause)
{
    struct health health = {.cause = "away", .cause_count = 1, .warning = "no topic"};
    struct edge edge;

    start(&edge, &health);
    edge_exchange(&edge, GET("/readyz"), 503,
                  "{\"status\":\"not-ready\",\"causes\":[{\"name\":\"redis\",\"detail\":\"away\"}],"
                  "\"warnings\":[{\"name\":\"notices\",\"detail\":\"no topic\"}]}");
    stop(&edge, &health);
}

Test(api_ops, causes_are_bounded_and_their_details_cut)
{
    struct api_ops_causes causes = {0};
    char longest[300];

    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    for (int i = 0; i < API_OPS_CAUSES_MAX + 3; i++) {
        api_ops_cause_add(&causes, "kafka", i == 0 ? NULL : longest);
    }
    cr_assert(causes.count == API_OPS_CAUSES_MAX);
    cr_assert_str_eq(causes.causes[0].detail, "");
    cr_assert(strlen(causes.causes[1].detail) == sizeof causes.causes[1].detail - 1);
}

Test(api_ops, a_stalled_process_is_not_alive)
{
    struct health health = {.is_stalled = true};
    struct edge edge;

    start(&edge, &health);
    edge_exchange(&edge, GET("/livez"), 503, "{\"status\":\"stalled\"}");
    stop(&edge, &health);
}

Test(api_ops, metrics_are_refreshed_before_each_scrape)
{
    struct health health = {0};
    struct edge edge;
    struct edge_reply reply;
    char type[64];
    int fd;

    start(&edge, &health);
    fd = edge_connect(&edge);
    edge_send(fd, GET("/metrics") GET("/metrics"));
    for (int i = 0; i < 2; i++) {
        edge_receive(fd, false, &reply);
        cr_assert(reply.status == 200);
        cr_assert(edge_reply_field(&reply, "Content-Type", type, sizeof type));
        cr_assert_str_eq(type, "text/plain; version=0.0.4; charset=utf-8");
        cr_assert(strstr(reply.body, "# TYPE seckill_connections_total counter"));
        edge_reply_finish(&reply);
    }
    close(fd);
    edge_await_connections(&edge, 0);
    cr_assert(health.refresh_count == 2);
    stop(&edge, &health);
}

Test(api_ops, head_is_answered_and_other_methods_are_not)
{
    struct health health = {0};
    struct edge edge;
    struct edge_reply reply;
    int fd;

    start(&edge, &health);
    fd = edge_connect(&edge);
    edge_send(fd,
              "HEAD /readyz HTTP/1.1\r\nHost: a\r\n\r\nPOST /readyz HTTP/1.1\r\nHost: a\r\n\r\n");
    edge_receive(fd, true, &reply);
    cr_assert(reply.status == 200);
    edge_reply_finish(&reply);
    edge_expect(fd, 405, NULL);
    close(fd);
    stop(&edge, &health);
}
