#include "http/http_syntax.h"

#include <criterion/criterion.h>
#include <string.h>

static struct http_slice slice(const char *text)
{
    return (struct http_slice){text, strlen(text)};
}

Test(http_syntax, a_token_ends_at_the_first_byte_that_is_none)
{
    cr_assert(http_syntax_token_size("", 0) == 0);
    cr_assert(http_syntax_token_size("a b", 3) == 1);
    cr_assert(http_syntax_token_size("x-y_z.1!#$%&'*+^`|~", 19) == 19);
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool wanted = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                      || (c != 0 && strchr("!#$%&'*+-.^_`|~", c));

        cr_assert((http_syntax_token_size(&byte, 1) == 1) == wanted, "byte %d", c);
    }
}

Test(http_syntax, a_field_value_has_no_control_byte_at_any_place)
{
    for (size_t size = 1; size <= 24; size++) {
        for (size_t at = 0; at < size; at++) {
            for (int c = 0; c < 256; c++) {
                char text[24];
                bool wanted = (c >= 0x20 && c != 0x7f) || c == '\t';

                memset(text, 'v', sizeof text);
                text[at] = (char)c;
                cr_assert(http_syntax_is_field_value(text, size) == wanted, "%d at %zu of %zu", c,
                          at, size);
            }
        }
    }
    cr_assert(http_syntax_is_field_value("", 0));
}

Test(http_syntax, a_target_has_uri_characters_only)
{
    static const char allowed[] = "!$&'()*+,-./:;=?@_~";

    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool wanted = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                      || (c != 0 && strchr(allowed, c));

        cr_assert(http_syntax_is_target(&byte, 1) == wanted, "byte %d", c);
    }
    cr_assert(http_syntax_is_target("/%4a%FF", 7));
    cr_assert(!http_syntax_is_target("/%4", 3));
    cr_assert(!http_syntax_is_target("/%", 2));
    cr_assert(!http_syntax_is_target("/%g0", 4));
    cr_assert(!http_syntax_is_target("", 0));
}

Test(http_syntax, a_wanted_host_without_port_fits_any_port)
{
    cr_assert(http_syntax_host_matches(slice("Shop.Example:8080"), slice("shop.example")));
    cr_assert(http_syntax_host_matches(slice("shop.example"), slice("shop.example")));
    cr_assert(http_syntax_host_matches(slice("[::1]:80"), slice("[::1]")));
    cr_assert(http_syntax_host_matches(slice("a:80"), slice("A:80")));
    cr_assert(!http_syntax_host_matches(slice("a:81"), slice("a:80")));
    cr_assert(!http_syntax_host_matches(slice("a"), slice("a:80")));
    cr_assert(!http_syntax_host_matches(slice("b.shop.example"), slice("shop.example")));
    cr_assert(!http_syntax_host_matches(slice("shop.example.b"), slice("shop.example")));
}

Test(http_syntax, a_request_id_is_short_and_plain)
{
    char longest[65];

    memset(longest, 'a', sizeof longest);
    cr_assert(http_syntax_is_request_id("A.b_c-9", 7));
    cr_assert(http_syntax_is_request_id(longest, 64));
    cr_assert(!http_syntax_is_request_id(longest, 65));
    cr_assert(!http_syntax_is_request_id("", 0));
    cr_assert(!http_syntax_is_request_id("a b", 3));
    cr_assert(!http_syntax_is_request_id("a\"b", 3));
}

Test(http_syntax, json_is_told_from_other_types)
{
    cr_assert(http_syntax_is_json_type(slice("application/json")));
    cr_assert(http_syntax_is_json_type(slice("Application/JSON ; charset=utf-8")));
    cr_assert(!http_syntax_is_json_type(slice("application/jsonp")));
    cr_assert(!http_syntax_is_json_type(slice("text/plain; application/json")));
    cr_assert(!http_syntax_is_json_type(slice("")));
    cr_assert(!http_syntax_is_json_type((struct http_slice){NULL, 0}));
}

Test(http_syntax, a_list_member_is_found_whole)
{
    cr_assert(http_syntax_list_has(slice("close"), "close", 5));
    cr_assert(http_syntax_list_has(slice("a ,\tCLOSE , b"), "close", 5));
    cr_assert(!http_syntax_list_has(slice("closed, enclose"), "close", 5));
    cr_assert(!http_syntax_list_has(slice(",,"), "close", 5));
    cr_assert(!http_syntax_list_has(slice(""), "close", 5));
}

Test(http_syntax, methods_are_known_by_exact_name)
{
    for (int method = 0; method < HTTP_METHOD_OTHER; method++) {
        const char *name = http_syntax_method_name((enum http_method)method);

        cr_assert(http_syntax_method(name, strlen(name)) == (enum http_method)method);
    }
    cr_assert(http_syntax_method("get", 3) == HTTP_METHOD_OTHER);
    cr_assert(http_syntax_method("GETS", 4) == HTTP_METHOD_OTHER);
    cr_assert(http_syntax_method("BREW", 4) == HTTP_METHOD_OTHER);
}

Test(http_syntax, numbers_are_digits_only_and_bounded)
{
    uint64_t decimal = 7;
    uint32_t hex = 7;

    cr_assert(http_syntax_decimal("0016384", 7, &decimal) && decimal == 16384);
    cr_assert(http_syntax_decimal("9999999999999999999", 19, &decimal));
    cr_assert(!http_syntax_decimal("00000000000000000000", 20, &decimal));
    cr_assert(!http_syntax_decimal("", 0, &decimal));
    cr_assert(!http_syntax_decimal("1a", 2, &decimal));
    cr_assert(http_syntax_hex("aF9;x", 5, &hex) == 3 && hex == 0xaf9);
    cr_assert(http_syntax_hex("ffffffff", 8, &hex) == 8 && hex == UINT32_MAX);
    cr_assert(http_syntax_hex("0ffffffff", 9, &hex) == 0);
    cr_assert(http_syntax_hex("x", 1, &hex) == 0);
}
