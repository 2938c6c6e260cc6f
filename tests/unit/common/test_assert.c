#include "common/assert.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>

Test(assert, a_false_condition_aborts, .signal = SIGABRT)
{
    int two = 2;

    ASSERT(two == 3);
}

Test(assert, unreachable_aborts, .signal = SIGABRT)
{
    UNREACHABLE();
}

Test(assert, a_true_condition_is_evaluated_once)
{
    int count = 0;

    ASSERT(++count == 1);
    cr_assert_eq(count, 1);
}

Test(assert, costly_ones_run_in_debug_checks_only)
{
    int count = 0;

    ASSERT_COSTLY(++count == 1);
#ifdef DEBUG_CHECKS
    cr_assert_eq(count, 1);
#else
    cr_assert_eq(count, 0);
#endif
}
