/* The order of a load's steps on fakes, and where each failure leaves it. */
#include "unit/settlement/guard_world.h"

#include <criterion/criterion.h>
#include <string.h>

#include "unit/settlement/quiet.h"

TestSuite(guard, .init = guard_world_begin);

Test(guard, dead_letters_stop_it_before_the_fence)
{
    world.dead_err = ERR_CONFLICT;
    guard_world_must_fail(ERR_CONFLICT, "dead why");
    cr_assert_str_eq(world.trace, "FAILED ");
}

Test(guard, an_outbox_that_cannot_be_read_stops_it_before_the_fence)
{
    world.outbox_err = ERR_CONFLICT;
    guard_world_must_fail(ERR_CONFLICT, "outbox why");
    cr_assert_str_eq(world.trace, "FAILED ");
}

Test(guard, a_failed_drain_cuts_nothing)
{
    world.drain_err = ERR_TIMEOUT;
    guard_world_must_fail(ERR_TIMEOUT, "drain why");
    cr_assert_null(strstr(world.trace, "cut"));
}

Test(guard, a_failed_cut_fills_nothing)
{
    world.cut_err = ERR_UNAVAILABLE;
    guard_world_must_fail(ERR_UNAVAILABLE, "mysql-text");
    cr_assert_null(strstr(world.trace, "fill"));
}

Test(guard, no_epoch_left_is_told)
{
    world.cut_err = ERR_RANGE;
    guard_world_must_fail(ERR_RANGE, "no epoch is left");
}

Test(guard, a_failed_fill_opens_nothing)
{
    world.fill_err = ERR_FENCED;
    guard_world_must_fail(ERR_FENCED, "fill why");
    cr_assert_null(strstr(world.trace, "request"));
    cr_assert_null(strstr(world.trace, "catalogue"));
}

Test(guard, a_claim_lost_while_waiting_stops_the_load)
{
    world.fenced_at = GUARD_STEP_WAITING;
    cr_assert_eq(guard_world_load(), ERR_FENCED);
    cr_assert_str_eq(world.trace, "fencing close ");
}

Test(guard, a_claim_lost_at_the_cut_writes_nothing_to_redis)
{
    world.cut_err = ERR_FENCED;
    cr_assert_eq(guard_world_load(), ERR_FENCED);
    cr_assert_null(strstr(world.trace, "fill"));
}

Test(guard, a_stopped_worker_does_not_even_close_the_fence)
{
    quiet.is_stopped = true;
    guard_world_must_fail(ERR_CLOSED, "stopped");
    cr_assert_str_eq(world.trace, "FAILED ");
}

Test(guard, a_worker_stopped_while_waiting_fails_the_load)
{
    quiet.sleeps_max = 2;
    guard_world_must_fail(ERR_CLOSED, "stopped");
    cr_assert_null(strstr(world.trace, "drain"));
}

Test(guard, another_history_before_the_opening_is_told)
{
    world.look_answer = SALE_ANSWER_GONE;
    guard_world_must_fail(ERR_FENCED, "gone");
}

Test(guard, an_opening_that_never_comes_times_out)
{
    world.looks_to_open = UINT32_MAX;
    guard_world_must_fail(ERR_TIMEOUT, "relay");
}

Test(guard, redis_away_while_opening_is_waited_for_and_times_out)
{
    world.look_err = ERR_UNAVAILABLE;
    guard_world_must_fail(ERR_TIMEOUT, "relay");
}

Test(guard, a_worker_stopped_while_opening_fails_the_load)
{
    world.epoch = 0;
    world.looks_to_open = UINT32_MAX;
    quiet.sleeps_max = 3;
    guard_world_must_fail(ERR_CLOSED, "while the sale was being opened");
}

Test(guard, a_first_load_begins_at_cutting)
{
    world.epoch = 0;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_str_eq(world.trace, "cutting cut fill catalogue request opening DONE ");
    cr_assert_str_eq(world.note, "");
}

Test(guard, a_later_load_fences_waits_drains_then_cuts)
{
    world.looks_to_open = 2;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_str_eq(world.trace, "fencing close waiting drain close cutting cut fill catalogue "
                                  "request opening DONE ");
    cr_assert_geq(world.drained_at_us, 1000000 + Q_MS * 1000, "%d", (int)world.drained_at_us);
}

Test(guard, only_a_sale_that_is_to_be_open_is_opened)
{
    static const enum sale_control controls[] = {SALE_CONTROL_PAUSED, SALE_CONTROL_FROZEN,
                                                 SALE_CONTROL_ENDED};

    for (size_t i = 0; i < 3; i++) {
        world.control = controls[i];
        cr_assert_eq(guard_world_load(), ERR_OK);
    }
    cr_assert_null(strstr(world.trace, "request"));
}

Test(guard, another_writer_of_the_catalogue_is_waited_for)
{
    world.catalogue_busy = 50; /* longer than a dead writer's claim lasts */
    cr_assert_eq(guard_world_load(), ERR_OK);
}

Test(guard, a_catalogue_that_stays_busy_fails_the_load)
{
    world.catalogue_busy = UINT32_MAX;
    guard_world_must_fail(ERR_TIMEOUT, "catalogue");
    cr_assert_null(strstr(world.trace, "request"));
}

Test(guard, a_drain_that_waits_is_asked_again_and_a_catalogue_serves_many)
{
    world.drains_busy = 5;
    shared.catalogue_us = INT64_MAX; /* written since, for another load */
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_null(strstr(world.trace, "catalogue"));
    cr_assert_not_null(strstr(world.trace, "drain close cutting cut"), "%s", world.trace);
}

Test(guard, redis_that_changes_in_mid_load_is_loaded_again_with_a_higher_epoch)
{
    world.fills_lost = 2;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_eq(world.epoch, 6, "cut three times");
    cr_assert_not_null(strstr(world.trace, "fill fencing"), "%s", world.trace);
}

Test(guard, redis_that_goes_on_changing_fails_the_load)
{
    world.fills_lost = UINT32_MAX;
    guard_world_must_fail(ERR_LOST, "fill lost");
    cr_assert_eq(world.epoch, 6, "three times, not without end");
}

Test(guard, an_end_that_cannot_be_written_is_written_later)
{
    world.end_fails = 3;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_eq(world.last_step, GUARD_STEP_DONE);
}

Test(guard, each_step_leaves_one_row)
{
    world.meta_guard_ms = 60000;
    world.looks_to_open = 20;
    cr_assert_eq(guard_world_load(), ERR_OK);
    cr_assert_eq(world.rows, 5, "fencing waiting cutting opening DONE; the others are fakes");
}
