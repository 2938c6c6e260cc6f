/* The report for a terminal. */
#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "scenario.h"

static void print_rate(const struct options *options)
{
    if (options->closed) {
        return;
    }
    switch (options->profile) {
    case PROFILE_CONSTANT: printf(", %u a second", options->rate); break;
    case PROFILE_RAMP: printf(", on a ramp to %u a second", options->rate); break;
    case PROFILE_SPIKE: printf(", all in the first second"); break;
    case PROFILE_COUNT: break;
    }
}

static void print_head(const struct report *report)
{
    const struct options *options = report->options;

    if (options->scenario) {
        printf("%s: ", scenario_name(options->scenario));
    }
    printf("%s loop, %u connections%s, %u thread%s", options->closed ? "closed" : "open",
           options->connections, options->reconnect ? ", a new one for each request" : "",
           options->threads, options->threads == 1 ? "" : "s");
    print_rate(options);
    printf("; %" PRIu64 " sent, %" PRIu64 " answered in %.1f s (%.0f a second)\n", report->all.sent,
           report->all.answered, report->all_seconds,
           (double)report->all.answered / report->all_seconds);
}

static void print_outcomes(const struct report *report)
{
    const uint64_t total = report_measured(report);
    char name[REPORT_NAME_SIZE];

    printf("\noutcomes%s\n", report->options->warmup_s > 0 ? " after the warm-up" : "");
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const uint64_t count = report->measured->measured[i];
        if (count) {
            printf("  %-22s %10" PRIu64 "  %5.1f %%%s\n", answer_code((enum answer)i), count,
                   100.0 * (double)count / (double)total,
                   answer_is_error((enum answer)i) && report_errors(report) ? "  error" : "");
        }
    }
    if (report->measured->measured[ANSWER_ACCEPTED]) {
        printf("  orders a second (accepted only): %.0f in the mean, %.0f in the best %s\n",
               report_orders_per_second(report), report_best_orders_per_second(report),
               report_best_name(report, name));
    }
}

static void print_row(const char *name, const struct histogram *histogram)
{
    if (histogram->total == 0) {
        return;
    }
    printf("  %-8s %10" PRIu64, name, histogram->total);
    for (uint32_t i = 0; i < REPORT_QUANTILE_COUNT; i++) {
        printf(" %9.2f", report_ms(histogram, report_quantiles[i]));
    }
    putchar('\n');
}

static void print_latency(const struct report *report)
{
    struct histogram all;

    printf("\nlatency, ms, from the %s\n  %-8s %10s",
           report->options->closed ? "sending of each request" : "intended time of each request",
           "", "answers");
    for (uint32_t i = 0; i < REPORT_QUANTILE_COUNT; i++) {
        printf(" %9s", report_quantile_names[i]);
    }
    putchar('\n');
    report_all_latencies(report, &all);
    print_row("all", &all);
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        print_row(answer_class_name((enum answer_class)i), &report->measured->latency[i]);
    }
}

static void print_cpu(const struct report *report)
{
    const struct options *options = report->options;

    if (options->cpu_count == 0) {
        return;
    }
    printf("\nCPU, us a request (%" PRIu64 " answers in %.1f s)\n", report->all.in_window,
           report->seconds);
    for (uint32_t i = 0; i < options->cpu_count; i++) {
        if (report->cpu[i].known) {
            printf("  %-16s %8.2f   (%.2f s)\n", options->cpus[i].name,
                   report->cpu[i].us_per_request, report->cpu[i].seconds);
        } else {
            printf("  %-16s  unknown: a process ended, or nothing was answered\n",
                   options->cpus[i].name);
        }
    }
}

static void print_around(const struct report *report)
{
    const struct around *around = report->around;
    const double bytes = around_bytes_per_order(around, report->all.answers[ANSWER_ACCEPTED]);

    if (around_settle_rate(around) > 0) {
        printf("\nsettling: %.0f orders a second by one busy consumer\n",
               around_settle_rate(around));
    }
    if (bytes > 0) {
        printf("\nRedis: %.0f bytes an order\n", bytes);
    }
}

static void print_winners(const struct report *report)
{
    const struct tally *tally = report->measured;

    if (report->options->pay > 0 || report->options->cancel > 0) {
        printf("\nwinners: %" PRIu64 " paid, %" PRIu64 " cancelled, %" PRIu64
               " let it lapse (notices and requests that were taken)\n",
               tally->paid, tally->cancelled, tally->lapsed);
    }
}

static void print_oversold(const struct report *report)
{
    if (report_oversold(report)) {
        fprintf(stderr, "seckill-bench: OVERSOLD: %" PRIu64 " units were told to be won, of %u\n",
                report->all.answers[ANSWER_ACCEPTED] * report->options->quantity,
                report->options->stock);
    }
}

static void print_audit(const struct audit *audit)
{
    if (audit->asked && audit->holds) {
        puts("\naudit: holds");
    } else if (audit->asked) {
        printf("\naudit: DOES NOT HOLD, or could not be made (status %d)\n", audit->status);
    }
}

/* Whether the numbers are the server's, or the generator's own. */
static void print_generator(const struct report *report)
{
    const struct tally *tally = report->measured;
    const struct effort effort = tally->effort;

    printf("\ngenerator\n  busiest thread: %.0f %% of a core, %.0f %% of the time waiting for one; "
           "%" PRIu64 " sent late by its own fault,\n  %" PRIu64 " waited for their token, %" PRIu64
           " times no port or descriptor was free\n",
           100 * effort.busy, 100 * effort.waited, tally->own_late, tally->dry, tally->portless);
    if (report_is_bottleneck(report)) {
        puts("  THE GENERATOR WAS THE BOTTLENECK: the server may be faster than this report says");
    }
    if (tally->dropped) {
        printf("  connections given up before the answer: %" PRIu64 "\n", tally->dropped);
    }
    if (tally->unsent) {
        printf("  never sent, for no connection was free until the end: %" PRIu64
               " (counted as timeouts)\n",
               tally->unsent);
    }
    if (report->all.wrong) {
        printf("  WON WITH A BROKEN SIGNATURE, OR IN A SALE THAT DOES NOT EXIST: %" PRIu64 "\n",
               report->all.wrong);
    }
}

void report_print(const struct report *report)
{
    print_head(report);
    print_outcomes(report);
    print_latency(report);
    printf("  sent late (more than %u ms after the intended time): %" PRIu64 "; connections opened "
           "again: %" PRIu64 "\n",
           report->options->late_ms, report->measured->measured_late, report->measured->reopened);
    print_generator(report);
    print_cpu(report);
    if (series_incomplete(report->series)) {
        puts("\nthe timeline is not complete: there was no memory for some of it");
    }
    print_around(report);
    print_winners(report);
    print_oversold(report);
    print_audit(report->audit);
}
