#include "purchase/sale_waiters.h"

#include <criterion/criterion.h>

#include "support/fakes/fake_loop.h"

struct told {
    uint32_t count;
    bool in_time;
    struct sale_waiters *again; /* wait once more when told */
};

static const struct sale_id seven = {7}, eight = {8};

static void on_told(void *arg, bool in_time)
{
    struct told *told = arg;

    told->count++;
    told->in_time = in_time;
    if (told->again != NULL) {
        struct sale_waiters *waiters = told->again;
        told->again = NULL;
        cr_assert_eq(sale_waiters_add(waiters, seven, 900, on_told, told), ERR_OK);
    }
}

Test(sale_waiters, more_than_the_slots_is_busy)
{
    struct loop *loop = fake_loop_create(0);
    struct sale_waiters *waiters = sale_waiters_create(loop, 1);
    struct told told = {0};

    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &told), ERR_OK);
    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &told), ERR_BUSY);
    sale_waiters_destroy(waiters);
    cr_assert_eq(told.count, 0);
    fake_loop_destroy(loop);
}

Test(sale_waiters, the_deadline_tells_that_no_reply_came)
{
    struct loop *loop = fake_loop_create(0);
    struct sale_waiters *waiters = sale_waiters_create(loop, 4);
    struct told told = {.in_time = true};

    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &told), ERR_OK);
    fake_loop_advance_us(loop, 99);
    cr_assert_eq(told.count, 0);
    fake_loop_advance_us(loop, 1);
    cr_assert_eq(told.count, 1);
    cr_assert_not(told.in_time);
    sale_waiters_wake(waiters, seven);
    cr_assert_eq(told.count, 1);
    sale_waiters_destroy(waiters);
    fake_loop_destroy(loop);
}

Test(sale_waiters, a_reply_wakes_all_of_its_sale_and_no_other)
{
    struct loop *loop = fake_loop_create(0);
    struct sale_waiters *waiters = sale_waiters_create(loop, 4);
    struct told a = {0}, b = {0}, other = {0};

    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &a), ERR_OK);
    cr_assert_eq(sale_waiters_add(waiters, eight, 100, on_told, &other), ERR_OK);
    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &b), ERR_OK);
    sale_waiters_wake(waiters, seven);
    cr_assert(a.count == 1 && a.in_time && b.count == 1 && b.in_time);
    cr_assert_eq(other.count, 0);
    cr_assert_eq(fake_loop_timer_count(loop), 1);
    sale_waiters_destroy(waiters);
    fake_loop_destroy(loop);
}

Test(sale_waiters, who_waits_again_when_woken_waits_for_the_next_reply)
{
    struct loop *loop = fake_loop_create(0);
    struct sale_waiters *waiters = sale_waiters_create(loop, 4);
    struct told told = {.again = waiters};

    cr_assert_eq(sale_waiters_add(waiters, seven, 100, on_told, &told), ERR_OK);
    sale_waiters_wake(waiters, seven);
    cr_assert_eq(told.count, 1);
    sale_waiters_wake(waiters, seven);
    cr_assert_eq(told.count, 2);
    sale_waiters_destroy(waiters);
    fake_loop_destroy(loop);
}
