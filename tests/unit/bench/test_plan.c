#include "bench/load/plan.h"

#include <criterion/criterion.h>

enum { BUYERS = 20000, GAP = 500 };

static struct plan_options options(void)
{
    return (struct plan_options){.buyers = BUYERS,
                                 .sku_count = 2,
                                 .seed = 1,
                                 .shares = {[KIND_TWICE] = 0.1, [KIND_REPEAT] = 0.2},
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

Test(plan, clicks_stand_one_behind_the_other_and_belong_to_the_first)
{
    const struct plan_options wanted = {.buyers = BUYERS,
                                        .sku_count = 1,
                                        .seed = 3,
                                        .shares = {[KIND_CLICK] = 0.25},
                                        .clicks = 4,
                                        .keyed = 1};
    struct plan *plan = plan_create(&wanted);
    uint32_t clickers = 0;

    for (uint64_t i = 0; i < plan_size(plan);) {
        const struct attempt first = plan_attempt(plan, i);
        const uint32_t clicks = first.kind == KIND_CLICK ? 4 : 1;
        clickers += first.kind == KIND_CLICK;
        for (uint32_t lead = 0; lead < clicks; lead++, i++) {
            const struct attempt attempt = plan_attempt(plan, i);
            cr_assert_eq(attempt.buyer, first.buyer);
            cr_assert_eq(attempt.lead, lead);
            cr_assert_eq(plan_lead(plan, i), lead);
            cr_assert(attempt.keyed && !attempt.again);
        }
    }
    cr_assert_float_eq(clickers / (double)BUYERS, 0.25, 0.01);
    cr_assert_eq(plan_size(plan), BUYERS + UINT64_C(3) * clickers);
    plan_destroy(plan);
}

Test(plan, every_buyer_is_of_one_kind_in_the_wanted_shares)
{
    const struct plan_options wanted = {
        .buyers = BUYERS,
        .sku_count = 1,
        .seed = 5,
        .keyed = 0,
        .shares = {[KIND_DROP] = 0.1, [KIND_BAD_TOKEN] = 0.2, [KIND_UNKNOWN_SALE] = 0.3}};
    struct plan *plan = plan_create(&wanted);
    uint32_t counts[KIND_COUNT] = {0};

    cr_assert_eq(plan_size(plan), BUYERS);
    for (uint64_t i = 0; i < BUYERS; i++) {
        const struct attempt attempt = plan_attempt(plan, i);
        counts[attempt.kind]++;
        cr_assert_eq(attempt.keyed, attempt.kind == KIND_DROP, "who asks again needs the key");
    }
    cr_assert_float_eq(counts[KIND_ONCE] / (double)BUYERS, 0.4, 0.01);
    cr_assert_float_eq(counts[KIND_DROP] / (double)BUYERS, 0.1, 0.01);
    cr_assert_float_eq(counts[KIND_BAD_TOKEN] / (double)BUYERS, 0.2, 0.01);
    cr_assert_float_eq(counts[KIND_UNKNOWN_SALE] / (double)BUYERS, 0.3, 0.01);
    plan_destroy(plan);
}

Test(plan, winners_pay_cancel_or_do_nothing_as_wanted)
{
    struct plan_options wanted = options();
    wanted.pay = 0.7;
    wanted.cancel = 0.1;
    struct plan *plan = plan_create(&wanted);
    uint32_t steps[STEP_CANCEL + 1] = {0};

    for (uint32_t buyer = 0; buyer < BUYERS; buyer++) {
        const enum step step = plan_next(plan, buyer);
        cr_assert_eq(step, plan_next(plan, buyer));
        steps[step]++;
    }
    cr_assert_float_eq(steps[STEP_PAY] / (double)BUYERS, 0.7, 0.02);
    cr_assert_float_eq(steps[STEP_CANCEL] / (double)BUYERS, 0.1, 0.02);
    cr_assert_float_eq(steps[STEP_PURCHASE] / (double)BUYERS, 0.2, 0.02);
    plan_destroy(plan);
}
