#include "http/http_router.h"

#include <criterion/criterion.h>
#include <string.h>

static void handler(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    (void)arg;
    (void)exchange;
    (void)request;
}

static const struct http_route routes[] = {
    {HTTP_METHOD_GET, "/v1/sales/special", handler, NULL, 0},
    {HTTP_METHOD_GET, "/v1/sales/{sale}", handler, NULL, HTTP_ROUTE_HEAD},
    {HTTP_METHOD_POST, "/v1/sales/{sale}/orders", handler, NULL, HTTP_ROUTE_JSON},
    {HTTP_METHOD_GET, "/v1/sales/{sale}/orders", handler, NULL, 0},
    {HTTP_METHOD_POST, "/v1/sales/{sale}/orders/{order_no}/cancel", handler, NULL, 0},
    {HTTP_METHOD_GET, "/", handler, NULL, 0},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

static struct http_router *create(const struct http_route *table, uint32_t count)
{
    const struct http_route *bad;
    struct http_router *router = http_router_create(table, count, &bad);

    cr_assert(router, "%s", bad ? bad->pattern : "");
    return router;
}

static struct http_router_match find(const struct http_router *router, enum http_method method,
                                     const char *path, struct http_request *request)
{
    *request = (struct http_request){.method = method, .path = {path, strlen(path)}};
    return http_router_find(router, request);
}

Test(http_router, an_unknown_path_matches_nothing)
{
    static const char *const paths[] = {
        "/v1",
        "/v1/sales",
        "/v1/sales/",
        "/v1/sales/7/",
        "/v1/sales//orders",
        "/v1/sales/7/orders/",
        "/V1/sales/7",
        "//v1/sales/7",
        "/v1/sales/7/orders/1/cancel/x",
        "*",
        "/1/2/3/4/5/6/7/8/9",
        "/v1/sales/7/order",
    };
    struct http_router *router = create(routes, ROUTE_COUNT);
    struct http_request request;

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct http_router_match match = find(router, HTTP_METHOD_GET, paths[i], &request);

        cr_assert(!match.route && !match.allow.data, "%s", paths[i]);
    }
    http_router_destroy(router);
}

Test(http_router, another_method_is_told_what_is_allowed)
{
    struct http_router *router = create(routes, ROUTE_COUNT);
    struct http_request request;
    struct http_router_match match;

    match = find(router, HTTP_METHOD_DELETE, "/v1/sales/7/orders", &request);
    cr_assert(!match.route && http_slice_equal(match.allow, "Allow: GET, POST\r\n"));
    match = find(router, HTTP_METHOD_OTHER, "/v1/sales/7", &request);
    cr_assert(!match.route && http_slice_equal(match.allow, "Allow: GET, HEAD\r\n"));
    match = find(router, HTTP_METHOD_HEAD, "/v1/sales/7/orders", &request);
    cr_assert(!match.route && match.allow.data);
    http_router_destroy(router);
}

Test(http_router, parameters_come_in_order_and_as_sent)
{
    struct http_router *router = create(routes, ROUTE_COUNT);
    struct http_request request;
    struct http_router_match match =
        find(router, HTTP_METHOD_POST, "/v1/sales/7/orders/a%2Fb/cancel", &request);

    cr_assert(match.route && match.route->method == HTTP_METHOD_POST);
    cr_assert_str_eq(match.route->pattern, "/v1/sales/{sale}/orders/{order_no}/cancel");
    cr_assert(request.param_count == 2);
    cr_assert(http_slice_equal(request.params[0], "7"));
    cr_assert(http_slice_equal(request.params[1], "a%2Fb"));
    http_router_destroy(router);
}

Test(http_router, the_first_pattern_that_fits_takes_the_path)
{
    struct http_router *router = create(routes, ROUTE_COUNT);
    struct http_request request;

    cr_assert_str_eq(find(router, HTTP_METHOD_GET, "/v1/sales/special", &request).route->pattern,
                     "/v1/sales/special");
    cr_assert(request.param_count == 0);
    cr_assert_str_eq(find(router, HTTP_METHOD_GET, "/v1/sales/specials", &request).route->pattern,
                     "/v1/sales/{sale}");
    cr_assert_str_eq(find(router, HTTP_METHOD_GET, "/", &request).route->pattern, "/");
    http_router_destroy(router);
}

Test(http_router, head_goes_to_a_get_route_that_takes_it)
{
    struct http_router *router = create(routes, ROUTE_COUNT);
    struct http_request request;
    struct http_router_match match = find(router, HTTP_METHOD_HEAD, "/v1/sales/7", &request);

    cr_assert(match.route && match.route->method == HTTP_METHOD_GET);
    http_router_destroy(router);
}

Test(http_router, a_bad_table_is_named)
{
    static const struct http_route bad[] = {
        {HTTP_METHOD_GET, "v1", handler, NULL, 0},
        {HTTP_METHOD_GET, "", handler, NULL, 0},
        {HTTP_METHOD_GET, "/{a}/{b}/{c}/{d}/{e}", handler, NULL, 0},
        {HTTP_METHOD_GET, "/1/2/3/4/5/6/7/8/9", handler, NULL, 0},
        {HTTP_METHOD_OTHER, "/a", handler, NULL, 0},
    };
    const struct http_route twice[] = {routes[1], routes[1]};
    const struct http_route *named;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!http_router_create(&bad[i], 1, &named) && named == &bad[i], "%zu", i);
    }
    cr_assert(!http_router_create(twice, 2, &named) && named == &twice[1]);
}

Test(http_router, an_empty_table_knows_nothing)
{
    struct http_router *router = create(NULL, 0);
    struct http_request request;

    cr_assert(!find(router, HTTP_METHOD_GET, "/", &request).allow.data);
    http_router_destroy(router);
    http_router_destroy(NULL);
}
