#include "bench/load/markup.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static void check(const char *text, const char *expected)
{
    char *written = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&written, &size);

    cr_assert_not_null(page);
    markup_text(page, text);
    fclose(page);
    cr_assert_str_eq(written, expected);
    free(written);
}

Test(markup, what_a_browser_could_read_as_markup_is_escaped)
{
    check("</pre><script>alert('a' && \"b\")</script>",
          "&lt;/pre&gt;&lt;script&gt;alert(&#39;a&#39; &amp;&amp; &quot;b&quot;)&lt;/script&gt;");
    check("", "");
}

Test(markup, control_characters_and_bytes_that_are_no_utf8_become_question_marks)
{
    check("a\x01\x1b[0m\n\tb\x7f", "a??[0m\n\tb?");
    check("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    check("\x80 \xff \xc3", "? ? ?");                   /* alone, never, cut off */
    check("\xc0\xbc \xe0\x80\xbc", "?? ???");           /* long forms of "<" */
    check("\xed\xa0\x80 \xf4\x90\x80\x80", "??? ????"); /* a surrogate, past the last one */
    check("\xc3<b>", "?&lt;b&gt;");
}

static void count(uint64_t value, const char *expected)
{
    char text[MARKUP_NUMBER_SIZE];

    markup_count(value, text);
    cr_assert_str_eq(text, expected);
}

static void figures(double value, const char *expected)
{
    char text[MARKUP_NUMBER_SIZE];

    markup_figures(value, text);
    cr_assert_str_eq(text, expected);
}

Test(markup, counts_are_grouped)
{
    count(0, "0");
    count(999, "999");
    count(1000, "1,000");
    count(1234567, "1,234,567");
    count(UINT64_MAX, "18,446,744,073,709,551,615");
}

Test(markup, figures_are_three)
{
    figures(0, "0");
    figures(0.0123, "0.012");
    figures(1.234, "1.23");
    figures(9.996, "10.0");
    figures(12.34, "12.3");
    figures(99.96, "100");
    figures(12345.6, "12,346");
    figures(NAN, "–");
}
