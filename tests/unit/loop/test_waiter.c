#include "loop/waiter.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "common/clock.h"

TestSuite(waiter, .timeout = 60);

Test(waiter, destroying_nothing_is_fine)
{
    waiter_destroy(NULL);
}

Test(waiter, once_stopped_nothing_sleeps)
{
    struct waiter *waiter = waiter_create();
    int64_t began_us = clock_mono_us();

    cr_assert_not(waiter_is_stopped(waiter));
    waiter_stop(waiter);
    cr_assert(waiter_is_stopped(waiter));
    cr_assert_not(waiter_sleep_ms(waiter, 60000));
    cr_assert(clock_mono_us() - began_us < 10000000);
    waiter_destroy(waiter);
}

static void *sleep_long(void *arg)
{
    return waiter_sleep_ms(arg, 60000) ? arg : NULL;
}

Test(waiter, a_stop_ends_the_sleep_of_every_thread)
{
    struct waiter *waiter = waiter_create();
    pthread_t threads[3];

    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, sleep_long, waiter), 0);
    }
    waiter_stop(waiter);
    for (int i = 0; i < 3; i++) {
        void *result = waiter;

        pthread_join(threads[i], &result);
        cr_assert_null(result);
    }
    waiter_destroy(waiter);
}

Test(waiter, a_sleep_lasts_as_long_as_asked)
{
    struct waiter *waiter = waiter_create();
    int64_t began_us = waiter_now_us(waiter);

    cr_assert(waiter_sleep_ms(waiter, 30));
    cr_assert(waiter_now_us(waiter) - began_us >= 30000);
    cr_assert(waiter_wall_ms(waiter) >= clock_wall_ms() - 5000);
    waiter_destroy(waiter);
}
