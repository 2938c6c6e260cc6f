#include "bench/load/token_ring.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

#include "unit/bench/crowd_made.h"

enum { BUYERS = 30000, THREADS = 2 };

static struct plan *make_plan(void)
{
    const struct plan_options options = {
        .buyers = BUYERS, .sku_count = 1, .shares = {[KIND_TWICE] = 0.2}, .again_gap = 10};

    return plan_create(&options);
}

/* More than a ring holds, so that it goes round. */
Test(token_ring, tokens_are_those_of_the_thread_s_attempts_in_their_order)
{
    struct crowd *live = crowd_made(BUYERS, 0), *ahead = crowd_made(BUYERS, 1);
    struct plan *plan = make_plan();
    struct token_ring_options options = {.crowd = live, .plan = plan};
    size_t size = 0, wanted_size = 0;

    schedule_init(&options.schedule, PROFILE_CONSTANT, 1000, 1, 1, THREADS);
    options.attempts = schedule_share(&options.schedule, plan_size(plan));
    cr_assert_gt(options.attempts, TOKEN_RING_SIZE);
    struct token_ring *ring = token_ring_create(&options);
    cr_assert_not_null(ring);
    for (uint64_t n = 0; n < options.attempts; n++) {
        const char *token;
        while ((token = token_ring_peek(ring, &size)) == NULL) {
            sched_yield();
        }
        const uint32_t buyer = plan_attempt(plan, schedule_number(&options.schedule, n)).buyer;
        const char *wanted = crowd_token(ahead, buyer, &wanted_size);
        cr_assert_eq(size, wanted_size);
        cr_assert_eq(memcmp(token, wanted, size), 0, "attempt %lu", (unsigned long)n);
        token_ring_pop(ring);
    }
    cr_assert(token_ring_is_full(ring), "all are signed");
    cr_assert_null(token_ring_peek(ring, &size));
    token_ring_destroy(ring);
    plan_destroy(plan);
    crowd_destroy(live);
    crowd_destroy(ahead);
}

Test(token_ring, a_full_one_that_nobody_empties_ends_when_it_is_told)
{
    struct crowd *crowd = crowd_made(BUYERS, 0);
    struct plan *plan = make_plan();
    struct token_ring_options options = {.crowd = crowd, .plan = plan, .attempts = UINT64_MAX};

    schedule_init(&options.schedule, PROFILE_CONSTANT, 1000, 1, 0, 1);
    struct token_ring *ring = token_ring_create(&options);
    while (!token_ring_is_full(ring)) {
        sched_yield();
    }
    token_ring_destroy(ring);
    plan_destroy(plan);
    crowd_destroy(crowd);
}
