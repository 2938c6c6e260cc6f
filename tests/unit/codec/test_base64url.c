#include "codec/base64url.h"

#include <criterion/criterion.h>
#include <string.h>

static bool decodes(const char *text)
{
    unsigned char bytes[64];
    size_t size;

    return base64url_decode(text, strlen(text), bytes, sizeof bytes, &size);
}

Test(base64url, refuses_what_is_not_its_text)
{
    cr_assert_not(decodes(""));
    cr_assert_not(decodes("A"));     /* six bits make no byte */
    cr_assert_not(decodes("AAAAA")); /* a letter too many */
    cr_assert_not(decodes("AA=="));
    cr_assert_not(decodes("AAA="));
    cr_assert_not(decodes("AA+A"));
    cr_assert_not(decodes("AA/A"));
    cr_assert_not(decodes("AA A"));
    cr_assert_not(decodes("AA\nA"));
    cr_assert_not(decodes("AA.A"));
    cr_assert_not(decodes("AA\xff"
                          "A"));
}

Test(base64url, refuses_a_second_text_for_the_same_bytes)
{
    cr_assert(decodes("AA"));
    cr_assert_not(decodes("AB")); /* the last four bits belong to nothing */
    cr_assert(decodes("AAA"));
    cr_assert_not(decodes("AAB"));
}

Test(base64url, refuses_more_than_there_is_room_for)
{
    unsigned char bytes[3] = {0};
    size_t size = 99;

    cr_assert_not(base64url_decode("AAAAAA", 6, bytes, 3, &size));
    cr_assert_eq(size, 99);
    cr_assert(base64url_decode("AAAA", 4, bytes, 3, &size));
    cr_assert_eq(size, 3);
}

Test(base64url, reads_every_length_and_digit)
{
    unsigned char bytes[64];
    size_t size;

    cr_assert(base64url_decode("Zg", 2, bytes, sizeof bytes, &size));
    cr_assert(size == 1 && memcmp(bytes, "f", 1) == 0);
    cr_assert(base64url_decode("Zm8", 3, bytes, sizeof bytes, &size));
    cr_assert(size == 2 && memcmp(bytes, "fo", 2) == 0);
    cr_assert(base64url_decode("Zm9vYmFy", 8, bytes, sizeof bytes, &size));
    cr_assert(size == 6 && memcmp(bytes, "foobar", 6) == 0);
    cr_assert(base64url_decode("-_-_", 4, bytes, sizeof bytes, &size));
    cr_assert(size == 3 && memcmp(bytes, "\xfb\xff\xbf", 3) == 0);
}
