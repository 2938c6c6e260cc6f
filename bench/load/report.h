/* report: the results, as text, as JSON and as a page.
 * Why:    a person and a script read the same numbers.
 * Never:  computes anything but rates and shares; adds replays or refusals to the orders.
 * Thread: the first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "around.h"
#include "audit.h"
#include "machine.h"
#include "options.h"
#include "series.h"
#include "tally.h"

struct report_cpu {
    bool known; /* false: a process ended, or nothing was answered */
    double us_per_request;
    double seconds;
};

struct report {
    const struct options *options; /* borrowed, as the rest */
    const struct tally *measured;  /* merged */
    const struct series *series;
    const char *const *asked; /* the command line, asked_count words */
    int asked_count;
    struct tally_view all;    /* of the whole run */
    uint64_t accepted_before; /* orders of buyers who won before the start */
    double seconds;           /* measured */
    double all_seconds;
    time_t started_s;
    struct report_cpu cpu[OPTIONS_CPUS_MAX];
    struct machine machine;
    const struct audit *audit;
    const struct around *around;
};

enum { REPORT_QUANTILE_COUNT = 5, REPORT_NAME_SIZE = 16 };
extern const double report_quantiles[REPORT_QUANTILE_COUNT];
extern const char *const report_quantile_names[REPORT_QUANTILE_COUNT]; /* "p50"… "max" */

void report_print(const struct report *report);
bool report_write_json(const struct report *report, const char *path); /* false: told on stderr */
bool report_write_html(const struct report *report, const char *path); /* the same */

/* --- what the three have in common --- */

/* Requests that went wrong, in the whole run. */
uint64_t report_errors(const struct report *report);
/* Open loop: the generator itself could not keep up, so what it measured is not the server. */
bool report_is_bottleneck(const struct report *report);
/* More units were told to be won than --stock says. The engine's own audit sees more; this is what
 * the buyers saw. */
bool report_oversold(const struct report *report);
/* Answers of the measured time; of all classes, or of one. */
uint64_t report_measured(const struct report *report);
uint64_t report_class_count(const uint64_t answers[ANSWER_COUNT], enum answer_class class);
/* Accepted orders a second: the mean of the measured time, and of the best row of the series. */
double report_orders_per_second(const struct report *report);
double report_best_orders_per_second(const struct report *report);
/* What the best row is: "second", "4 s". Returns `name`. */
const char *report_best_name(const struct report *report, char name[REPORT_NAME_SIZE]);
/* The latencies of all classes together. */
void report_all_latencies(const struct report *report, struct histogram *ret_all);
double report_ms(const struct histogram *histogram, double share);
/* The seconds that a row of the series covers: its width, less in the last one. */
double report_row_seconds(const struct report *report, uint32_t row);
/* "2026-11-21T15:00:00Z" */
void report_time(time_t time_s, char text[32]);
const char *report_mode(enum mode mode); /* "purchase"; static */
