#include "bench/load/tally.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct tally *make(void)
{
    struct tally *tally = calloc(1, sizeof *tally);

    cr_assert_not_null(tally);
    return tally;
}

Test(tally, records_grow_as_needed)
{
    struct tally *tally = make();

    for (uint32_t i = 0; i < 10000; i++) {
        tally_record(tally, i, ANSWER_ACCEPTED, i + 1);
    }
    cr_assert_not(tally->records_lost);
    cr_assert_eq(tally->record_count, 10000);
    cr_assert_eq(tally->records[9999].order_no, 10000);
    tally_finish(tally);
    free(tally);
}

Test(tally, wins_and_refusals_have_latencies_of_their_own_and_errors_neither)
{
    struct tally *tally = make();

    tally_measure(tally, ANSWER_ACCEPTED, 10);
    tally_measure(tally, ANSWER_SOLD_OUT, 20);
    tally_measure(tally, ANSWER_LOST, 30);
    cr_assert_eq(tally->latency[TALLY_ALL].total, 3);
    cr_assert_eq(tally->latency[TALLY_WON].max_us, 10);
    cr_assert_eq(tally->latency[TALLY_REFUSED].total, 1);
    free(tally);
}

Test(tally, a_look_adds_threads_up_and_begins_a_new_slowest)
{
    struct tally *one = make(), *two = make();
    struct tally_view view = {0};

    tally_raise(&one->answers[ANSWER_SOLD_OUT]);
    tally_raise(&two->answers[ANSWER_SOLD_OUT]);
    tally_measure(one, ANSWER_SOLD_OUT, 500);
    tally_look(one, &view);
    tally_look(two, &view);
    cr_assert_eq(view.answers[ANSWER_SOLD_OUT], 2);
    cr_assert_eq(view.answered, 2);
    cr_assert_eq(view.slowest_us, 500);
    view = (struct tally_view){0};
    tally_look(one, &view);
    cr_assert_eq(view.slowest_us, 0);
    free(one);
    free(two);
}
