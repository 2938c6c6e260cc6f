#include "payments/text.h"

#include <criterion/criterion.h>
#include <string.h>

static struct provider_text of(const char *text)
{
    return (struct provider_text){text, strlen(text)};
}

Test(text, whole_and_beginning_are_compared)
{
    cr_assert(text_is(of("abc"), "abc"));
    cr_assert(!text_is(of("abcd"), "abc"));
    cr_assert(!text_is(of("ab"), "abc"));
    cr_assert(!text_is(of("Abc"), "abc"));
    cr_assert(text_begins(of("abc"), "ab"));
    cr_assert(text_begins(of("ab"), "ab"));
    cr_assert(!text_begins(of("a"), "ab"));
}

Test(text, a_list_has_one_part_more_than_separators)
{
    static const char *const parts[] = {"a", "", "bc", ""};
    struct provider_text rest = of("a,,bc,"), part;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cr_assert(text_cut(&rest, ',', &part));
        cr_assert(text_is(part, parts[i]), "%zu", i);
    }
    cr_assert(!text_cut(&rest, ',', &part));
    rest = of("");
    cr_assert(text_cut(&rest, ',', &part) && part.size == 0);
    cr_assert(!text_cut(&rest, ',', &part));
}

Test(text, blanks_around_are_dropped)
{
    cr_assert(text_is(text_trim(of(" \ta b\t ")), "a b"));
    cr_assert_eq(text_trim(of("  ")).size, 0);
}

Test(text, digits_alone_are_a_number)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1234567890123456"};
    int64_t value = 7;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!text_digits(of(bad[i]), &value), "%s", bad[i]);
    }
    cr_assert_eq(value, 7);
    cr_assert(text_digits(of("999999999999999"), &value));
    cr_assert_eq(value, INT64_C(999999999999999));
    cr_assert(text_digits(of("007"), &value) && value == 7);
}

Test(text, visible_ascii_has_no_blank)
{
    cr_assert(text_is_visible(of("a!~"), 1, 3));
    cr_assert(!text_is_visible(of("a!~"), 1, 2));
    cr_assert(!text_is_visible(of(""), 1, 2));
    cr_assert(!text_is_visible(of("a b"), 1, 9));
    cr_assert(!text_is_visible(of("a\x7f"), 1, 9));
    cr_assert(!text_is_visible(of("\xc3\xa4"), 1, 9));
}
