#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/redis_wire.h"

Test(redis_wire, what_does_not_fit_fails)
{
    struct buf out;

    buf_init(&out, 20);
    redis_wire_command(&out, 2, (const char *const[]){"PING", "01234567890123456789"},
                       (const size_t[]){4, 20});
    cr_assert(out.failed);
    buf_finish(&out);
}

Test(redis_wire, numbers)
{
    char text[64];

    *redis_wire_number(text, 0) = '\0';
    cr_assert_str_eq(text, "0");
    *redis_wire_number(text, UINT64_MAX) = '\0';
    cr_assert_str_eq(text, "18446744073709551615");
    *redis_wire_bulk_number(text, 1200) = '\0';
    cr_assert_str_eq(text, "$4\r\n1200\r\n");
}

Test(redis_wire, sizes_of_one_two_and_more_digits)
{
    char long_text[300], out[400];

    memset(long_text, 'x', sizeof long_text);
    *redis_wire_bulk(out, long_text, 0) = '\0';
    cr_assert_str_eq(out, "$0\r\n\r\n");
    *redis_wire_bulk(out, long_text, 9) = '\0';
    cr_assert_str_eq(out, "$9\r\nxxxxxxxxx\r\n");
    *redis_wire_bulk(out, long_text, 10) = '\0';
    cr_assert_str_eq(out, "$10\r\nxxxxxxxxxx\r\n");
    *redis_wire_bulk(out, long_text, 99) = '\0';
    cr_assert(memcmp(out, "$99\r\n", 5) == 0 && strlen(out) == 5 + 99 + 2);
    *redis_wire_bulk(out, long_text, 300) = '\0';
    cr_assert(memcmp(out, "$300\r\n", 6) == 0 && strlen(out) == 6 + 300 + 2);
}

Test(redis_wire, bytes_are_not_interpreted)
{
    struct buf out;

    buf_init(&out, 1000);
    redis_wire_command(&out, 2, (const char *const[]){"ECHO", "%s\r\n\0$"}, (const size_t[]){4, 6});
    cr_assert(!out.failed && out.size == 26);
    cr_assert_eq(memcmp(out.data, "*2\r\n$4\r\nECHO\r\n$6\r\n%s\r\n\0$\r\n", 26), 0);
    buf_finish(&out);
}
