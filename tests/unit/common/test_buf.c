#include "common/buf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

Test(buf, over_the_ceiling_it_fails_and_stays_so)
{
    struct buf buf;

    buf_init(&buf, 4);
    buf_append_text(&buf, "abc");
    cr_assert_not(buf.failed);
    buf_append_text(&buf, "de");
    cr_assert(buf.failed);
    cr_assert_eq(buf.size, 3);
    buf_append_char(&buf, 'x');
    cr_assert_eq(buf.size, 3);
    cr_assert_str_eq(buf_text(&buf), "");
    buf_finish(&buf);
}

Test(buf, printf_over_the_ceiling_fails)
{
    struct buf buf;

    buf_init(&buf, 4);
    buf_printf(&buf, "%d", 12345);
    cr_assert(buf.failed);
    buf_finish(&buf);
}

Test(buf, a_huge_reservation_fails)
{
    struct buf buf;

    buf_init(&buf, 100);
    cr_assert_null(buf_reserve(&buf, SIZE_MAX));
    cr_assert(buf.failed);
    buf_finish(&buf);
}

Test(buf, committing_more_than_reserved_aborts, .signal = SIGABRT)
{
    struct buf buf;

    buf_init(&buf, 10000);
    (void)buf_reserve(&buf, 10);
    buf_commit(&buf, 5000);
}

Test(buf, consuming_more_than_there_is_aborts, .signal = SIGABRT)
{
    struct buf buf;

    buf_init(&buf, 100);
    buf_append_text(&buf, "abc");
    buf_consume(&buf, 4);
}

Test(buf, clear_makes_a_failed_one_usable)
{
    struct buf buf;

    buf_init(&buf, 2);
    buf_append_text(&buf, "abc");
    cr_assert(buf.failed);
    buf_clear(&buf);
    buf_append_text(&buf, "ab");
    cr_assert_not(buf.failed);
    cr_assert_str_eq(buf_text(&buf), "ab");
    buf_finish(&buf);
}

Test(buf, exactly_the_ceiling_fits)
{
    struct buf buf;

    buf_init(&buf, 256);
    for (int i = 0; i < 256; i++) {
        buf_append_char(&buf, 'x');
    }
    cr_assert_not(buf.failed);
    cr_assert_eq(strlen(buf_text(&buf)), 256);
    buf_append_char(&buf, 'x');
    cr_assert(buf.failed);
    buf_finish(&buf);
}

Test(buf, grows_and_keeps_what_it_holds)
{
    struct buf buf;

    buf_init(&buf, 100000);
    for (int i = 0; i < 10000; i++) {
        buf_append(&buf, "0123456789", 10);
    }
    cr_assert_eq(buf.size, 100000);
    for (size_t i = 0; i < buf.size; i++) {
        cr_assert_eq(buf.data[i], (char)('0' + i % 10));
    }
    buf_finish(&buf);
}

Test(buf, numbers_at_their_limits)
{
    struct buf buf;

    buf_init(&buf, 200);
    buf_append_u64(&buf, 0);
    buf_append_char(&buf, ' ');
    buf_append_u64(&buf, UINT64_MAX);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MIN);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MAX);
    cr_assert_str_eq(buf_text(&buf),
                     "0 18446744073709551615 -9223372036854775808 9223372036854775807");
    buf_finish(&buf);
}

Test(buf, printf_writes_exactly_what_fits)
{
    struct buf buf;

    buf_init(&buf, 5);
    buf_printf(&buf, "%s", "");
    buf_printf(&buf, "%03d", 7);
    buf_printf(&buf, "%c%c", 'a', 'b');
    cr_assert_not(buf.failed);
    cr_assert_str_eq(buf_text(&buf), "007ab");
    buf_finish(&buf);
}

Test(buf, consume_drops_the_front)
{
    struct buf buf;

    buf_init(&buf, 100);
    buf_append_text(&buf, "abcdef");
    buf_consume(&buf, 0);
    buf_consume(&buf, 2);
    cr_assert_str_eq(buf_text(&buf), "cdef");
    buf_consume(&buf, 4);
    cr_assert_eq(buf.size, 0);
    cr_assert_str_eq(buf_text(&buf), "");
    buf_finish(&buf);
}

Test(buf, reserve_and_commit_write_in_place)
{
    struct buf buf;
    char *room;

    buf_init(&buf, 100);
    room = buf_reserve(&buf, 50);
    memcpy(room, "hello", 5);
    buf_commit(&buf, 5);
    cr_assert_str_eq(buf_text(&buf), "hello");
    buf_finish(&buf);
}

Test(buf, an_empty_one_is_empty_text)
{
    struct buf buf = {0};

    cr_assert_str_eq(buf_text(&buf), "");
    buf_append(&buf, NULL, 0);
    cr_assert_not(buf.failed);
    buf_finish(&buf);
    buf_finish(&buf);
}
