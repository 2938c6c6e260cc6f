#include "payments/request.h"

#include <criterion/criterion.h>
#include <string.h>

/* Answers as the test says. */
struct answer {
    uint32_t count;
    struct provider_text value;
};

static uint32_t header(const void *arg, const char *name, struct provider_text *ret_value)
{
    const struct answer *answer = arg;

    cr_assert_str_eq(name, "x-name");
    if (answer->count > 0) {
        *ret_value = answer->value;
    }
    return answer->count;
}

Test(request, a_header_is_there_once_and_not_empty)
{
    struct answer answer = {0, {"v", 1}};
    struct provider_request request = {.header = header, .header_arg = &answer};
    struct provider_text value = {"before", 6};

    cr_assert(!request_header(&request, "x-name", &value));
    answer.count = 2;
    cr_assert(!request_header(&request, "x-name", &value));
    answer = (struct answer){1, {"", 0}};
    cr_assert(!request_header(&request, "x-name", &value));
    cr_assert_eq(value.size, 6);
    answer = (struct answer){1, {"v", 1}};
    cr_assert(request_header(&request, "x-name", &value));
    cr_assert_eq(value.size, 1);
}

Test(request, signed_seconds_are_digits)
{
    int64_t ms = 0;

    cr_assert(request_unix_time((struct provider_text){"1800000000", 10}, &ms));
    cr_assert_eq(ms, INT64_C(1800000000000));
    cr_assert(!request_unix_time((struct provider_text){"1800000000000", 13}, &ms));
    cr_assert(!request_unix_time((struct provider_text){"-1", 2}, &ms));
    cr_assert(!request_unix_time((struct provider_text){"1.5", 3}, &ms));
}

Test(request, a_time_is_good_up_to_its_bounds)
{
    cr_assert_eq(request_time_check(1000, 1300, 300, 200), PROVIDER_OK);
    cr_assert_eq(request_time_check(1000, 1301, 300, 200), PROVIDER_TOO_OLD);
    cr_assert_eq(request_time_check(1200, 1000, 300, 200), PROVIDER_OK);
    cr_assert_eq(request_time_check(1201, 1000, 300, 200), PROVIDER_TOO_NEW);
    cr_assert_eq(request_time_check(0, INT64_C(253402300799999), 300, 200), PROVIDER_TOO_OLD);
}

Test(request, a_signature_that_fits_leaves_the_time_to_be_judged)
{
    cr_assert_eq(request_verdict(SIGNATURE_FITS, 1000, 1300, 300), PROVIDER_OK);
    cr_assert_eq(request_verdict(SIGNATURE_FITS, 1000, 1301, 300), PROVIDER_TOO_OLD);
    cr_assert_eq(request_verdict(SIGNATURE_FITS, 1301, 1000, 300), PROVIDER_TOO_NEW);
    cr_assert_eq(request_verdict(SIGNATURE_DIFFERS, 1000, 1301, 300), PROVIDER_BAD_SIGNATURE);
    cr_assert_eq(request_verdict(SIGNATURE_FAILED, 1000, 1000, 300), PROVIDER_INTERNAL);
}
