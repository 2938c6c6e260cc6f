#include "bench/load/series.h"

#include <criterion/criterion.h>

enum { NS_PER_S = 1000000000 };

static struct timeline *thread(void)
{
    struct timeline *timeline = timeline_create();

    cr_assert_not_null(timeline);
    return timeline;
}

static void answered(struct timeline *timeline, uint32_t second, enum answer answer, uint64_t us)
{
    timeline_answered(timeline, (int64_t)second * NS_PER_S, answer, us);
}

static void hand_over(struct series *series, struct timeline *timeline)
{
    timeline_end(timeline);
    series_collect(series, timeline);
}

Test(series, threads_add_up_second_by_second)
{
    struct series *series = series_create();
    struct timeline *one = thread(), *two = thread();

    timeline_sent(one, 0, true);
    answered(one, 0, ANSWER_ACCEPTED, 100);
    answered(one, 2, ANSWER_SOLD_OUT, 300);
    timeline_sent(two, 0, false);
    answered(two, 0, ANSWER_ACCEPTED, 200);
    hand_over(series, two);
    hand_over(series, one);
    cr_assert_eq(series_count(series), 3);
    cr_assert_eq(series_width_s(series), 1);
    const struct timeline_second *first = &series_row(series, 0)->sum;
    cr_assert_eq(first->sent, 2);
    cr_assert_eq(first->late, 1);
    cr_assert_eq(first->answers[ANSWER_ACCEPTED], 2);
    cr_assert_eq(first->latency[ANSWER_CLASS_ACCEPTED]->total, 2);
    cr_assert_eq(histogram_quantile_us(first->latency[ANSWER_CLASS_ACCEPTED], 0.5), 100);
    cr_assert_eq(first->latency[ANSWER_CLASS_ACCEPTED]->max_us, 200);
    const struct series_row *empty = series_row(series, 1);
    cr_assert_eq(empty->sum.second, 1);
    cr_assert_null(empty->sum.latency[ANSWER_CLASS_ACCEPTED]);
    cr_assert_eq(series_row(series, 2)->sum.answers[ANSWER_SOLD_OUT], 1);
    cr_assert_not(series_incomplete(series));
    timeline_destroy(one);
    timeline_destroy(two);
    series_destroy(series);
}

Test(series, a_long_run_gets_wider_rows_and_loses_nothing)
{
    struct series *series = series_create();
    struct timeline *timeline = thread();
    uint64_t answers = 0, latencies = 0, cpu_us = 0, max_us = 0;

    for (uint32_t second = 0; second < 3 * SERIES_ROWS_MAX; second++) {
        answered(timeline, second, second % 2 ? ANSWER_SOLD_OUT : ANSWER_ACCEPTED, second);
        series_add_cpu(series, second, 1, 10);
        hand_over(series, timeline);
    }
    cr_assert_eq(series_width_s(series), 4);
    cr_assert_eq(series_count(series), 3 * SERIES_ROWS_MAX / 4);
    for (uint32_t i = 0; i < series_count(series); i++) {
        const struct series_row *row = series_row(series, i);
        const struct histogram *won = row->sum.latency[ANSWER_CLASS_ACCEPTED];
        const struct histogram *lost = row->sum.latency[ANSWER_CLASS_SOLD_OUT];
        cr_assert_eq(row->sum.second, 4 * i);
        cr_assert_eq(row->sum.answers[ANSWER_ACCEPTED], 2);
        answers += row->sum.answers[ANSWER_ACCEPTED] + row->sum.answers[ANSWER_SOLD_OUT];
        latencies += won->total + lost->total;
        max_us = lost->max_us;
        cpu_us += row->cpu_us[1];
    }
    cr_assert_eq(answers, 3 * SERIES_ROWS_MAX);
    cr_assert_eq(latencies, 3 * SERIES_ROWS_MAX);
    cr_assert_eq(max_us, 3 * SERIES_ROWS_MAX - 1);
    cr_assert_eq(cpu_us, 10 * 3 * SERIES_ROWS_MAX);
    timeline_destroy(timeline);
    series_destroy(series);
}

Test(series, a_gap_of_hours_is_empty_rows)
{
    struct series *series = series_create();
    struct timeline *timeline = thread();

    answered(timeline, 1, ANSWER_OK, 7);
    answered(timeline, 86400, ANSWER_OK, 9);
    hand_over(series, timeline);
    cr_assert_leq(series_count(series), SERIES_ROWS_MAX);
    const struct series_row *last = series_row(series, series_count(series) - 1);
    cr_assert_eq(last->sum.answers[ANSWER_OK], 1);
    cr_assert_eq(last->sum.second, 86400 / series_width_s(series) * series_width_s(series));
    cr_assert_eq(series_row(series, 0)->sum.latency[ANSWER_CLASS_OTHER]->max_us, 7);
    timeline_destroy(timeline);
    series_destroy(series);
}

Test(series, the_latest_is_what_came_since_the_last_look)
{
    struct series *series = series_create();
    struct timeline *timeline = thread();

    answered(timeline, 0, ANSWER_ACCEPTED, 100);
    hand_over(series, timeline);
    series_begin_latest(series);
    answered(timeline, 1, ANSWER_ACCEPTED, 300);
    answered(timeline, 1, ANSWER_SOLD_OUT, 500);
    hand_over(series, timeline);
    cr_assert_eq(series_latest(series)->answers[ANSWER_ACCEPTED], 1);
    cr_assert_eq(series_latest(series)->latency.total, 2);
    cr_assert_eq(series_latest(series)->latency.max_us, 500);
    timeline_destroy(timeline);
    series_destroy(series);
}
