#include "payments/money.h"

#include <criterion/criterion.h>
#include <string.h>

Test(money, decimals_are_exact)
{
    static const struct {
        const char *text;
        int64_t cents;
    } cases[] = {
        {"0", 0},     {"0.00", 0},     {"0.01", 1},
        {"0.1", 10},  {"0.10", 10},    {"1.15", 115},
        {"20", 2000}, {"88.88", 8888}, {"1999.00", 199900},
        {"0.29", 29}, {"4.35", 435},   {"999999999999.99", INT64_C(99999999999999)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct provider_text text = {cases[i].text, strlen(cases[i].text)};
        int64_t cents = -1;

        cr_assert(money_read_cents(text, &cents), "%s", cases[i].text);
        cr_assert_eq(cents, cases[i].cents, "%s", cases[i].text);
    }
}

Test(money, anything_else_is_none)
{
    static const char *const bad[] = {
        "",
        ".",
        "1.",
        ".5",
        "-1",
        "+1",
        "1.234",
        "1.2.3",
        "01",
        "00.10",
        " 1",
        "1 ",
        "1,00",
        "1e2",
        "0x1",
        "1.-5",
        "1. 5",
        "1234567890123",
        "1234567890123.00",
        "\xef\xbc\x91",
        "inf",
    };
    int64_t cents = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!money_read_cents((struct provider_text){bad[i], strlen(bad[i])}, &cents), "%s",
                  bad[i]);
    }
    cr_assert(!money_read_cents((struct provider_text){NULL, 0}, &cents));
    cr_assert_eq(cents, 7);
}
