#include "bench/load/cpu.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(cpu, what_is_no_stat_text_is_refused)
{
    uint64_t us = 7;

    cr_assert_not(cpu_parse("", 100, &us));
    cr_assert_not(cpu_parse("12 (name) S 1 2", 100, &us));
    cr_assert_not(cpu_parse("12 name S 1 1 1 0 -1 0 0 0 0 0 5 6", 100, &us));
    cr_assert_eq(us, 7);
}

Test(cpu, a_name_with_brackets_and_blanks_confuses_nothing)
{
    uint64_t us = 0;

    cr_assert(cpu_parse("12 (a) S 9 (b) R 1 1 1 0 -1 4194304 0 0 0 0 150 50 0 0 20 0", 100, &us));
    cr_assert_eq(us, 2000000);
}

Test(cpu, a_process_that_does_not_exist_has_none)
{
    uint64_t us;

    cr_assert_not(cpu_of_process(0x7ffffffe, &us));
    cr_assert(cpu_of_process(getpid(), &us));
}
