#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double report_quantiles[REPORT_QUANTILE_COUNT] = {0.5, 0.9, 0.99, 0.999, 1.0};
const char *const report_quantile_names[REPORT_QUANTILE_COUNT] = {"p50", "p90", "p99", "p99.9",
                                                                  "max"};

uint64_t report_class_count(const uint64_t answers[ANSWER_COUNT], enum answer_class class)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        total += answer_class((enum answer)i) == class ? answers[i] : 0;
    }
    return total;
}

uint64_t report_measured(const struct report *report)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        total += report->measured->measured[i];
    }
    return total;
}

uint64_t report_errors(const struct report *report)
{
    return report_class_count(report->all.answers, ANSWER_CLASS_ERROR) - report->all.wanted
           + report->all.wrong;
}

bool report_is_bottleneck(const struct report *report)
{
    const struct tally *tally = report->measured;
    const uint64_t held_up = tally->own_late + tally->dry + tally->portless;

    /* A closed loop is meant to send as fast as it can. */
    return !report->options->closed
           && effort_is_bottleneck(tally->effort, held_up, report->all.sent);
}

bool report_oversold(const struct report *report)
{
    if (report->options->pay > 0 || report->options->cancel > 0) {
        return false; /* what comes back is sold again: the audit tells */
    }
    const uint64_t orders = report->accepted_before + report->all.answers[ANSWER_ACCEPTED];
    const uint32_t stock = report->options->stock;

    return stock > 0 && orders * report->options->quantity > stock;
}

double report_orders_per_second(const struct report *report)
{
    const uint64_t orders = report->measured->measured[ANSWER_ACCEPTED];
    return report->seconds > 0 ? (double)orders / report->seconds : 0;
}

double report_row_seconds(const struct report *report, uint32_t row)
{
    const double width = series_width_s(report->series);
    const double rest = report->all_seconds - (double)series_row(report->series, row)->sum.second;
    return rest > 0 && rest < width ? rest : width;
}

/* The last row may be a fraction of a second, in which a rate says nothing: it counts as whole. */
double report_best_orders_per_second(const struct report *report)
{
    uint64_t best = 0;

    for (uint32_t i = 0; i < series_count(report->series); i++) {
        const uint64_t orders = series_row(report->series, i)->sum.answers[ANSWER_ACCEPTED];
        best = orders > best ? orders : best;
    }
    return (double)best / series_width_s(report->series);
}

const char *report_best_name(const struct report *report, char name[REPORT_NAME_SIZE])
{
    const uint32_t width_s = series_width_s(report->series);

    if (width_s == 1) {
        snprintf(name, REPORT_NAME_SIZE, "second");
    } else {
        snprintf(name, REPORT_NAME_SIZE, "%u s", width_s);
    }
    return name;
}

void report_all_latencies(const struct report *report, struct histogram *ret_all)
{
    *ret_all = (struct histogram){.total = 0};
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        histogram_merge(ret_all, &report->measured->latency[i]);
    }
}

double report_ms(const struct histogram *histogram, double share)
{
    return (double)histogram_quantile_us(histogram, share) / 1000.0;
}

void report_time(time_t time_s, char text[32])
{
    struct tm utc = {0};

    gmtime_r(&time_s, &utc);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

const char *report_mode(enum mode mode)
{
    switch (mode) {
    case MODE_PURCHASE: return "purchase";
    case MODE_REPLAY: return "replay";
    case MODE_BAD_TOKEN: return "bad-token";
    case MODE_ORDERS: return "orders";
    case MODE_GET: return "get";
    }
    return "?";
}
