#include "settlement/settle_sweep.h"

#include <criterion/criterion.h>

#include "unit/settlement/quiet.h"

static uint32_t rounds;
static uint64_t began_behind;
static uint32_t orders; /* that a round may look at, of 100 ms each */
static enum err result;

/* 12 orders; ends as parked_sweep() does. */
static enum err play(struct mysql_link *link, struct settle_turn *turn, struct metrics_shard *shard,
                     bool *ret_more)
{
    (void)link;
    (void)shard;
    rounds++;
    began_behind = turn->after.value;
    do {
        turn->after.value++;
        orders++;
        quiet.now_us += 100000;
    } while (turn->after.value < 12 && turn->goes_on(turn->arg));
    *ret_more = turn->after.value < 12;
    turn->after.value = *ret_more ? turn->after.value : 0;
    return result;
}

static const struct settle_kind kind = {.sweep = play};

Test(settle_sweep, a_round_has_an_end_and_the_next_goes_on_behind_it)
{
    struct settle_sweep sweep = {.kind = &kind};

    for (uint64_t i = 0; i < 3; i++) {
        cr_assert(settle_sweep_round(&sweep) == ERR_OK);
        cr_assert(rounds == i + 1 && began_behind == i * 5, "five orders in 500 ms");
    }
    cr_assert(orders == 12 && sweep.swept.value == 0);
    cr_assert(settle_sweep_round(&sweep) == ERR_OK && rounds == 3, "not due yet");
    quiet.now_us += 1000000;
    cr_assert(settle_sweep_round(&sweep) == ERR_OK && rounds == 4 && began_behind == 0);
}

Test(settle_sweep, who_is_stopped_ends_its_round)
{
    struct settle_sweep sweep = {.kind = &kind};

    quiet.is_stopped = true;
    cr_assert(settle_sweep_round(&sweep) == ERR_OK && orders == 1);
}

Test(settle_sweep, without_mysql_it_waits_for_a_second)
{
    struct settle_sweep sweep = {.kind = &kind};

    result = ERR_UNAVAILABLE;
    cr_assert(settle_sweep_round(&sweep) == ERR_UNAVAILABLE);
    cr_assert(settle_sweep_round(&sweep) == ERR_OK && rounds == 1);
}
