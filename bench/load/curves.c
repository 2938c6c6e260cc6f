#include "curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"

enum { CPU_POINTS_MAX = 60, DISTRIBUTION_POINTS = 200 };

struct curves {
    const struct report *report;
    FILE *page;
    struct chart chart;
    double fastest_ms, slowest_ms; /* of all classes: their charts have one scale */
    double x[SERIES_ROWS_MAX];
    double values[CHART_LINES_MAX][SERIES_ROWS_MAX];
};

static void begin(struct curves *curves, const char *title, const char *unit)
{
    const double seconds = curves->report->all_seconds;

    curves->chart = (struct chart){
        .title = title,
        .unit = unit,
        .legend = "seconds since the start",
        .x = curves->x,
        .x_max = seconds > 0 ? seconds : 1,
        .shaded_to = curves->report->options->warmup_s,
    };
    chart_set_ticks(&curves->chart);
}

/* The values of a new line, to be filled for each x. */
static double *add_line(struct curves *curves, const char *name, const char *css)
{
    double *values = curves->values[curves->chart.line_count];

    curves->chart.lines[curves->chart.line_count++] =
        (struct chart_line){.name = name, .css = css, .values = values};
    return values;
}

/* The last row is left out when it is a fragment: a rate of a tenth of a second misleads. */
static void place_rows(struct curves *curves)
{
    const struct series *series = curves->report->series;
    uint32_t count = series_count(series);

    if (count > 1 && report_row_seconds(curves->report, count - 1) < 0.5 * series_width_s(series)) {
        count--;
    }
    for (uint32_t i = 0; i < count; i++) {
        curves->x[i] =
            series_row(series, i)->sum.second + report_row_seconds(curves->report, i) / 2;
    }
    curves->chart.count = count;
}

static bool has_class(const struct report *report, enum answer_class class)
{
    return report_class_count(report->all.answers, class) > 0;
}

static void draw_rates(struct curves *curves)
{
    const struct report *report = curves->report;

    begin(curves, "Answers by outcome", "a second; sold-out is not a sale");
    place_rows(curves);
    for (uint32_t kind = 0; kind < ANSWER_CLASS_COUNT; kind++) {
        const char *name = answer_class_name((enum answer_class)kind);
        if (!has_class(report, (enum answer_class)kind)) {
            continue;
        }
        double *values = add_line(curves, name, name);
        for (uint32_t i = 0; i < curves->chart.count; i++) {
            const struct series_row *row = series_row(report->series, i);
            values[i] = (double)report_class_count(row->sum.answers, (enum answer_class)kind)
                        / report_row_seconds(report, i);
        }
    }
    chart_write(curves->page, &curves->chart);
}

static void draw_latency(struct curves *curves, enum answer_class class)
{
    static const struct {
        const char *name;
        double share;
    } lines[] = {{"max", 1.0}, {"p99", 0.99}, {"p90", 0.9}, {"p50", 0.5}};
    char title[64];

    snprintf(title, sizeof title, "Latency: %s", answer_class_name(class));
    begin(curves, title, "ms, logarithmic");
    curves->chart.logarithmic = true;
    curves->chart.y_min = curves->fastest_ms;
    curves->chart.y_max = curves->slowest_ms;
    place_rows(curves);
    for (size_t line = 0; line < sizeof lines / sizeof lines[0]; line++) {
        double *values = add_line(curves, lines[line].name, lines[line].name);
        for (uint32_t i = 0; i < curves->chart.count; i++) {
            const struct histogram *histogram =
                series_row(curves->report->series, i)->sum.latency[class];
            values[i] = histogram ? report_ms(histogram, lines[line].share) : NAN;
        }
    }
    chart_write(curves->page, &curves->chart);
}

/* x is -log10 of the share that is slower: 90 %, 99 %, 99.9 % are one step apart each. */
static void fill_distribution(struct curves *curves, const struct histogram *histogram,
                              double *values)
{
    const double last = log10((double)histogram->total);

    for (uint32_t i = 0; i < curves->chart.count; i++) {
        values[i] = curves->x[i] <= last ? report_ms(histogram, 1 - pow(10, -curves->x[i])) : NAN;
    }
}

static void draw_distribution(struct curves *curves)
{
    static const struct chart_tick ticks[] = {
        {0, "0"}, {1, "90"}, {2, "99"}, {3, "99.9"}, {4, "99.99"}, {5, "99.999"}, {6, "99.9999"}};
    const struct tally *measured = curves->report->measured;
    const double decades = log10((double)report_measured(curves->report));
    struct chart *chart = &curves->chart;

    begin(curves, "Latency distribution", "ms, logarithmic");
    chart->logarithmic = true;
    chart->legend = "percent of the answers that were not slower";
    chart->shaded_to = 0;
    chart->x_max = fmin(fmax(decades, 1), 6);
    chart->tick_count = (uint32_t)chart->x_max + 1;
    memcpy(chart->ticks, ticks, chart->tick_count * sizeof ticks[0]);
    chart->count = DISTRIBUTION_POINTS;
    for (uint32_t i = 0; i < DISTRIBUTION_POINTS; i++) {
        curves->x[i] = chart->x_max * i / (DISTRIBUTION_POINTS - 1);
    }
    for (uint32_t kind = 0; kind < ANSWER_CLASS_COUNT; kind++) {
        const char *name = answer_class_name((enum answer_class)kind);
        if (measured->latency[kind].total > 0) {
            fill_distribution(curves, &measured->latency[kind], add_line(curves, name, name));
        }
    }
    chart_write(curves->page, chart);
}

/* Of rows `from` to before `to`, of all classes. */
static uint64_t answers_of(const struct series *series, uint32_t from, uint32_t to)
{
    uint64_t total = 0;

    for (uint32_t row = from; row < to; row++) {
        for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
            total += series_row(series, row)->sum.answers[i];
        }
    }
    return total;
}

static double cpu_of(const struct series *series, uint32_t group, uint32_t from, uint32_t to)
{
    const uint64_t answers = answers_of(series, from, to);
    uint64_t us = 0;

    for (uint32_t row = from; row < to; row++) {
        us += series_row(series, row)->cpu_us[group];
    }
    return answers > 0 ? (double)us / (double)answers : NAN;
}

static bool knows_cpu(const struct report *report)
{
    bool known = false;

    for (uint32_t i = 0; i < report->options->cpu_count; i++) {
        known = known || report->cpu[i].known;
    }
    return known;
}

/* Few points: the kernel counts processor time in hundredths of a second. */
static void draw_cpu(struct curves *curves)
{
    static const char *const css[OPTIONS_CPUS_MAX] = {"k0", "k1", "k2", "k3",
                                                      "k4", "k5", "k6", "k7"};
    const struct options *options = curves->report->options;
    const struct series *series = curves->report->series;

    begin(curves, "CPU for each request", "µs, all answers");
    place_rows(curves);
    const uint32_t rows = curves->chart.count;
    const uint32_t each = (rows + CPU_POINTS_MAX - 1) / CPU_POINTS_MAX;
    curves->chart.count = (rows + each - 1) / each;
    for (uint32_t i = 0; i < curves->chart.count; i++) {
        curves->x[i] = curves->x[i * each]; /* never behind i: read before it is overwritten */
    }
    for (uint32_t group = 0; group < options->cpu_count; group++) {
        if (!curves->report->cpu[group].known) {
            continue;
        }
        double *values = add_line(curves, options->cpus[group].name, css[group]);
        for (uint32_t i = 0; i < curves->chart.count; i++) {
            const uint32_t end = (i + 1) * each < rows ? (i + 1) * each : rows;
            values[i] = cpu_of(series, group, i * each, end);
        }
    }
    chart_write(curves->page, &curves->chart);
}

/* The range of all latency charts over time, so that they can be compared. */
static void find_latencies(struct curves *curves)
{
    const struct series *series = curves->report->series;

    curves->fastest_ms = INFINITY;
    for (uint32_t row = 0; row < series_count(series); row++) {
        for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
            const struct histogram *histogram = series_row(series, row)->sum.latency[i];
            const double half_ms = histogram ? report_ms(histogram, 0.5) : 0;
            if (half_ms > 0) {
                curves->fastest_ms = fmin(curves->fastest_ms, half_ms);
                curves->slowest_ms = fmax(curves->slowest_ms, report_ms(histogram, 1));
            }
        }
    }
}

bool curves_write(FILE *page, const struct report *report)
{
    struct curves *curves = calloc(1, sizeof *curves);

    if (!curves) {
        return false;
    }
    curves->report = report;
    curves->page = page;
    find_latencies(curves);
    if (series_count(report->series) > 0) {
        draw_rates(curves);
        for (uint32_t kind = 0; kind < ANSWER_CLASS_COUNT; kind++) {
            if (has_class(report, (enum answer_class)kind)) {
                draw_latency(curves, (enum answer_class)kind);
            }
        }
    }
    if (report_measured(report) > 0) {
        draw_distribution(curves);
    }
    if (knows_cpu(report) && series_count(report->series) > 0) {
        draw_cpu(curves);
    }
    free(curves);
    return true;
}
