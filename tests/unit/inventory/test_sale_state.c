#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/sale_state.h"

static enum err head_of(const char *text, struct sale_head *head)
{
    return sale_head_parse(text, strlen(text), head);
}

static enum err stock_of(const char *text, struct sale_left *left, uint32_t *count)
{
    return sale_stock_parse(text, strlen(text), left, count);
}

Test(sale_state, headers_that_are_not_of_the_form)
{
    static const char *const bad[] = {
        "",
        "1 1 1 open 1",
        "1 1 1 open 1 1 ",
        "1 1 1 open 1 1 1",
        " 1 1 1 open 1 1",
        "1  1 1 open 1 1",
        "1 1 1 opened 1 1",
        "1 1 1 Open 1 1",
        "0 1 1 open 1 1",
        "1 0 1 open 1 1",
        "1 16384 1 open 1 1",
        "1 1 -1 open 1 1",
        "1 1 +1 open 1 1",
        "1 1 01 open 1 1",
        "1 1 1.0 open 1 1",
        "1 1 9007199254740992 open 1 1",
        "1 1 1 open 67108864 1",
        "1 1 1 open 1 2",
        "1 1 1 open 18446744073709551617 1",
        "99999999999999999999 1 1 open 1 1",
    };
    struct sale_head head;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(head_of(bad[i], &head), ERR_PARSE, "%s", bad[i]);
    }
}

Test(sale_state, header)
{
    struct sale_head head;

    cr_assert_eq(head_of("1700000000123 16383 9007199254740991 resuming 67108863 67108863", &head),
                 ERR_OK);
    cr_assert_eq(head.redis_time_ms, 1700000000123);
    cr_assert_eq(head.epoch, 16383);
    cr_assert_eq(head.version, 9007199254740991);
    cr_assert_eq(head.state, SALE_STATE_RESUMING);
    cr_assert(head.seq == 67108863 && head.outbox_first == 67108863);
    cr_assert_eq(head_of("1 1 0 loading 0 0", &head), ERR_OK);
}

Test(sale_state, stock_that_is_not_of_the_form)
{
    static const char *const bad[] = {"a",       "a=",   "=1",       " a=1",         "a=1 ",
                                      "a=-1",    "a=01", "a=1  b=2", "a=4294967296", "a b=1",
                                      "a=1;b=2", "a=1 b"};
    struct sale_left left[SALE_SKUS_MAX];
    uint32_t count;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(stock_of(bad[i], left, &count), ERR_PARSE, "%s", bad[i]);
    }
}

Test(sale_state, stock)
{
    struct sale_left left[SALE_SKUS_MAX];
    char text[SALE_SKUS_MAX * 8 + 8] = "";
    uint32_t count;

    cr_assert_eq(stock_of("", left, &count), ERR_OK);
    cr_assert_eq(count, 0);
    cr_assert_eq(stock_of("phone-black=5000 b=0", left, &count), ERR_OK);
    cr_assert(count == 2 && left[0].left == 5000 && left[1].left == 0);
    cr_assert_str_eq(left[0].sku.text, "phone-black");
    for (int i = 0; i < SALE_SKUS_MAX; i++) {
        strncat(text, i ? " a=1" : "a=1", 5);
    }
    cr_assert_eq(stock_of(text, left, &count), ERR_OK);
    cr_assert_eq(count, SALE_SKUS_MAX);
    strncat(text, " a=1", 5);
    cr_assert_eq(stock_of(text, left, &count), ERR_PARSE, "one more than a sale may have");
}

Test(sale_state, answers)
{
    enum sale_answer answer;

    cr_assert_eq(sale_answer_parse("OK", 2, &answer), ERR_PARSE);
    cr_assert_eq(sale_answer_parse("ok ", 3, &answer), ERR_PARSE);
    cr_assert_eq(sale_answer_parse("", 0, &answer), ERR_PARSE);
    for (enum sale_answer each = 0; each < SALE_ANSWER_COUNT; each++) {
        const char *name = sale_answer_name(each);

        cr_assert_eq(sale_answer_parse(name, strlen(name), &answer), ERR_OK);
        cr_assert_eq(answer, each);
    }
    cr_assert_eq(sale_answer_err(SALE_ANSWER_EPOCH), ERR_FENCED);
    cr_assert_eq(sale_answer_err(SALE_ANSWER_GONE), ERR_NOT_FOUND);
    cr_assert_eq(sale_answer_err(SALE_ANSWER_OK), ERR_OK);
}
