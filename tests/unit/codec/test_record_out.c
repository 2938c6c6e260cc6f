#include "codec/record_out.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

Test(record_out, more_than_the_room_aborts, .signal = SIGABRT)
{
    unsigned char bytes[4];
    struct record_out out;

    record_out_begin(&out, bytes, sizeof bytes, 1);
    record_out_text(&out, "abc", 3); /* 1 + 1 + 3 bytes */
}

Test(record_out, writes_the_shortest_form)
{
    unsigned char bytes[64];
    struct record_out out;
    static const unsigned char expected[] = {0x93, 0x7f, 0xcc, 0x80, 0xa2, 'h', 'i'};

    record_out_begin(&out, bytes, sizeof bytes, 3);
    record_out_uint(&out, 127);
    record_out_uint(&out, 128);
    record_out_text(&out, "hi", 2);
    cr_assert_eq(out.size, sizeof expected);
    cr_assert_eq(memcmp(bytes, expected, sizeof expected), 0);
}
