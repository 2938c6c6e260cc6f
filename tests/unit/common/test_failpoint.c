#include "common/failpoint.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[64];
static char claim[80];
static char taken[80];

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

/* what: the point and the action. */
static void arm(const char *what)
{
    char line[256];

    snprintf(path, sizeof path, "failpoint-test-%ld", (long)getpid());
    snprintf(claim, sizeof claim, "%s.claim", path);
    snprintf(taken, sizeof taken, "%s.taken", path);
    snprintf(line, sizeof line, "%s %s %s\n", what, claim, taken);
    write_file(path, line);
    write_file(claim, "");
    cr_assert_eq(setenv("SECKILL_FAILPOINT_FILE", path, 1), 0);
}

static void forget(void)
{
    if (path[0] != '\0') {
        (void)unlink(path);
        (void)unlink(claim);
        (void)unlink(taken);
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

Test(failpoint, nothing_happens_in_an_empty_file)
{
    arm("settle_begun fail");
    write_file(path, "");
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
}

Test(failpoint, fails_once_and_takes_the_claim)
{
    arm("producer_fatal fail");
    cr_assert(failpoint_hit(FAILPOINT_producer_fatal));
    cr_assert_neq(access(claim, F_OK), 0);
    cr_assert_eq(access(taken, F_OK), 0);
    cr_assert_not(failpoint_hit(FAILPOINT_producer_fatal));
}

Test(failpoint, a_claim_that_was_taken_away_is_not_acted_on)
{
    arm("producer_fatal kill");
    cr_assert_eq(unlink(claim), 0);
    cr_assert_not(failpoint_hit(FAILPOINT_producer_fatal));
    cr_assert_neq(access(taken, F_OK), 0);
}

Test(failpoint, a_file_for_another_point_is_left)
{
    arm("settle_begun_not fail");
    cr_assert_not(failpoint_hit(FAILPOINT_settle_begun));
    cr_assert_not(failpoint_hit(FAILPOINT_producer_fatal));
    cr_assert_eq(access(claim, F_OK), 0);
}

Test(failpoint, of_many_processes_with_one_claim_one_acts)
{
    enum { ROUNDS = 20, PROCESSES = 8 };

    for (int round = 0; round < ROUNDS; round++) {
        int hits = 0;
        pid_t children[PROCESSES];

        arm("settle_begun fail");
        for (int n = 0; n < PROCESSES; n++) {
            children[n] = fork();
            cr_assert_geq(children[n], 0);
            if (children[n] == 0) {
                _exit(failpoint_hit(FAILPOINT_settle_begun) ? 1 : 0);
            }
        }
        for (int n = 0; n < PROCESSES; n++) {
            int status = 0;
            cr_assert_eq(waitpid(children[n], &status, 0), children[n]);
            cr_assert(WIFEXITED(status));
            hits += WEXITSTATUS(status);
        }
        cr_assert_eq(hits, 1, "%d of them acted", hits);
    }
}

Test(failpoint, kills, .signal = SIGKILL)
{
    arm("settle_begun kill");
    (void)failpoint_hit(FAILPOINT_settle_begun);
}

static void *pass_and_tell(void *arg)
{
    atomic_bool *went_on = arg;

    (void)failpoint_hit(FAILPOINT_settle_begun);
    atomic_store(went_on, true);
    return NULL;
}

/* A child whose second thread passes the point, while its first one waits for that thread. */
static pid_t fork_child(atomic_bool *went_on)
{
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, pass_and_tell, went_on) == 0) {
            (void)pthread_join(thread, NULL);
        }
        _exit(0);
    }
    return child;
}

Test(failpoint, the_thread_that_passes_stands_at_the_point)
{
    enum { ROUNDS = 50 };
    atomic_bool *went_on =
        mmap(NULL, sizeof *went_on, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq((void *)went_on, MAP_FAILED);
    for (int round = 0; round < ROUNDS; round++) {
        int status = 0;
        arm("settle_begun stop");
        atomic_store(went_on, false);
        pid_t child = fork_child(went_on);
        cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
        const bool stood = WIFSTOPPED(status) && !atomic_load(went_on);
        (void)kill(child, SIGCONT); /* before all else: a test that fails leaves nobody */
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(stood, "in round %d", round);
        cr_assert(atomic_load(went_on));
    }
    (void)munmap(went_on, sizeof *went_on);
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

Test(failpoint, a_line_without_a_claim_is_an_error_of_the_test, .signal = SIGABRT)
{
    arm("settle_begun fail");
    write_file(path, "settle_begun fail\n");
    (void)failpoint_hit(FAILPOINT_settle_begun);
}

Test(failpoint, the_macros_are_nothing_in_other_builds)
{
    arm("settle_begun fail");
#ifdef FAILPOINTS
    cr_assert(FAILPOINT_FAILS(settle_begun));
#else
    cr_assert_not(FAILPOINT_FAILS(settle_begun));
    cr_assert_eq(access(claim, F_OK), 0);
#endif
}
