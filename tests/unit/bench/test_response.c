#include "bench/load/response.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static long read_text(const char *text, struct response *response)
{
    return response_read(text, strlen(text), response);
}

static const char won[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                          "Idempotent-Replayed: true\r\ncontent-length: 32\r\n\r\n"
                          "{\"order_no\":\"3940649673949185\"}\n";

Test(response, what_is_no_http_is_malformed)
{
    static const char *const bad[] = {
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 2x1 Created\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 201 Created\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 201 Created\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 201 Created\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
    };
    struct response response;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_text(bad[i], &response), -1, "%s", bad[i]);
    }
}

Test(response, a_head_without_end_is_malformed_once_it_is_too_long)
{
    char *data = malloc(20000);
    struct response response;

    memset(data, 'x', 20000);
    cr_assert_eq(response_read(data, 1000, &response), 0);
    cr_assert_eq(response_read(data, 20000, &response), -1);
    free(data);
}

Test(response, every_beginning_asks_for_more)
{
    struct response response;

    for (size_t size = 0; size < sizeof won - 1; size++) {
        cr_assert_eq(response_read(won, size, &response), 0, "%zu", size);
    }
    cr_assert_eq(response_read(won, sizeof won - 1, &response), (long)sizeof won - 1);
}

Test(response, a_win_has_its_order_number)
{
    struct response response;

    cr_assert_gt(read_text(won, &response), 0);
    cr_assert_eq(response.status, 201);
    cr_assert(response.replayed);
    cr_assert_not(response.closes);
    cr_assert_eq(response_order_no(&response), 3940649673949185u);
}

Test(response, what_follows_is_not_taken)
{
    static const char two[] = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    struct response response;

    cr_assert_eq(read_text(two, &response), (long)(sizeof two - 1) / 2);
    cr_assert_eq(response.body_size, 0);
}

Test(response, a_close_is_seen)
{
    struct response response;

    cr_assert_gt(read_text("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                           "Content-Length: 2\r\n\r\n{}",
                           &response),
                 0);
    cr_assert(response.closes);
    cr_assert_eq(response_order_no(&response), 0);
}

Test(response, an_order_number_that_is_no_number_is_none)
{
    struct response response = {.body = "{\"order_no\":\"12x\"}", .body_size = 18};

    cr_assert_eq(response_order_no(&response), 0);
    response.body_size = 14; /* cut in the text */
    cr_assert_eq(response_order_no(&response), 0);
}

Test(response, a_member_may_stand_among_blanks_and_must_be_a_text)
{
    static const char body[] = "{ \"a\" : \"b\",\n\"status\": 7, \"order_no\"\t:\n \"12\" }";
    const struct response response = {.body = body, .body_size = sizeof body - 1};
    const char *text;
    size_t size;

    cr_assert_eq(response_order_no(&response), 12);
    cr_assert_not(response_member(&response, "status", &text, &size));
    cr_assert_not(response_member(&response, "b", &text, &size));
    cr_assert(response_member(&response, "a", &text, &size));
    cr_assert_eq(size, 1);
}

Test(response, a_number_is_read_and_nothing_else_taken_for_one)
{
    static const char text[] = "HTTP/1.1 201 Created\r\nContent-Length: 42\r\n\r\n"
                               "{\"unit_price\": 199900,\"sale\":7,\"text\":\"8\"}";
    struct response response;
    uint64_t value = 0;

    cr_assert_gt(response_read(text, sizeof text - 1, &response), 0);
    cr_assert(response_number(&response, "unit_price", &value));
    cr_assert_eq(value, 199900);
    cr_assert(response_number(&response, "sale", &value));
    cr_assert_eq(value, 7);
    cr_assert_not(response_number(&response, "text", &value));
    cr_assert_not(response_number(&response, "none", &value));
}
