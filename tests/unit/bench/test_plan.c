#include "bench/load/plan.h"

#include <criterion/criterion.h>

enum { BUYERS = 20000, GAP = 500 };

static struct plan_options options(void)
{
    return (struct plan_options){.buyers = BUYERS,
                                 .sku_count = 2,
                                 .seed = 1,
                                 .twice = 0.1,
                                 .repeat = 0.2,
                                 .keyed = 0.5,
                                 .again_gap = GAP};
}

Test(plan, every_buyer_tries_once_and_the_wanted_share_twice)
{
    static uint32_t tries[BUYERS];
    static bool keyed[BUYERS];
    const struct plan_options wanted = options();
    struct plan *plan = plan_create(&wanted);
    uint32_t twice = 0, repeat = 0, once_keyed = 0;

    for (uint64_t i = 0; i < plan_size(plan); i++) {
        const struct attempt attempt = plan_attempt(plan, i);
        cr_assert_eq(attempt.again, tries[attempt.buyer] == 1);
        cr_assert(tries[attempt.buyer] == 0 || keyed[attempt.buyer] == attempt.keyed);
        keyed[attempt.buyer] = attempt.keyed;
        tries[attempt.buyer]++;
    }
    for (uint32_t i = 0; i < BUYERS; i++) {
        cr_assert(tries[i] == 1 || tries[i] == 2);
        twice += tries[i] == 2 && !keyed[i];
        repeat += tries[i] == 2 && keyed[i];
        once_keyed += tries[i] == 1 && keyed[i];
    }
    cr_assert_float_eq(twice / (double)BUYERS, 0.1, 0.01);
    cr_assert_float_eq(repeat / (double)BUYERS, 0.2, 0.01);
    cr_assert_float_eq(once_keyed / (double)BUYERS, 0.35, 0.01);
    plan_destroy(plan);
}

Test(plan, a_second_try_keeps_its_distance_but_for_the_end)
{
    static uint64_t first[BUYERS];
    const struct plan_options wanted = options();
    struct plan *plan = plan_create(&wanted);
    const uint64_t size = plan_size(plan);

    for (uint64_t i = 0; i < size; i++) {
        const struct attempt attempt = plan_attempt(plan, i);
        if (!attempt.again) {
            first[attempt.buyer] = i;
        } else if (i + GAP < size) {
            cr_assert_geq(i - first[attempt.buyer], GAP);
            cr_assert_lt(i - first[attempt.buyer], 2 * GAP);
        }
    }
    plan_destroy(plan);
}

Test(plan, buyers_take_turns_with_the_skus)
{
    const struct plan_options wanted = options();
    struct plan *plan = plan_create(&wanted);

    cr_assert_eq(plan_attempt(plan, 0).sku, 0);
    cr_assert_eq(plan_attempt(plan, 1).sku, 1);
    plan_destroy(plan);
}

Test(plan, past_the_end_it_begins_anew)
{
    const struct plan_options wanted = {.buyers = 1, .sku_count = 1, .keyed = 1};
    struct plan *plan = plan_create(&wanted);

    cr_assert_eq(plan_size(plan), 1);
    cr_assert_eq(plan_attempt(plan, 41).buyer, 0);
    cr_assert(plan_attempt(plan, 41).keyed);
    plan_destroy(plan);
}
