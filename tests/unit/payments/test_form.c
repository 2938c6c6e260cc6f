#include "payments/form.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "payments/text.h"

static struct form form;

/* From memory of exactly its size. */
static bool read_form(const char *text)
{
    size_t size = strlen(text);
    char *exact = malloc(size > 0 ? size : 1);
    bool good;

    cr_assert_not_null(exact);
    memcpy(exact, text, size);
    good = form_read(exact, size, &form);
    free(exact);
    return good;
}

Test(form, fields_are_decoded_and_sorted)
{
    struct provider_text value;

    cr_assert(read_form("b=2%2B3+4&a_b=&a=%E4%BD%A0&B=x%3dy&sign=a%2Fb=="));
    cr_assert_eq(form.count, 5);
    cr_assert(text_is(form.fields[0].name, "B") && text_is(form.fields[0].value, "x=y"));
    cr_assert(text_is(form.fields[1].name, "a"));
    cr_assert(text_is(form.fields[1].value, "\xe4\xbd\xa0"));
    cr_assert(text_is(form.fields[2].name, "a_b") && form.fields[2].value.size == 0);
    cr_assert(text_is(form.fields[3].name, "b") && text_is(form.fields[3].value, "2+3 4"));
    cr_assert(form_field(&form, "sign", &value) && text_is(value, "a/b=="));
    cr_assert(!form_field(&form, "sig", &value));
}

Test(form, what_two_could_read_differently_is_refused)
{
    static const char *const bad[] = {
        "",           "a",           "=1",      "a=1&",   "&a=1",  "a=1&&b=2",  "a=1&b",
        "a=1&a=1",    "a=1&b=2&a=3", "a=%",     "a=%4",   "a=%4g", "a=%00",     "a=1 2",
        "a=\xc3\xa4", "a=1\n",       "a%20b=1", "a%3d=1", "a[]=1", "a=1&%61=2",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!read_form(bad[i]), "%s", bad[i]);
    }
    cr_assert(!form_read(NULL, 0, &form));
}

Test(form, fields_have_an_end)
{
    char text[1024] = "";

    for (int i = 0; i < FORM_FIELDS_MAX; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%sf%d=%d", i ? "&" : "",
                       (i * 37) % FORM_FIELDS_MAX, i);
    }
    cr_assert(read_form(text));
    for (uint32_t i = 1; i < form.count; i++) {
        cr_assert(text_order(form.fields[i - 1].name, form.fields[i].name) < 0);
    }
    cr_assert(!read_form(strcat(text, "&g=1")));
}

Test(form, a_body_of_the_largest_size_fits)
{
    static char text[PROVIDER_BODY_SIZE_MAX + 2];

    memset(text, 'x', sizeof text - 1);
    memcpy(text, "a=", 2);
    cr_assert(!read_form(text));
    text[PROVIDER_BODY_SIZE_MAX] = '\0';
    cr_assert(read_form(text));
    cr_assert_eq(form.fields[0].value.size, PROVIDER_BODY_SIZE_MAX - 2);
}
