#include "bench/load/footprint.h"

#include <criterion/criterion.h>

Test(footprint, the_data_s_bytes_are_read)
{
    uint64_t bytes = 0;

    cr_assert(footprint_parse("# Memory\r\nused_memory:9\r\nused_memory_dataset:1598200\r\n"
                              "used_memory_dataset_perc:97.08%\r\n",
                              &bytes));
    cr_assert_eq(bytes, 1598200);
}

Test(footprint, what_is_no_such_text_is_refused)
{
    uint64_t bytes = 7;

    cr_assert_not(footprint_parse("", &bytes));
    cr_assert_not(footprint_parse("# Memory\r\nused_memory_dataset_perc:97.08%\r\n", &bytes));
    cr_assert_not(footprint_parse("# Memory\r\nused_memory_dataset:-1\r\n", &bytes));
    cr_assert_eq(bytes, 7);
}
