#include "http/http_problem.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static void expect_text(const struct http_problem_text *text, const char *wanted)
{
    cr_assert(text->size == strlen(wanted) && memcmp(text->text, wanted, text->size) == 0, "%.*s",
              (int)text->size, text->text);
}

Test(http_problem, every_problem_of_the_table_has_its_text)
{
    for (int i = 0; i < HTTP_PROBLEM_COUNT; i++) {
        enum http_problem problem = (enum http_problem)i;
        struct http_problem_text text;

        http_problem_init_table(&text, problem);
        cr_assert(text.status == http_problem_status(problem));
        cr_assert(text.size > text.detail_at && text.detail_at > 0);
        cr_assert(strlen(http_problem_code(problem)) > 0);
    }
}

Test(http_problem, codes_are_not_used_twice)
{
    for (int i = 0; i < HTTP_PROBLEM_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            cr_assert(strcmp(http_problem_code((enum http_problem)i),
                             http_problem_code((enum http_problem)j))
                      != 0);
        }
        for (int j = 0; j < OUTCOME_COUNT; j++) {
            cr_assert(strcmp(http_problem_code((enum http_problem)i), outcome_code((enum outcome)j))
                      != 0);
        }
    }
}

Test(http_problem, an_outcome_gets_a_title_from_its_code)
{
    struct http_problem_text text;

    http_problem_init_outcome(&text, OUTCOME_SOLD_OUT);
    expect_text(&text, "{\"type\":\"https://seckill.example/problems/sold-out\","
                       "\"title\":\"Sold out\",\"status\":409,\"code\":\"sold-out\","
                       "\"retryable\":false,\"detail\":\"There are not enough units left.\"");
    cr_assert(text.status == 409);
    cr_assert(memcmp(text.text + text.detail_at, ",\"detail\":", 10) == 0);
}

Test(http_problem, text_is_escaped)
{
    struct http_problem_text text;

    http_problem_init(&text, 400, "c", "a\"b", "back\\slash\n\x7f", true);
    expect_text(&text, "{\"type\":\"https://seckill.example/problems/c\",\"title\":\"a\\\"b\","
                       "\"status\":400,\"code\":\"c\",\"retryable\":true,"
                       "\"detail\":\"back\\\\slash\\u000a\\u007f\"");
}

Test(http_problem, an_escape_that_does_not_fit_is_left_out_whole)
{
    char out[8];

    cr_assert(http_problem_escape("ab\ncd", 5, out, 7) == 2);
    cr_assert(http_problem_escape("ab\ncd", 5, out, 8) == 8);
    cr_assert(memcmp(out, "ab\\u000a", 8) == 0);
    cr_assert(http_problem_escape("x", 1, out, 0) == 0);
}

Test(http_problem, a_status_that_is_no_problem_is_a_bug, .signal = SIGABRT)
{
    struct http_problem_text text;

    http_problem_init(&text, 200, "c", NULL, "", false);
}
