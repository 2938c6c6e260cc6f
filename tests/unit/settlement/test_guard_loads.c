/* Many loads on one thread: their turns, beats, bounds and ends. */
#include "settlement/guard_loads.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop/waiter.h"
#include "settlement/guard_job.h"
#include "unit/settlement/quiet.h"

static struct {
    uint32_t turns_needed; /* of each job until it is over */
    uint32_t turns[GUARD_LOADS_MAX + 1];
    uint32_t alive;
    uint32_t beats, beaten; /* calls; sales of the last one */
    enum err beat_err;
    enum guard_step step; /* of new jobs */
    int64_t turn_us;      /* that a turn takes */
    bool is_stuck, has_log;
    uint32_t logs_closed;
} world;

enum err guard_store_beat(struct mysql_link *link, const char *owner, const struct sale_id *sales,
                          size_t count)
{
    (void)link;
    cr_assert_str_eq(owner, "me");
    world.beats++;
    world.beaten = (uint32_t)count;
    cr_assert_gt(sales[count - 1].value, 0);
    return world.beat_err;
}

struct guard_job *guard_job_create(const struct guard_context *context, struct guard_shared *shared,
                                   const struct guard_request *request)
{
    struct guard_job *job = calloc(1, sizeof *job);

    job->context = context;
    job->shared = shared;
    job->claim = request->claim;
    job->step = world.step;
    job->is_stuck = world.is_stuck;
    (void)snprintf(job->note, sizeof job->note, "waits");
    world.alive++;
    return job;
}

void guard_job_destroy(struct guard_job *job)
{
    world.alive -= job ? 1 : 0;
    free(job);
}

bool guard_job_turn(struct guard_job *job)
{
    quiet.now_us += world.turn_us;
    if (world.has_log && !job->shared->log) {
        job->shared->log = malloc(1);
    }
    return quiet.is_stopped || ++world.turns[job->claim.sale.value] >= world.turns_needed;
}

void guard_log_destroy(struct guard_log *log)
{
    world.logs_closed += log ? 1 : 0;
    free(log);
}

static const struct guard_context context = {.owner = "me"};
static struct guard_loads *loads;

static void begin(void)
{
    quiet.now_us = 5000000;
    world.turns_needed = 3;
    loads = guard_loads_create(&context);
    cr_assert_not_null(loads);
}

static void end(void)
{
    guard_loads_destroy(loads);
    cr_assert_eq(world.alive, 0);
}

TestSuite(guard_loads, .init = begin, .fini = end);

static enum err submit(uint32_t sale)
{
    const struct guard_request request = {.claim = {.sale = {sale}, .fence = 1}};

    return guard_loads_submit(loads, &request);
}

Test(guard_loads, more_than_it_holds_are_refused)
{
    for (uint32_t sale = 1; sale <= GUARD_LOADS_MAX; sale++) {
        cr_assert_eq(submit(sale), ERR_OK);
    }
    cr_assert_eq(submit(1), ERR_BUSY);
    cr_assert(guard_loads_turn(loads));
    cr_assert_eq(submit(1), ERR_BUSY, "they are in work");
    (void)guard_loads_turn(loads);
    cr_assert_not(guard_loads_turn(loads));
    cr_assert_eq(submit(1), ERR_OK, "they are done");
}

Test(guard_loads, a_beat_that_fails_stops_nothing)
{
    world.beat_err = ERR_UNAVAILABLE;
    cr_assert_eq(submit(1), ERR_OK);
    cr_assert(guard_loads_turn(loads));
    cr_assert(guard_loads_turn(loads));
    cr_assert_not(guard_loads_turn(loads));
}

Test(guard_loads, each_has_its_turns_beside_the_others)
{
    cr_assert(submit(1) == ERR_OK && submit(2) == ERR_OK);
    cr_assert(guard_loads_turn(loads));
    cr_assert(world.turns[1] == 1 && world.turns[2] == 1);
    cr_assert_eq(submit(3), ERR_OK);
    cr_assert(guard_loads_turn(loads));
    cr_assert(guard_loads_turn(loads), "3 came later");
    cr_assert_eq(world.alive, 1);
    cr_assert_not(guard_loads_turn(loads));
}

Test(guard_loads, all_claims_are_beaten_once_a_second)
{
    world.turns_needed = 100;
    for (uint32_t sale = 1; sale <= 200; sale++) {
        cr_assert_eq(submit(sale), ERR_OK);
    }
    for (int i = 0; i < 30; i++) {
        (void)guard_loads_turn(loads);
        quiet.now_us += 100000;
    }
    cr_assert(world.beats >= 3 && world.beats <= 4, "%u", world.beats);
    cr_assert_eq(world.beaten, 200);
}

Test(guard_loads, claims_are_beaten_while_one_load_takes_long)
{
    world.turn_us = (int64_t)2 * GUARD_BEAT_MS * 1000;
    for (uint32_t sale = 1; sale <= 5; sale++) {
        cr_assert_eq(submit(sale), ERR_OK);
    }
    (void)guard_loads_turn(loads);
    cr_assert_geq(world.beats, 5);
}

Test(guard_loads, filling_has_a_slice_then_what_is_filled_goes_on)
{
    world.step = GUARD_STEP_CUTTING;
    world.turn_us = 300000;
    for (uint32_t sale = 1; sale <= 10; sale++) {
        cr_assert_eq(submit(sale), ERR_OK);
    }
    (void)guard_loads_turn(loads);
    cr_assert_eq(world.turns[4], 1);
    cr_assert_eq(world.turns[10], 0, "it is cut in a later round");
}

Test(guard_loads, what_is_stuck_is_told)
{
    char why[GUARD_WHY_SIZE];

    world.is_stuck = true;
    cr_assert_eq(guard_loads_stuck(loads, why), 0);
    cr_assert(submit(7) == ERR_OK && submit(8) == ERR_OK);
    (void)guard_loads_turn(loads);
    cr_assert_eq(guard_loads_stuck(loads, why), 2);
    cr_assert_str_eq(why, "sale 7 waits");
    (void)guard_loads_turn(loads);
    (void)guard_loads_turn(loads);
    cr_assert_eq(guard_loads_stuck(loads, why), 0);
}

Test(guard_loads, the_log_is_closed_when_nobody_drains)
{
    world.has_log = true;
    world.step = GUARD_STEP_DRAINING;
    cr_assert_eq(submit(7), ERR_OK);
    (void)guard_loads_turn(loads);
    cr_assert_eq(world.logs_closed, 0);
    (void)guard_loads_turn(loads);
    (void)guard_loads_turn(loads);
    cr_assert_eq(world.logs_closed, 1);
}

Test(guard_loads, a_stopped_worker_ends_them_all)
{
    world.turns_needed = UINT32_MAX;
    cr_assert(submit(1) == ERR_OK && submit(2) == ERR_OK);
    quiet.is_stopped = true;
    guard_loads_run(loads);
    cr_assert_eq(world.alive, 0);
}
