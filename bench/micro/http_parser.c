/* http_parser: what does the edge cost above the kernel? Prints nanoseconds of CPU per parsed
 * purchase, as a shop's gateway sends it, and per look-up of its route.
 * Why:    the parser sees every byte that anybody sends; its budget is 0.5 us.
 * Never:  part of the engine.
 * Thread: main. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "http/http_parser.h"
#include "http/http_router.h"

enum { ROUNDS = 2000000 };

static const char request_text[] =
    "POST /v1/sales/7/orders HTTP/1.1\r\n"
    "Host: shop.example\r\n"
    "User-Agent: shop-app/5.1\r\n"
    "Accept: application/json\r\n"
    "Authorization: Bearer "
    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImRlZmF1bHQiLCJ0eXAiOiJKV1QifQ."
    "eyJpc3MiOiJzZWNraWxsIiwiYXVkIjoic2Vja2lsbCIsInN1YiI6ImJ1eWVyLTEyMzQ1IiwiZXhwIjoxNzk1MDAwMDAwfQ"
    "."
    "sflKxwRJSMeKKF2QT4fwpMeJf36POk6yJVadQssw5cX\r\n"
    "Idempotency-Key: \"8f14e45fceea167a\"\r\n"
    "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 34\r\n"
    "\r\n"
    "{\"sku\":\"phone-black\",\"quantity\":1}";

static void on_request(void *arg, struct http_exchange *exchange,
                       const struct http_request *request)
{
    (void)arg;
    (void)exchange;
    (void)request;
}

static void print(const char *what, int64_t start_us)
{
    int64_t used_us = clock_process_cpu_us() - start_us;

    printf("%-28s %6.1f ns\n", what, (double)used_us * 1000 / ROUNDS);
}

static void measure_parser(char *data, size_t size)
{
    struct http_parser parser;
    int64_t start_us = clock_process_cpu_us();

    for (int i = 0; i < ROUNDS; i++) {
        http_parser_begin(&parser, HTTP_PARSER_BODY_MAX);
        if (http_parser_run(&parser, data, size) != HTTP_PARSER_DONE) {
            abort();
        }
    }
    print("parse a purchase", start_us);
}

static void measure_router(char *data, size_t size)
{
    static const struct http_route routes[] = {
        {HTTP_METHOD_POST, "/v1/sales/{sale}/orders", on_request, NULL, HTTP_ROUTE_JSON},
        {HTTP_METHOD_GET, "/v1/sales/{sale}/orders", on_request, NULL, 0},
        {HTTP_METHOD_GET, "/v1/sales/{sale}/orders/{order_no}", on_request, NULL, 0},
        {HTTP_METHOD_GET, "/v1/sales/{sale}", on_request, NULL, HTTP_ROUTE_HEAD},
    };
    const struct http_route *bad;
    struct http_router *router = http_router_create(routes, sizeof routes / sizeof routes[0], &bad);
    struct http_parser parser;
    struct http_request request = {0};
    int64_t start_us;

    http_parser_begin(&parser, HTTP_PARSER_BODY_MAX);
    if (!router || http_parser_run(&parser, data, size) != HTTP_PARSER_DONE) {
        abort();
    }
    http_parser_request(&parser, data, &request);
    start_us = clock_process_cpu_us();
    for (int i = 0; i < ROUNDS; i++) {
        if (!http_router_find(router, &request).route) {
            abort();
        }
    }
    print("find its route", start_us);
    http_router_destroy(router);
}

int main(void)
{
    size_t size = sizeof request_text - 1;
    char *data = malloc(size);

    if (!data) {
        return 1;
    }
    memcpy(data, request_text, size);
    measure_parser(data, size);
    measure_router(data, size);
    free(data);
    return 0;
}
