#include "common/failpoint.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char path[64];

static void arm(const char *line)
{
    snprintf(path, sizeof path, "failpoint-test-%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "%s\n", line), 0);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(setenv("SECKILL_FAILPOINT_FILE", path, 1), 0);
}

static void forget(void)
{
    if (path[0] != '\0') {
        (void)unlink(path);
    }
}

TestSuite(failpoint, .fini = forget);

Test(failpoint, nothing_happens_without_a_file)
{
    cr_assert_eq(unsetenv("SECKILL_FAILPOINT_FILE"), 0);
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
    cr_assert_eq(setenv("SECKILL_FAILPOINT_FILE", "no-such-directory/file", 1), 0);
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
}

Test(failpoint, fails_once_and_takes_the_file)
{
    arm("producer_fatal fail");
    cr_assert(failpoint_hit(FAILPOINT_producer_fatal));
    cr_assert_neq(access(path, F_OK), 0);
    cr_assert_not(failpoint_hit(FAILPOINT_producer_fatal));
}

Test(failpoint, a_file_for_another_point_is_left)
{
    arm("settle_begun_not fail");
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
    cr_assert_not(failpoint_hit(FAILPOINT_producer_fatal));
    cr_assert_eq(access(path, F_OK), 0);
}

Test(failpoint, kills, .signal = SIGKILL)
{
    arm("settle_begun kill");
    (void)failpoint_hit(FAILPOINT_settle_begun);
    (void)unlink(path);
}

Test(failpoint, waits_and_goes_on)
{
    struct timespec before;
    struct timespec after;

    arm("settle_begun delay:30");
    clock_gettime(CLOCK_MONOTONIC, &before);
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
    clock_gettime(CLOCK_MONOTONIC, &after);
    cr_assert_geq((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec,
                  30000000L);
}

Test(failpoint, an_unknown_action_is_an_error_of_the_test, .signal = SIGABRT)
{
    arm("settle_begun explode");
    (void)failpoint_hit(FAILPOINT_settle_begun);
}

Test(failpoint, the_macros_are_nothing_in_other_builds)
{
    arm("settle_begun fail");
#ifdef FAILPOINTS
    cr_assert(FAILPOINT_FAILS(settle_begun));
#else
    cr_assert_not(FAILPOINT_FAILS(settle_begun));
    cr_assert_eq(access(path, F_OK), 0);
#endif
}
