#include "loop/work.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

static struct loop *loop;
static atomic_int began, ended, ran;
static int done;
static pthread_t loop_thread;

static void begin(void)
{
    loop = loop_create(&(struct loop_options){.name = "test"});
    loop_thread = pthread_self();
}

static void end(void)
{
    loop_destroy(loop);
}

TestSuite(work, .init = begin, .fini = end, .timeout = 60);

static void *thread_begin(void *arg)
{
    atomic_fetch_add(&began, 1);
    return arg;
}

static void thread_end(void *state)
{
    cr_assert_eq(state, &began);
    atomic_fetch_add(&ended, 1);
}

static struct work_pool *make(uint32_t thread_count, uint32_t queue_max)
{
    struct work_pool *pool = work_pool_create(&(struct work_pool_options){
        .loop = loop,
        .thread_count = thread_count,
        .queue_max = queue_max,
        .thread_begin = thread_begin,
        .thread_end = thread_end,
        .arg = &began,
    });

    cr_assert_not_null(pool);
    return pool;
}

static void run(void *arg, void *thread_state)
{
    (void)arg;
    cr_assert_eq(thread_state, &began);
    cr_assert_not(pthread_equal(pthread_self(), loop_thread));
    atomic_fetch_add(&ran, 1);
}

static void on_done(void *arg)
{
    int *wanted = arg;

    cr_assert(pthread_equal(pthread_self(), loop_thread));
    done++;
    if (wanted && done == *wanted) {
        loop_stop(loop);
    }
}

/* Holds the pool's threads until it is opened; tells when one has come to it. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static sem_t arrived;

static void run_at_gate(void *arg, void *thread_state)
{
    (void)arg;
    (void)thread_state;
    sem_post(&arrived);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&ran, 1);
}

Test(work, a_full_queue_is_busy_and_runs_nothing_of_it)
{
    struct work_pool *pool = make(1, 2);

    cr_assert_eq(sem_init(&arrived, 0, 0), 0);
    pthread_mutex_lock(&gate);
    cr_assert_eq(work_submit(pool, run_at_gate, on_done, NULL), ERR_OK);
    cr_assert_eq(sem_wait(&arrived), 0); /* it is with the thread: the queue is empty */
    cr_assert_eq(work_submit(pool, run_at_gate, on_done, NULL), ERR_OK);
    cr_assert_eq(work_submit(pool, run_at_gate, on_done, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(work_submit(pool, run_at_gate, on_done, NULL), ERR_BUSY);
    }
    pthread_mutex_unlock(&gate);
    work_pool_destroy(pool);
    cr_assert_eq(ran, 3);
    cr_assert_eq(done, 3);
}

Test(work, destroy_runs_what_is_queued)
{
    struct work_pool *pool = make(2, 100);

    for (int i = 0; i < 100; i++) {
        cr_assert_eq(work_submit(pool, run, on_done, NULL), ERR_OK);
    }
    work_pool_destroy(pool);
    cr_assert_eq(ran, 100);
    cr_assert_eq(done, 100);
    cr_assert_eq(began, 2);
    cr_assert_eq(ended, 2);
    /* What the pool had posted finds no pool any more. */
    loop_stop(loop);
    loop_run(loop);
    cr_assert_eq(done, 100);
}

Test(work, destroying_nothing_is_fine)
{
    work_pool_destroy(NULL);
}

Test(work, a_pool_without_threads_aborts, .signal = SIGABRT)
{
    (void)make(0, 1);
}

Test(work, every_done_runs_once_on_the_loop)
{
    enum { COUNT = 300 };
    struct work_pool *pool = make(3, COUNT);
    int wanted = COUNT;

    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(work_submit(pool, run, on_done, &wanted), ERR_OK);
    }
    cr_assert_eq(done, 0);
    loop_run(loop);
    cr_assert_eq(done, COUNT);
    cr_assert_eq(ran, COUNT);
    work_pool_destroy(pool);
    cr_assert_eq(done, COUNT);
}

static struct work_pool *chain_pool;

static void on_link_done(void *arg)
{
    int *left = arg;

    (*left)--;
    if (*left == 0) {
        loop_stop(loop);
        return;
    }
    cr_assert_eq(work_submit(chain_pool, run, on_link_done, left), ERR_OK);
}

Test(work, a_done_may_submit_again)
{
    int left = 50;

    chain_pool = make(1, 1);
    cr_assert_eq(work_submit(chain_pool, run, on_link_done, &left), ERR_OK);
    loop_run(loop);
    cr_assert_eq(left, 0);
    cr_assert_eq(ran, 50);
    work_pool_destroy(chain_pool);
}

static void run_plain(void *arg, void *thread_state)
{
    (void)arg;
    cr_assert_null(thread_state);
    atomic_fetch_add(&ran, 1);
}

Test(work, threads_need_no_state)
{
    struct work_pool *pool = work_pool_create(
        &(struct work_pool_options){.loop = loop, .thread_count = 1, .queue_max = 1});

    cr_assert_eq(work_submit(pool, run_plain, on_done, NULL), ERR_OK);
    work_pool_destroy(pool);
    cr_assert_eq(ran, 1);
    cr_assert_eq(done, 1);
}
