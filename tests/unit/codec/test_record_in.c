#include "codec/record_in.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static const char order_42[] = "\xcf\x00\x00\x07\x00\x0c\x00\x00\x2a"; /* sale 7, epoch 3, seq 42 */

/* A record of version 1 with four elements: what stands behind the order_no is `rest`. */
static struct record_in in;
static struct record_head head;
static char bytes[128];

static void begin(const char *rest, size_t rest_size)
{
    memcpy(bytes, "\x94\x01", 2);
    memcpy(bytes + 2, order_42, 9);
    memcpy(bytes + 11, rest, rest_size);
    record_in_begin(&in, bytes, 11 + rest_size, 1, 4, &head);
}

Test(record_in, nothing_and_too_much_are_refused)
{
    static char large[RECORD_READ_SIZE_MAX + 1] = "\x94\x01";

    record_in_begin(&in, NULL, 0, 1, 4, &head);
    cr_assert_eq(in.fault, RECORD_FAULT_TRUNCATED);
    record_in_begin(&in, large, sizeof large, 1, 4, &head);
    cr_assert_eq(in.fault, RECORD_FAULT_TOO_LARGE);
}

Test(record_in, the_first_fault_sticks)
{
    begin("\xc0\x05", 2);
    cr_assert_eq(record_in_uint(&in), 0);
    cr_assert_eq(in.fault, RECORD_FAULT_TYPE);
    cr_assert_eq(record_in_uint(&in), 0);
    record_in_require(&in, false);
    record_in_end(&in, &head, 4);
    cr_assert_eq(in.fault, RECORD_FAULT_TYPE);
}

Test(record_in, a_text_larger_than_its_place_is_refused)
{
    char text[4] = "xyz";

    begin("\xa3"
          "abc"
          "\x01",
          5);
    record_in_copy(&in, text, 2);
    cr_assert_eq(in.fault, RECORD_FAULT_RANGE);
    cr_assert_str_eq(text, "");
}

Test(record_in, a_text_that_would_end_early_is_refused)
{
    char text[4];

    begin("\xa3"
          "a\0c"
          "\x01",
          5);
    record_in_copy(&in, text, 3);
    cr_assert_eq(in.fault, RECORD_FAULT_RANGE);
}

Test(record_in, a_traceparent_is_whole_or_not_there)
{
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    struct traceparent trace = {"before"};

    begin("\xa0", 1);
    record_in_traceparent(&in, &trace);
    cr_assert_eq(in.fault, RECORD_FAULT_NONE);
    cr_assert_str_eq(trace.text, "before");
    begin("\xd9\x37" TRACE, 2 + 55);
    record_in_traceparent(&in, &trace);
    cr_assert_eq(in.fault, RECORD_FAULT_NONE);
    cr_assert_str_eq(trace.text, TRACE);
    begin("\xa2"
          "00",
          3);
    record_in_traceparent(&in, &trace);
    cr_assert_eq(in.fault, RECORD_FAULT_RANGE);
}

Test(record_in, a_number_above_its_bound_is_refused)
{
    begin("\x05\x06", 2);
    cr_assert_eq(record_in_bounded(&in, 5), 5);
    cr_assert_eq(in.fault, RECORD_FAULT_NONE);
    cr_assert_eq(record_in_bounded(&in, 5), 0);
    cr_assert_eq(in.fault, RECORD_FAULT_RANGE);
}

Test(record_in, what_follows_is_refused)
{
    begin("\x05\x06\x07", 3);
    (void)record_in_uint(&in);
    (void)record_in_uint(&in);
    record_in_end(&in, &head, 4);
    cr_assert_eq(in.fault, RECORD_FAULT_TRAILING);
}

Test(record_in, elements_come_in_their_order)
{
    char text[4];

    begin("\xa3"
          "abc"
          "\x05",
          5);
    cr_assert_eq(head.version, 1);
    cr_assert_eq(head.order_no.value, UINT64_C(7696782721066));
    record_in_copy(&in, text, 3);
    cr_assert_str_eq(text, "abc");
    cr_assert_eq(record_in_uint(&in), 5);
    record_in_end(&in, &head, 4);
    cr_assert_eq(in.fault, RECORD_FAULT_NONE);
}

Test(record_in, faults_have_names)
{
    cr_assert_str_eq(record_fault_name(RECORD_FAULT_NONE), "none");
    cr_assert_str_eq(record_fault_name(RECORD_FAULT_DEPTH), "depth");
}

Test(record_in, a_fault_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)record_fault_name(RECORD_FAULT_COUNT);
}
