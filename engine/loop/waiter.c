#include "loop/waiter.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/assert.h"
#include "common/clock.h"

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool stopped;
};

struct waiter *waiter_create(void)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    pthread_condattr_t attributes;

    if (!waiter) {
        return NULL;
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&waiter->mutex, NULL);
    pthread_cond_init(&waiter->cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return waiter;
}

void waiter_destroy(struct waiter *waiter)
{
    if (!waiter) {
        return;
    }
    pthread_cond_destroy(&waiter->cond);
    pthread_mutex_destroy(&waiter->mutex);
    free(waiter);
}

void waiter_stop(struct waiter *waiter)
{
    ASSERT(waiter);
    pthread_mutex_lock(&waiter->mutex);
    waiter->stopped = true;
    pthread_cond_broadcast(&waiter->cond);
    pthread_mutex_unlock(&waiter->mutex);
}

bool waiter_is_stopped(struct waiter *waiter)
{
    ASSERT(waiter);
    pthread_mutex_lock(&waiter->mutex);
    const bool stopped = waiter->stopped;
    pthread_mutex_unlock(&waiter->mutex);
    return stopped;
}

bool waiter_sleep_ms(struct waiter *waiter, uint32_t ms)
{
    ASSERT(waiter);
    const int64_t due_us = clock_mono_us() + (int64_t)ms * 1000;
    const struct timespec due = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000};
    int result = 0;

    pthread_mutex_lock(&waiter->mutex);
    while (!waiter->stopped && result == 0) {
        result = pthread_cond_timedwait(&waiter->cond, &waiter->mutex, &due);
    }
    const bool stopped = waiter->stopped;
    pthread_mutex_unlock(&waiter->mutex);
    return !stopped;
}

int64_t waiter_now_us(const struct waiter *waiter)
{
    (void)waiter;
    return clock_mono_us();
}

int64_t waiter_wall_ms(const struct waiter *waiter)
{
    (void)waiter;
    return clock_wall_ms();
}
