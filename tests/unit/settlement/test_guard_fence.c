/* Closing the fence and waiting for Q on fakes, and the look at it before the cut. */
#include "unit/settlement/guard_world.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/settlement/quiet.h"

TestSuite(guard_fence, .init = guard_world_begin);

Test(guard_fence, a_fence_that_cannot_be_closed_fails_the_load)
{
    world.close_err = ERR_LOST;
    guard_world_must_fail(ERR_LOST, "close_fence");
    cr_assert_str_eq(world.trace, "fencing close FAILED ");
}

Test(guard_fence, without_a_meta_the_rest_is_done_all_the_same)
{
    static const enum err errors[] = {ERR_NOT_FOUND, ERR_PARSE};

    for (size_t i = 0; i < 2; i++) {
        world.close_err = world.meta_err = errors[i];
        world.trace[0] = '\0';
        cr_assert_eq(guard_world_load(), ERR_OK);
        cr_assert_eq(world.above, 0);
        cr_assert_not_null(strstr(world.trace, "close waiting drain close cutting cut fill"));
    }
}

Test(guard_fence, a_q_that_cannot_be_read_fails_the_load)
{
    world.meta_err = ERR_LOST;
    guard_world_must_fail(ERR_LOST, "reading Q");
    cr_assert_null(strstr(world.trace, "drain"));
}

Test(guard_fence, a_claim_lost_before_the_fence_touches_nothing)
{
    world.fenced_at = GUARD_STEP_FENCING;
    cr_assert_eq(guard_world_load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "");
}

Test(guard_fence, what_redis_has_latched_is_ended_in_mysql_before_the_cut)
{
    world.is_ended = true;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_not_null(strstr(world.trace, "fencing close end waiting"), "%s", world.trace);
    cr_assert_null(strstr(world.trace, "open"), "an ended sale is not opened: %s", world.trace);
}

Test(guard_fence, an_end_that_mysql_does_not_take_fails_the_load)
{
    world.is_ended = true;
    world.end_err = ERR_UNAVAILABLE;
    guard_world_must_fail(ERR_UNAVAILABLE, "keeping the sale ended");
    cr_assert_null(strstr(world.trace, "cut"));
}

Test(guard_fence, what_the_next_owner_has_loaded_is_not_closed)
{
    world.redis_epoch = 4;
    world.taken_over = true;
    cr_assert_eq(guard_world_load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "fencing refused ");
}

Test(guard_fence, an_epoch_of_redis_that_is_none_fails_the_load)
{
    world.close_err = ERR_FENCED;
    guard_world_must_fail(ERR_FENCED, "close_fence");
    cr_assert_str_eq(world.trace, "fencing close FAILED ");
}

Test(guard_fence, an_epoch_that_mysql_forgot_is_closed_under_a_claim_that_holds)
{
    world.redis_epoch = 9;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_not_null(strstr(world.trace, "fencing refused fencing close waiting"), "%s",
                       world.trace);
    cr_assert_eq(world.above, 9, "an epoch of Redis is never given again");
}

Test(guard_fence, the_q_that_the_sale_was_loaded_with_is_waited_for)
{
    world.meta_guard_ms = 2 * Q_MS;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_geq(world.drained_at_us, 1000000 + 2 * Q_MS * 1000);
}

Test(guard_fence, a_fence_that_was_lost_before_the_cut_is_closed_and_waited_for_again)
{
    world.flushes = 2;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_eq(world.epoch, 4, "cut once");
    cr_assert_not_null(strstr(world.trace,
                              "fencing close waiting drain close fencing close waiting "
                              "drain close fencing close waiting drain close cutting"),
                       "%s", world.trace);
}

Test(guard_fence, a_fence_that_another_has_opened_before_the_cut_is_closed_and_waited_for_again)
{
    world.zombies = 1;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_eq(world.epoch, 4, "cut once");
    cr_assert_not_null(strstr(world.trace, "drain close fencing close waiting drain close cutting"),
                       "%s", world.trace);
}

Test(guard_fence, a_fence_that_is_opened_again_and_again_fails_the_load)
{
    world.zombies = UINT32_MAX;
    guard_world_must_fail(ERR_CONFLICT, "not as this load left it");
    cr_assert_eq(world.epoch, 3, "nothing was cut");
}

Test(guard_fence, with_replicas_an_old_primary_is_waited_for)
{
    world.settings =
        (struct redis_settings){.min_replicas_to_write = 1, .min_replicas_max_lag_s = 3};
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_geq(world.drained_at_us, 1000000 + (Q_MS + 4000) * 1000);
}

Test(guard_fence, settings_that_may_not_be_read_count_as_replicas)
{
    static const enum err errors[] = {ERR_REFUSED, ERR_IO, ERR_PARSE};

    quiet.redis_text = "NOPERM this user has no permissions to run the 'config|get' command";
    for (size_t i = 0; i < 3; i++) {
        const int64_t begun_us = quiet.now_us;
        shared.replica_us = 0;
        world.settings_err = errors[i];
        cr_assert_eq(guard_world_load(), ERR_OK);
        cr_assert_geq(world.drained_at_us - begun_us, (Q_MS + 4000) * 1000);
    }
}

Test(guard_fence, settings_that_are_lost_on_the_way_fail_the_load)
{
    static const enum err errors[] = {ERR_LOST, ERR_UNAVAILABLE, ERR_REFUSED};

    for (size_t i = 0; i < 3; i++) {
        shared.replica_us = 0;
        world.settings_err = errors[i];
        guard_world_must_fail(errors[i], "replicas");
        cr_assert_null(strstr(world.trace, "drain"));
    }
}
