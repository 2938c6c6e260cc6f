#include "http/http_head.h"

#include <criterion/criterion.h>
#include <string.h>

static struct http_parser begin(void)
{
    struct http_parser parser;

    http_parser_begin(&parser, HTTP_PARSER_BODY_MAX);
    return parser;
}

static bool is(const char *data, struct http_parser_span span, const char *text)
{
    return span.size == strlen(text) && memcmp(data + span.at, text, span.size) == 0;
}

Test(http_head, splits_a_target_into_path_and_query)
{
    static const char line[] = "GET /a/b?c=d?e HTTP/1.1";
    struct http_parser parser = begin();

    cr_assert(http_head_line(&parser, line, sizeof line - 1));
    cr_assert(parser.method == HTTP_METHOD_GET && !parser.minor_version_0);
    cr_assert(is(line, parser.path, "/a/b") && is(line, parser.query, "c=d?e"));
    cr_assert(parser.authority.size == 0);
}

Test(http_head, takes_an_absolute_target_apart)
{
    static const char line[] = "POST HTTP://shop.example:80?q HTTP/1.0";
    struct http_parser parser = begin();

    cr_assert(http_head_line(&parser, line, sizeof line - 1));
    cr_assert(is(line, parser.authority, "shop.example:80"));
    cr_assert(parser.path.size == 0 && is(line, parser.query, "q") && parser.minor_version_0);
}

Test(http_head, an_asterisk_is_a_target_of_options_only)
{
    struct http_parser parser = begin();

    cr_assert(http_head_line(&parser, "OPTIONS * HTTP/1.1", 18));
    cr_assert(!http_head_line(&parser, "POST * HTTP/1.1", 15));
    cr_assert(parser.problem == HTTP_PROBLEM_BAD_REQUEST);
}

Test(http_head, a_short_line_is_refused_wherever_it_ends)
{
    static const char line[] = "GET / HTTP/1.1";

    for (size_t size = 0; size < sizeof line - 1; size++) {
        struct http_parser parser = begin();

        cr_assert(!http_head_line(&parser, line, size), "%zu bytes", size);
    }
}

Test(http_head, remembers_the_place_of_each_field)
{
    static const char data[] = "Host: a\r\nX-Any: \t v \t";
    struct http_parser parser = begin();

    cr_assert(http_head_field(&parser, data, data, 7));
    cr_assert(http_head_field(&parser, data, data + 9, sizeof data - 1 - 9));
    cr_assert(parser.field_count == 2);
    cr_assert(is(data, parser.fields[1].name, "X-Any") && is(data, parser.fields[1].value, "v"));
    cr_assert(http_parser_known(&parser, data, HTTP_HEADER_HOST).data == data + 6);
    cr_assert(http_head_judge(&parser, data));
}

Test(http_head, a_repeated_trace_field_reads_as_absent)
{
    static const char data[] = "X-Request-Id: a";
    struct http_parser parser = begin();

    for (int i = 0; i < 3; i++) {
        cr_assert(http_head_field(&parser, data, data, sizeof data - 1));
        cr_assert((http_parser_known(&parser, data, HTTP_HEADER_X_REQUEST_ID).data != NULL)
                  == (i == 0));
    }
}

Test(http_head, a_field_without_value_is_there_and_empty)
{
    static const char data[] = "Traceparent:";
    struct http_parser parser = begin();
    struct http_slice value;

    cr_assert(http_head_field(&parser, data, data, sizeof data - 1));
    value = http_parser_known(&parser, data, HTTP_HEADER_TRACEPARENT);
    cr_assert(value.data != NULL && value.size == 0);
}

Test(http_head, an_expectation_without_a_body_awaits_nothing)
{
    static const char data[] = "Host: a\r\nExpect: 100-continue";
    struct http_parser parser = begin();

    cr_assert(http_head_field(&parser, data, data, 7));
    cr_assert(http_head_field(&parser, data, data + 9, sizeof data - 1 - 9));
    cr_assert(http_head_judge(&parser, data));
    cr_assert(!parser.expects_continue);
}
