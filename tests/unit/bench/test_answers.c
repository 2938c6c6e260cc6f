#include "bench/load/answers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bench/load/response.h"

static enum answer answer_to(int status, const char *body, bool replayed)
{
    const struct response response = {
        .status = status, .replayed = replayed, .body = body, .body_size = strlen(body)};
    return answer_of(&response);
}

Test(answers, a_created_order_without_number_is_unexpected)
{
    cr_assert_eq(answer_to(201, "{}", false), ANSWER_UNEXPECTED);
}

Test(answers, a_problem_without_or_with_an_unknown_code_is_unexpected)
{
    cr_assert_eq(answer_to(500, "oops", false), ANSWER_UNEXPECTED);
    cr_assert_eq(answer_to(409, "{\"code\":\"never-heard\"}", false), ANSWER_UNEXPECTED);
    cr_assert_eq(answer_to(409, "{\"code\":\"lost\"}", false), ANSWER_UNEXPECTED);
}

Test(answers, a_code_under_another_status_is_unexpected)
{
    cr_assert_eq(answer_to(200, "{\"code\":\"sold-out\"}", false), ANSWER_OK);
    cr_assert_eq(answer_to(410, "{\"code\":\"sold-out\"}", false), ANSWER_UNEXPECTED);
}

Test(answers, wins_are_told_apart_from_replays)
{
    cr_assert_eq(answer_to(201, "{\"order_no\":\"5\"}", false), ANSWER_ACCEPTED);
    cr_assert_eq(answer_to(201, "{\"order_no\":\"5\"}", true), ANSWER_REPLAYED);
    cr_assert(answer_is_win(ANSWER_REPLAYED));
    cr_assert_not(answer_is_win(ANSWER_OK));
}

Test(answers, every_refusal_of_the_tables_is_known_by_its_code)
{
    static const struct {
        const char *code;
        int status;
        enum answer answer;
    } all[] = {
#define OUTCOME(name, code, http, retry, text) {code, http, ANSWER_##name},
#include "domain/outcome.def"
#undef OUTCOME
#define PROBLEM(name, code, status, retry, title, detail) {code, status, ANSWER_PROBLEM_##name},
#include "http/problem.def"
#undef PROBLEM
    };
    char body[128];

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].status >= 400) {
            snprintf(body, sizeof body, "{\"status\":1,\"code\":\"%s\"}", all[i].code);
            cr_assert_eq(answer_to(all[i].status, body, false), all[i].answer, "%s", all[i].code);
        }
        cr_assert_str_eq(answer_code(all[i].answer), all[i].code);
    }
}

Test(answers, outcomes_are_no_errors_and_all_else_but_ok_is_one)
{
    cr_assert_not(answer_is_error(ANSWER_OUTCOME_UNKNOWN));
    cr_assert_not(answer_is_error(ANSWER_SOLD_OUT));
    cr_assert_not(answer_is_error(ANSWER_OK));
    cr_assert(answer_is_error(ANSWER_PROBLEM_BAD_JSON));
    cr_assert(answer_is_error(ANSWER_LOST));
}

Test(answers, only_accepted_is_a_sale_and_every_answer_has_one_class)
{
    uint32_t in_class[ANSWER_CLASS_COUNT] = {0};

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const enum answer_class class = answer_class((enum answer)i);
        in_class[class]++;
        cr_assert_eq(class == ANSWER_CLASS_ERROR, answer_is_error((enum answer)i));
    }
    cr_assert_eq(in_class[ANSWER_CLASS_ACCEPTED], 1);
    cr_assert_eq(in_class[ANSWER_CLASS_REPLAYED], 1);
    cr_assert_eq(in_class[ANSWER_CLASS_SOLD_OUT], 1);
    cr_assert_eq(in_class[ANSWER_CLASS_UNKNOWN], 1);
    cr_assert_eq(in_class[ANSWER_CLASS_OTHER], 1);
    cr_assert_eq(in_class[ANSWER_CLASS_REFUSED], ANSWER_OUTCOME_COUNT - 4);
    cr_assert_eq(answer_class(ANSWER_LIMIT_REACHED), ANSWER_CLASS_REFUSED);
    cr_assert_str_eq(answer_class_name(ANSWER_CLASS_SOLD_OUT), "sold-out");
}
