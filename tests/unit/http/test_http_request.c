#include "http/http_request.h"

#include <criterion/criterion.h>
#include <string.h>

#include "http/http_parser.h"

static const char bytes[] =
    "GET "
    "/v1/admin/orders?sale=7&buyer=a%20b%2Bc+d&state=&buyers=x&bad=%&twice=1&twice=2&%62=1&nul=%00 "
    "HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\nContent-Type: text/plain\r\n\r\n";

/* '%' alone never passes the parser; the query's own reader must not trust that. */
static void parse(struct http_parser *parser, char *data, struct http_request *request)
{
    char *bad;

    memcpy(data, bytes, sizeof bytes);
    bad = strstr(data, "bad=%");
    bad[4] = 'x';
    http_parser_begin(parser, HTTP_PARSER_BODY_MAX);
    cr_assert(http_parser_run(parser, data, sizeof bytes - 1) == HTTP_PARSER_DONE);
    bad[4] = '%';
    http_parser_request(parser, data, request);
}

static void expect_query(const struct http_request *request, const char *name, int result,
                         const char *value)
{
    char text[16] = "";

    cr_assert(http_request_query(request, name, text, sizeof text) == result, "%s", name);
    if (result >= 0) {
        cr_assert_str_eq(text, value);
    }
}

Test(http_request, a_query_parameter_is_decoded)
{
    struct http_parser parser;
    struct http_request request;
    char data[sizeof bytes];
    char small[5];

    parse(&parser, data, &request);
    expect_query(&request, "sale", 1, "7");
    expect_query(&request, "buyer", 7, "a b+c d");
    expect_query(&request, "state", 0, "");
    expect_query(&request, "none", -1, NULL);
    expect_query(&request, "twice", -2, NULL);
    expect_query(&request, "bad", -2, NULL);
    expect_query(&request, "nul", -2, NULL);
    expect_query(&request, "b", -1, NULL); /* names are compared as sent */
    cr_assert(http_request_query(&request, "buyer", small, sizeof small) == -2);
}

Test(http_request, a_request_without_query_has_no_parameters)
{
    const struct http_request request = {0};

    expect_query(&request, "sale", -1, NULL);
}

Test(http_request, a_repeated_field_is_counted)
{
    struct http_parser parser;
    struct http_request request;
    struct http_slice first = {NULL, 7};
    char data[sizeof bytes];

    parse(&parser, data, &request);
    cr_assert_eq(http_request_header_count(&request, "X-Two", &first), 0);
    cr_assert(first.data == NULL && first.size == 7, "untouched");
    cr_assert_eq(http_request_header_count(&request, "X-ONE", &first), 2);
    cr_assert(http_slice_equal(first, "1"));
    cr_assert_eq(http_request_header_count(&request, "host", &first), 1);
    cr_assert(http_slice_equal(first, "a"));
}

Test(http_request, any_field_is_found_without_letter_case)
{
    struct http_parser parser;
    struct http_request request;
    char data[sizeof bytes];

    parse(&parser, data, &request);
    cr_assert(http_slice_equal(http_request_header(&request, "X-ONE"), "1"));
    cr_assert(http_request_header(&request, "X-Two").data == NULL);
    cr_assert(
        http_slice_equal(http_request_known(&request, HTTP_HEADER_CONTENT_TYPE), "text/plain"));
    cr_assert(http_request_known(&request, HTTP_HEADER_AUTHORIZATION).data == NULL);
    cr_assert(!http_slice_equal(http_request_known(&request, HTTP_HEADER_HOST), "ab"));
}
