#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const double quantiles[] = {0.5, 0.9, 0.99, 0.999, 1.0};
static const char *const quantile_names[] = {"p50", "p90", "p99", "p99.9", "max"};
static const char *const group_names[TALLY_GROUP_COUNT] = {"all", "won", "refused"};
enum { QUANTILE_COUNT = sizeof quantiles / sizeof quantiles[0] };

static double ms(uint64_t us)
{
    return (double)us / 1000.0;
}

static uint64_t sum(const uint64_t answers[ANSWER_COUNT], bool errors_only)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        total += !errors_only || answer_is_error((enum answer)i) ? answers[i] : 0;
    }
    return total;
}

/* A bad token is what --mode bad-token asks for. */
uint64_t report_errors(const struct report *report)
{
    const uint64_t wanted =
        report->options->mode == MODE_BAD_TOKEN ? report->all.answers[ANSWER_PROBLEM_TOKEN_BAD] : 0;
    return sum(report->all.answers, true) - wanted;
}

void report_live(uint32_t second, const struct tally_view *now, const struct tally_view *before)
{
    fprintf(stderr, "%4u s  sent %6" PRIu64 "  answered %6" PRIu64 "  slowest %8.1f ms", second,
            now->sent - before->sent, now->answered - before->answered, ms(now->slowest_us));
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        if (now->answers[i] > before->answers[i]) {
            fprintf(stderr, "  %s %" PRIu64, answer_code((enum answer)i),
                    now->answers[i] - before->answers[i]);
        }
    }
    if (now->late > before->late) {
        fprintf(stderr, "  LATE %" PRIu64, now->late - before->late);
    }
    fputc('\n', stderr);
}

static void print_latency(const struct report *report)
{
    printf("\nlatency, ms, from the %s\n  %-8s %10s",
           report->options->closed ? "sending of each request" : "intended time of each request",
           "", "answers");
    for (uint32_t i = 0; i < QUANTILE_COUNT; i++) {
        printf(" %9s", quantile_names[i]);
    }
    putchar('\n');
    for (uint32_t group = 0; group < TALLY_GROUP_COUNT; group++) {
        const struct histogram *histogram = &report->measured->latency[group];
        if (histogram->total == 0) {
            continue;
        }
        printf("  %-8s %10" PRIu64, group_names[group], histogram->total);
        for (uint32_t i = 0; i < QUANTILE_COUNT; i++) {
            printf(" %9.2f", ms(histogram_quantile_us(histogram, quantiles[i])));
        }
        putchar('\n');
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
            printf("  %-16s  unknown: a process ended\n", options->cpus[i].name);
        }
    }
}

void report_print(const struct report *report)
{
    const struct options *options = report->options;
    const uint64_t total = sum(report->measured->measured, false);

    printf("%s loop, %u connections, %u thread%s", options->closed ? "closed" : "open",
           options->connections, options->threads, options->threads == 1 ? "" : "s");
    if (!options->closed) {
        printf(", %u a second", options->rate);
    }
    printf("; %" PRIu64 " sent, %" PRIu64 " answered in %.1f s (%.0f a second)\n", report->all.sent,
           report->all.answered, report->all_seconds,
           (double)report->all.answered / report->all_seconds);
    printf("\noutcomes%s\n", options->warmup_s > 0 ? " after the warm-up" : "");
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const uint64_t count = report->measured->measured[i];
        if (count) {
            printf("  %-22s %10" PRIu64 "  %5.1f %%%s\n", answer_code((enum answer)i), count,
                   100.0 * (double)count / (double)total,
                   answer_is_error((enum answer)i) && report_errors(report) ? "  error" : "");
        }
    }
    print_latency(report);
    printf("  sent late (more than %u ms after the intended time): %" PRIu64 "; connections opened "
           "again: %" PRIu64 "\n",
           options->late_ms, report->measured->measured_late, report->measured->reopened);
    print_cpu(report);
}

static void write_answers(FILE *file, const char *name, const uint64_t answers[ANSWER_COUNT])
{
    bool first = true;

    fprintf(file, "  \"%s\": {", name);
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        if (answers[i]) {
            fprintf(file, "%s\"%s\": %" PRIu64, first ? "" : ", ", answer_code((enum answer)i),
                    answers[i]);
            first = false;
        }
    }
    fputs("},\n", file);
}

static void write_latency(FILE *file, const struct report *report)
{
    fputs("  \"latency_ms\": {\n", file);
    for (uint32_t group = 0; group < TALLY_GROUP_COUNT; group++) {
        const struct histogram *histogram = &report->measured->latency[group];
        fprintf(file, "    \"%s\": {\"count\": %" PRIu64 ", \"mean\": %.3f", group_names[group],
                histogram->total, histogram_mean_us(histogram) / 1000.0);
        for (uint32_t i = 0; i < QUANTILE_COUNT; i++) {
            fprintf(file, ", \"%s\": %.3f", quantile_names[i],
                    ms(histogram_quantile_us(histogram, quantiles[i])));
        }
        fprintf(file, "}%s\n", group + 1 < TALLY_GROUP_COUNT ? "," : "");
    }
    fputs("  },\n", file);
}

static void write_cpu(FILE *file, const struct report *report)
{
    const struct options *options = report->options;

    fputs("  \"cpu_us_per_request\": {", file);
    for (uint32_t i = 0; i < options->cpu_count; i++) {
        fprintf(file, "%s\"%s\": ", i ? ", " : "", options->cpus[i].name);
        if (report->cpu[i].known) {
            fprintf(file, "%.3f", report->cpu[i].us_per_request);
        } else {
            fputs("null", file);
        }
    }
    fputs("}\n", file);
}

bool report_write_json(const struct report *report, const char *path)
{
    const struct options *options = report->options;
    FILE *file = fopen(path, "w");

    if (!file) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(file,
            "{\n  \"loop\": \"%s\", \"connections\": %u, \"threads\": %u, \"rate\": %u, "
            "\"buyers\": %u, \"sale\": %u,\n",
            options->closed ? "closed" : "open", options->connections, options->threads,
            options->closed ? 0 : options->rate, options->buyers, options->sale);
    fprintf(file,
            "  \"seconds\": %.3f, \"sent\": %" PRIu64 ", \"answered\": %" PRIu64
            ", \"errors\": %" PRIu64 ", \"late\": %" PRIu64 ", \"reopened\": %" PRIu64 ",\n",
            report->all_seconds, report->all.sent, report->all.answered, report_errors(report),
            report->measured->measured_late, report->measured->reopened);
    fprintf(file, "  \"window_seconds\": %.3f, \"window_answers\": %" PRIu64 ",\n", report->seconds,
            report->all.in_window);
    write_answers(file, "outcomes", report->all.answers);
    write_answers(file, "measured", report->measured->measured);
    write_latency(file, report);
    write_cpu(file, report);
    fputs("}\n", file);
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}
