#include "loop/work.h"

#include "common/assert.h"

#include <pthread.h>
#include <stdlib.h>

struct job {
    struct job *next;
    work_run_fn *run;
    work_done_fn *done;
    void *arg;
};

struct job_list {
    struct job *first, **last;
};

/* What the loop was given; apart from the pool, which may be gone when its turn comes. */
struct notice {
    struct work_pool *pool; /* borrowed; NULL: the pool is gone */
};

struct work_pool {
    struct work_pool_options options;
    pthread_t *threads; /* owned; options.thread_count */
    struct job *jobs;   /* owned; options.queue_max + options.thread_count */

    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t ready; /* a job is queued, or the pool stops */
    struct job *free;
    struct job_list queued;
    struct job_list finished; /* `done` not run yet */
    uint32_t queued_count;
    uint32_t started; /* threads */
    bool stopping;
    struct notice *notice; /* on its way to the loop, which owns it; NULL: none */
};

static void put_last(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->last = job;
    list->last = &job->next;
}

static struct job *take_first(struct job_list *list)
{
    struct job *job = list->first;

    if (job) {
        list->first = job->next;
        if (!list->first) {
            list->last = &list->first;
        }
    }
    return job;
}

/* Each `done` once, without the lock, as it may submit again. */
static void run_finished(struct work_pool *pool)
{
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    while ((job = take_first(&pool->finished)) != NULL) {
        work_done_fn *done = job->done;
        void *done_arg = job->arg;

        job->next = pool->free;
        pool->free = job;
        pthread_mutex_unlock(&pool->lock);
        done(done_arg);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void on_notice(void *arg)
{
    struct notice *notice = arg;
    struct work_pool *pool = notice->pool;

    free(notice);
    if (pool) {
        pthread_mutex_lock(&pool->lock);
        pool->notice = NULL;
        pthread_mutex_unlock(&pool->lock);
        run_finished(pool);
    }
}

/* With the lock held. A lost `done` would hang its caller, so no memory aborts. */
static void notify_loop(struct work_pool *pool)
{
    if (pool->notice) {
        return;
    }
    pool->notice = malloc(sizeof *pool->notice);
    ASSERT(pool->notice);
    pool->notice->pool = pool;
    ASSERT(loop_post(pool->options.loop, on_notice, pool->notice) == ERR_OK);
}

static void *thread_main(void *arg)
{
    struct work_pool *pool = arg;
    void *state = pool->options.thread_begin ? pool->options.thread_begin(pool->options.arg) : NULL;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct job *job = take_first(&pool->queued);

        if (!job) {
            if (pool->stopping) {
                break;
            }
            pthread_cond_wait(&pool->ready, &pool->lock);
            continue;
        }
        pool->queued_count--;
        pthread_mutex_unlock(&pool->lock);
        job->run(job->arg, state);
        pthread_mutex_lock(&pool->lock);
        put_last(&pool->finished, job);
        notify_loop(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    if (pool->options.thread_end) {
        pool->options.thread_end(state);
    }
    return NULL;
}

static void stop_threads(struct work_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->ready);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->started; i++) {
        (void)pthread_join(pool->threads[i], NULL);
    }
    pool->started = 0;
}

static void pool_free(struct work_pool *pool)
{
    pthread_cond_destroy(&pool->ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool->jobs);
    free(pool);
}

struct work_pool *work_pool_create(const struct work_pool_options *options)
{
    uint32_t job_count = options->queue_max + options->thread_count;
    struct work_pool *pool;

    ASSERT(options->loop && options->thread_count > 0 && options->queue_max > 0);
    pool = calloc(1, sizeof *pool);
    if (!pool) {
        return NULL;
    }
    pool->options = *options;
    pool->queued.last = &pool->queued.first;
    pool->finished.last = &pool->finished.first;
    /* With default attributes neither of the two can fail on Linux. */
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->ready, NULL);
    pool->threads = calloc(options->thread_count, sizeof *pool->threads);
    pool->jobs = calloc(job_count, sizeof *pool->jobs);
    if (!pool->threads || !pool->jobs) {
        pool_free(pool);
        return NULL;
    }
    for (uint32_t i = 0; i < job_count; i++) {
        pool->jobs[i].next = pool->free;
        pool->free = &pool->jobs[i];
    }
    while (pool->started < options->thread_count) {
        if (pthread_create(&pool->threads[pool->started], NULL, thread_main, pool) != 0) {
            stop_threads(pool);
            pool_free(pool);
            return NULL;
        }
        pool->started++;
    }
    return pool;
}

void work_pool_destroy(struct work_pool *pool)
{
    if (!pool) {
        return;
    }
    loop_assert_owner(pool->options.loop);
    stop_threads(pool);
    run_finished(pool);
    if (pool->notice) {
        pool->notice->pool = NULL;
    }
    pool_free(pool);
}

enum err work_submit(struct work_pool *pool, work_run_fn *run, work_done_fn *done, void *arg)
{
    struct job *job;

    loop_assert_owner(pool->options.loop);
    pthread_mutex_lock(&pool->lock);
    /* A job is also held until its `done` has run, so the free ones may end before the queue is
     * full. */
    job = pool->queued_count < pool->options.queue_max && !pool->stopping ? pool->free : NULL;
    if (job) {
        pool->free = job->next;
        *job = (struct job){.run = run, .done = done, .arg = arg};
        put_last(&pool->queued, job);
        pool->queued_count++;
        pthread_cond_signal(&pool->ready);
    }
    pthread_mutex_unlock(&pool->lock);
    return job ? ERR_OK : ERR_BUSY;
}
