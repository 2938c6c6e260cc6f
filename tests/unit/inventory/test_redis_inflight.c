#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>

#include "inventory/redis_inflight.h"

static void count(void *arg, enum err status, const struct redis_reply *reply)
{
    cr_assert(status == ERR_LOST && !reply);
    ++*(uint32_t *)arg;
}

Test(redis_inflight, all_slots_taken)
{
    struct redis_inflight inflight;
    uint32_t ends = 0;

    struct redis_command *command;

    cr_assert(redis_inflight_init(&inflight, 1));
    command = redis_inflight_take(&inflight, count, &ends);
    cr_assert_not_null(command);
    cr_assert_null(redis_inflight_take(&inflight, count, &ends));
    redis_inflight_give(&inflight, command);
    cr_assert_eq(redis_inflight_take(&inflight, count, &ends), command);
    redis_inflight_give(&inflight, command);
    cr_assert_eq(ends, 0);
    redis_inflight_finish(&inflight);
}

Test(redis_inflight, finish_with_one_on_its_way, .signal = SIGABRT)
{
    struct redis_inflight inflight;
    uint32_t ends = 0;

    cr_assert(redis_inflight_init(&inflight, 1));
    redis_inflight_sent(&inflight, redis_inflight_take(&inflight, count, &ends), 5);
    redis_inflight_finish(&inflight);
}

Test(redis_inflight, oldest_is_the_first_sent_and_a_repeated_one_is_the_newest)
{
    struct redis_inflight inflight;
    struct redis_command *a, *b, *c;
    uint32_t ends = 0;
    uint64_t handle;

    cr_assert(redis_inflight_init(&inflight, 4));
    a = redis_inflight_take(&inflight, count, &ends);
    b = redis_inflight_take(&inflight, count, &ends);
    c = redis_inflight_take(&inflight, count, &ends);
    redis_inflight_sent(&inflight, a, 1);
    redis_inflight_sent(&inflight, b, 2);
    redis_inflight_sent(&inflight, c, 3);
    cr_assert(inflight.oldest == a && inflight.newest == c);
    redis_inflight_sent(&inflight, a, 4);
    cr_assert(inflight.oldest == b && inflight.newest == a && a->sent_us == 4);
    redis_inflight_sent(&inflight, a, 5);
    cr_assert(inflight.newest == a && c->next == a && a->prev == c);
    handle = redis_inflight_handle(&inflight, c);
    cr_assert_eq(redis_inflight_resolve(&inflight, handle), c);
    redis_inflight_end(&inflight, c, ERR_LOST, NULL);
    cr_assert_null(redis_inflight_resolve(&inflight, handle), "its slot was given back");
    cr_assert(b->next == a && a->prev == b && ends == 1);
    redis_inflight_end(&inflight, b, ERR_LOST, NULL);
    redis_inflight_end(&inflight, a, ERR_LOST, NULL);
    cr_assert(!inflight.oldest && !inflight.newest && ends == 3);
    cr_assert_eq(redis_inflight_count(&inflight), 0);
    redis_inflight_finish(&inflight);
}
