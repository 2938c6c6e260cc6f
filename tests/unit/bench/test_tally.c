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

Test(tally, latencies_are_kept_by_class)
{
    struct tally *one = make(), *two = make();

    tally_measure(one, ANSWER_ACCEPTED, 10);
    tally_measure(one, ANSWER_SOLD_OUT, 20);
    tally_measure(two, ANSWER_LOST, 30);
    tally_measure(two, ANSWER_ACCEPTED, 40);
    tally_merge(one, two);
    cr_assert_eq(one->latency[ANSWER_CLASS_ACCEPTED].total, 2);
    cr_assert_eq(one->latency[ANSWER_CLASS_ACCEPTED].max_us, 40);
    cr_assert_eq(one->latency[ANSWER_CLASS_SOLD_OUT].max_us, 20);
    cr_assert_eq(one->latency[ANSWER_CLASS_ERROR].max_us, 30);
    cr_assert_eq(one->latency[ANSWER_CLASS_REPLAYED].total, 0);
    cr_assert_eq(one->measured[ANSWER_ACCEPTED], 2);
    free(one);
    free(two);
}

Test(tally, a_look_adds_threads_up)
{
    struct tally *one = make(), *two = make();
    struct tally_view view = {0};

    tally_raise(&one->answers[ANSWER_SOLD_OUT]);
    tally_raise(&two->answers[ANSWER_SOLD_OUT]);
    tally_raise(&two->sent);
    tally_look(one, &view);
    tally_look(two, &view);
    cr_assert_eq(view.answers[ANSWER_SOLD_OUT], 2);
    cr_assert_eq(view.answered, 2);
    cr_assert_eq(view.sent, 1);
    free(one);
    free(two);
}
