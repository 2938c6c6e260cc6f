#include "codec/json_out.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <signal.h>
#include <string.h>

static struct buf buf;
static struct json_out out;

static void begin(void)
{
    buf_init(&buf, 4096);
    json_out_init(&out, &buf);
}

static void end(void)
{
    buf_finish(&buf);
}

TestSuite(json_out, .init = begin, .fini = end);

static void assert_quoted(const char *text, size_t size, const char *expected)
{
    buf_clear(&buf);
    json_out_quote(&buf, text, size);
    cr_assert_str_eq(buf_text(&buf), expected);
}

Test(json_out, escapes_what_must_not_stand_in_a_text)
{
    assert_quoted("", 0, "\"\"");
    assert_quoted("a\"b\\c", 5, "\"a\\\"b\\\\c\"");
    assert_quoted("\n\r\t", 3, "\"\\n\\r\\t\"");
    assert_quoted("\0\x01\x1f", 3, "\"\\u0000\\u0001\\u001f\"");
    assert_quoted("\x7f", 1, "\"\\u007f\"");
    assert_quoted("a/<b>", 5, "\"a/<b>\"");
}

Test(json_out, replaces_what_is_not_utf8)
{
#define BAD "\xEF\xBF\xBD"
    assert_quoted("\xff", 1, "\"" BAD "\"");
    assert_quoted("a\x80z", 3, "\"a" BAD "z\"");
    assert_quoted("\xc0\x80", 2, "\"" BAD BAD "\"");                 /* overlong */
    assert_quoted("\xe0\x80\x80", 3, "\"" BAD BAD BAD "\"");         /* overlong */
    assert_quoted("\xed\xa0\x80", 3, "\"" BAD BAD BAD "\"");         /* a surrogate */
    assert_quoted("\xf4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""); /* above U+10FFFF */
    assert_quoted("\xf0\x8f\xbf\xbf", 4, "\"" BAD BAD BAD BAD "\""); /* overlong */
    assert_quoted("\xe4\xb8", 2, "\"" BAD BAD "\"");                 /* cut off */
    assert_quoted("\xe4\xb8\xad", 3, "\"\xe4\xb8\xad\"");
    assert_quoted("\xc3\xa9\xf0\x9f\x98\x80", 6, "\"\xc3\xa9\xf0\x9f\x98\x80\"");
}

Test(json_out, what_does_not_fit_turns_the_buf_failed)
{
    struct buf small;

    buf_init(&small, 4);
    json_out_init(&out, &small);
    json_out_text(&out, "too long");
    cr_assert(small.failed);
    buf_finish(&small);
}

Test(json_out, nesting_without_end_is_a_bug, .signal = SIGABRT)
{
    for (int i = 0; i <= JSON_OUT_DEPTH_MAX; i++) {
        json_out_begin_array(&out);
    }
}

Test(json_out, an_end_without_a_begin_is_a_bug, .signal = SIGABRT)
{
    json_out_end_object(&out);
}

Test(json_out, writes_every_type_with_its_commas)
{
    json_out_begin_object(&out);
    json_out_member_text(&out, "t", "x");
    json_out_member_u64(&out, "u", UINT64_MAX);
    json_out_member_i64(&out, "i", INT64_MIN);
    json_out_member_bool(&out, "b", false);
    json_out_member_time(&out, "at", 0);
    json_out_name(&out, "n");
    json_out_null(&out);
    json_out_name(&out, "l");
    json_out_begin_array(&out);
    json_out_u64(&out, 1);
    json_out_begin_object(&out);
    json_out_end_object(&out);
    json_out_bool(&out, true);
    json_out_i64(&out, -2);
    json_out_bytes(&out, "ab", 1);
    json_out_raw(&out, "[3]", 3);
    json_out_begin_array(&out);
    json_out_end_array(&out);
    json_out_end_array(&out);
    json_out_end_object(&out);
    cr_assert_str_eq(buf_text(&buf),
                     "{\"t\":\"x\",\"u\":18446744073709551615,\"i\":-9223372036854775808,"
                     "\"b\":false,\"at\":\"1970-01-01T00:00:00.000Z\",\"n\":null,"
                     "\"l\":[1,{},true,-2,\"a\",[3],[]]}");
}

Test(json_out, a_member_without_a_value_is_null)
{
    json_out_begin_object(&out);
    json_out_member_null(&out, "a");
    json_out_member_text_or_null(&out, "b", true, "x");
    json_out_member_text_or_null(&out, "c", false, NULL);
    json_out_member_u64_or_null(&out, "d", true, 0);
    json_out_member_u64_or_null(&out, "e", false, 7);
    json_out_end_object(&out);
    cr_assert_str_eq(buf_text(&buf), "{\"a\":null,\"b\":\"x\",\"c\":null,\"d\":0,\"e\":null}");
}
