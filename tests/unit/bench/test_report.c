#include "bench/load/report.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_S = 1000000000 };

static struct options options;
static struct tally measured;

/* Accepted orders in a second; a sold-out answer and a replay beside each. */
static void add(struct series *series, uint32_t second, uint32_t orders)
{
    struct timeline *timeline = timeline_create();

    for (uint32_t i = 0; i < orders; i++) {
        timeline_answered(timeline, (int64_t)second * NS_PER_S, ANSWER_ACCEPTED, 10);
        timeline_answered(timeline, (int64_t)second * NS_PER_S, ANSWER_SOLD_OUT, 10);
        timeline_answered(timeline, (int64_t)second * NS_PER_S, ANSWER_REPLAYED, 10);
    }
    timeline_end(timeline);
    series_collect(series, timeline);
    timeline_destroy(timeline);
}

static struct report make(const struct series *series)
{
    return (struct report){.options = &options, .measured = &measured, .series = series};
}

Test(report, order_rates_count_accepted_orders_alone)
{
    struct series *series = series_create();
    struct report report = make(series);

    add(series, 0, 30);
    add(series, 2, 50);
    measured.measured[ANSWER_ACCEPTED] = 80;
    measured.measured[ANSWER_REPLAYED] = 80;
    measured.measured[ANSWER_SOLD_OUT] = 80;
    report.seconds = 4;
    cr_assert_float_eq(report_orders_per_second(&report), 20, 1e-9);
    cr_assert_float_eq(report_best_orders_per_second(&report), 50, 1e-9);
    cr_assert_eq(report_measured(&report), 240);
    report.seconds = 0;
    cr_assert_eq(report_orders_per_second(&report), 0);
    series_destroy(series);
}

Test(report, wide_rows_tell_their_width_and_a_rate_for_each_second)
{
    struct series *series = series_create();
    const struct report report = make(series);
    char name[REPORT_NAME_SIZE];

    add(series, 0, 30);
    cr_assert_str_eq(report_best_name(&report, name), "second");
    add(series, 1, 10);
    add(series, SERIES_ROWS_MAX, 1);
    cr_assert_str_eq(report_best_name(&report, name), "2 s");
    cr_assert_float_eq(report_best_orders_per_second(&report), 20, 1e-9);
    series_destroy(series);
}

Test(report, the_last_row_is_as_long_as_the_run_went_on)
{
    struct series *series = series_create();
    struct report report = make(series);

    add(series, 2, 1);
    report.all_seconds = 2.25;
    cr_assert_float_eq(report_row_seconds(&report, 0), 1, 1e-9);
    cr_assert_float_eq(report_row_seconds(&report, 2), 0.25, 1e-9);
    series_destroy(series);
}

Test(report, more_units_than_the_stock_is_oversold_if_the_stock_is_known)
{
    struct report report = make(NULL);

    options.quantity = 2;
    report.all.answers[ANSWER_ACCEPTED] = 6;
    report.all.answers[ANSWER_REPLAYED] = 6; /* the same orders again */
    cr_assert_not(report_oversold(&report));
    options.stock = 12;
    cr_assert_not(report_oversold(&report));
    options.stock = 11;
    cr_assert(report_oversold(&report));
}

Test(report, a_time_is_utc)
{
    char text[32];

    report_time(1795273471, text);
    cr_assert_str_eq(text, "2026-11-21T15:04:31Z");
}
