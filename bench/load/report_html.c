/* The report as one page: no network, no script; the style is page.css. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "curves.h"
#include "markup.h"
#include "report.h"
#include "scenario.h"

extern const char page_css[];

static void write_head(FILE *page, const struct report *report)
{
    const struct options *options = report->options;
    char title[64], started[32];

    report_time(report->started_s, started);
    if (options->mode == MODE_GET) {
        snprintf(title, sizeof title, "seckill-bench");
    } else {
        snprintf(title, sizeof title, "seckill-bench: sale %u", options->sale);
    }
    fprintf(page,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>%s, %s</title>\n<style>\n%s</style></head>\n<body>\n"
            "<h1>%s</h1>\n<p class=\"soft\">%s",
            title, started, page_css, title, started);
    if (options->closed) {
        fprintf(page, ", closed loop of %u connections", options->connections);
    } else {
        fprintf(page, ", open loop at %u requests a second, profile %s", options->rate,
                profile_name(options->profile));
    }
    fprintf(page, ", mode %s, %.1f s</p>\n", report_mode(options->mode), report->all_seconds);
}

static void write_verdict(FILE *page, const struct report *report)
{
    const struct audit *audit = report->audit;
    const uint64_t errors = report_errors(report);

    fprintf(page, "<p class=\"verdict %s\">Audit: ",
            !audit->asked  ? ""
            : audit->holds ? "good"
                           : "bad");
    if (!audit->asked) {
        fputs("<b>not asked for</b>. Whether buyers, Redis, Kafka and MySQL agree is not known "
              "from this page.</p>\n",
              page);
    } else if (audit->holds) {
        fputs("<b>holds</b>.</p>\n", page);
    } else {
        fprintf(page, "<b>does not hold, or could not be made</b> (status %d).</p>\n",
                audit->status);
    }
    if (report_oversold(report)) {
        fprintf(page,
                "<p class=\"verdict bad\"><b>OVERSOLD</b>: %" PRIu64
                " units were told to be won, of %u.</p>\n",
                report->all.answers[ANSWER_ACCEPTED] * report->options->quantity,
                report->options->stock);
    }
    if (report_is_bottleneck(report)) {
        fputs("<p class=\"verdict bad\"><b>The generator was the bottleneck</b>: the server may be "
              "faster than this page says.</p>\n",
              page);
    }
    if (report->all.wrong) {
        fprintf(page,
                "<p class=\"verdict bad\"><b>%" PRIu64 " won</b> with a broken signature, or in a "
                "sale that does not exist.</p>\n",
                report->all.wrong);
    }
    if (errors) {
        fprintf(page,
                "<p class=\"verdict bad\"><b>%" PRIu64 " errors</b>: lost, timed out, malformed or "
                "refused as wrong (below).</p>\n",
                errors);
    }
    if (series_incomplete(report->series)) {
        fputs(
            "<p class=\"verdict bad\">The curves are <b>not complete</b>: there was no memory for "
            "some of them.</p>\n",
            page);
    }
}

static void write_tile(FILE *page, double value, const char *unit, const char *what)
{
    char number[MARKUP_NUMBER_SIZE];

    markup_figures(value, number);
    fprintf(page, "<li><b>%s%s</b><span>%s</span></li>\n", number, unit, what);
}

static void write_tiles(FILE *page, const struct report *report)
{
    const struct histogram *accepted = &report->measured->latency[ANSWER_CLASS_ACCEPTED];
    const double seconds = report->seconds > 0 ? report->seconds : 1;
    char best[64], name[REPORT_NAME_SIZE];

    fputs("<ul class=\"tiles\">\n", page);
    write_tile(page, (double)report->all.answers[ANSWER_ACCEPTED], "",
               "orders accepted, whole run");
    write_tile(page, report_orders_per_second(report), "/s", "accepted orders, mean");
    snprintf(best, sizeof best, "accepted orders, best %s", report_best_name(report, name));
    write_tile(page, report_best_orders_per_second(report), "/s", best);
    write_tile(page, (double)report->all.in_window / seconds, "/s", "answers of all kinds");
    if (accepted->total > 0) {
        write_tile(page, report_ms(accepted, 0.5), " ms", "accepted: half within");
        write_tile(page, report_ms(accepted, 0.99), " ms", "accepted: 99 % within");
    }
    fputs("</ul>\n<p>Orders a second are <b>accepted</b> orders alone. A sold-out answer is not a "
          "sale; sold-out, replayed, refused and unknown answers are counted apart and are in no "
          "order rate.</p>\n",
          page);
}

static void write_outcomes(FILE *page, const struct report *report)
{
    const double total = (double)report_measured(report);
    char count[MARKUP_NUMBER_SIZE], rate[MARKUP_NUMBER_SIZE];

    fprintf(page,
            "<h2>Outcomes%s</h2>\n<table><tr><th>answer</th><th>counts as</th><th>answers</th>"
            "<th>share</th><th>a second</th></tr>\n",
            report->options->warmup_s > 0 ? " after the warm-up" : "");
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        const uint64_t measured = report->measured->measured[i];
        if (measured) {
            markup_count(measured, count);
            markup_figures((double)measured / (report->seconds > 0 ? report->seconds : 1), rate);
            fprintf(page, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%.1f %%</td><td>%s</td></tr>\n",
                    answer_code((enum answer)i), answer_class_name(answer_class((enum answer)i)),
                    count, 100.0 * (double)measured / total, rate);
        }
    }
    fputs("</table>\n", page);
}

static void write_latency_row(FILE *page, const char *name, const struct histogram *histogram)
{
    char text[MARKUP_NUMBER_SIZE];

    if (histogram->total == 0) {
        return;
    }
    markup_count(histogram->total, text);
    fprintf(page, "<tr><td>%s</td><td class=\"wide\">%s</td>", name, text);
    for (uint32_t i = 0; i < REPORT_QUANTILE_COUNT; i++) {
        markup_figures(report_ms(histogram, report_quantiles[i]), text);
        fprintf(page, "<td>%s</td>", text);
    }
    fputs("</tr>\n", page);
}

static void write_latency(FILE *page, const struct report *report)
{
    fprintf(page,
            "<h2>Latency, ms</h2>\n<p class=\"soft\">From the %s.</p>\n<table><tr><th>counts "
            "as</th><th class=\"wide\">answers</th>",
            report->options->closed ? "sending of each request (closed loop: it says little about "
                                      "a crowd)"
                                    : "intended time of each request, so that waiting counts");
    for (uint32_t i = 0; i < REPORT_QUANTILE_COUNT; i++) {
        fprintf(page, "<th>%s</th>", report_quantile_names[i]);
    }
    fputs("</tr>\n", page);
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        write_latency_row(page, answer_class_name((enum answer_class)i),
                          &report->measured->latency[i]);
    }
    fprintf(page,
            "</table>\n<p class=\"soft\">Sent more than %u ms late: %" PRIu64
            ". Connections opened again: %" PRIu64 ".</p>\n",
            report->options->late_ms, report->measured->measured_late, report->measured->reopened);
}

static void write_generator(FILE *page, const struct report *report)
{
    const struct tally *tally = report->measured;

    fprintf(page,
            "<h2>Generator</h2>\n<p>Its busiest thread used %.0f %% of a core and waited for one "
            "%.0f %% of the time. By its own fault %" PRIu64 " requests were sent late; %" PRIu64
            " waited for their token; %" PRIu64 " times no port or descriptor was free.</p>\n",
            100 * tally->effort.busy, 100 * tally->effort.waited, tally->own_late, tally->dry,
            tally->portless);
    if (tally->dropped || tally->unsent) {
        fprintf(page,
                "<p>Connections given up before the answer, on purpose: %" PRIu64
                ". Never sent, for no connection was free until the end: %" PRIu64
                " (counted as timeouts).</p>\n",
                tally->dropped, tally->unsent);
    }
}

static void write_cpu(FILE *page, const struct report *report)
{
    const struct options *options = report->options;
    char each[MARKUP_NUMBER_SIZE], seconds[MARKUP_NUMBER_SIZE];

    if (options->cpu_count == 0) {
        return;
    }
    fputs("<h2>CPU for each request</h2>\n<table><tr><th>process</th><th>µs a request</th><th>CPU "
          "seconds</th><th>of one core</th></tr>\n",
          page);
    for (uint32_t i = 0; i < options->cpu_count; i++) {
        const struct report_cpu *cpu = &report->cpu[i];
        fputs("<tr><td>", page);
        markup_text(page, options->cpus[i].name);
        if (cpu->known) {
            markup_figures(cpu->us_per_request, each);
            markup_figures(cpu->seconds, seconds);
            fprintf(page, "</td><td>%s</td><td>%s</td><td>%.0f %%</td></tr>\n", each, seconds,
                    100 * cpu->seconds / report->seconds);
        } else {
            fputs("</td><td colspan=\"3\">unknown: a process ended</td>"
                  "</tr>\n",
                  page);
        }
    }
    fputs("</table>\n<p class=\"soft\">All answers of the measured time share the cost, whatever "
          "their outcome.</p>\n",
          page);
}

static void write_around(FILE *page, const struct report *report)
{
    const double rate = around_settle_rate(report->around);
    const double bytes =
        around_bytes_per_order(report->around, report->all.answers[ANSWER_ACCEPTED]);
    char text[MARKUP_NUMBER_SIZE];

    if (rate > 0) {
        markup_figures(rate, text);
        fprintf(page,
                "<p>Settling: one busy consumer of the worker makes rows of %s orders a "
                "second.</p>\n",
                text);
    }
    if (bytes > 0) {
        markup_figures(bytes, text);
        fprintf(page, "<p>Redis: an order takes %s bytes.</p>\n", text);
    }
}

static void write_asked(FILE *page, const struct report *report)
{
    fputs("<dt>asked</dt><dd><code>", page);
    for (int i = 0; i < report->asked_count; i++) {
        const bool plain =
            report->asked[i][0] && !strpbrk(report->asked[i], " \t\n\"'\\$&;|<>*?()");
        fputs(i ? " " : "", page);
        fputs(plain ? "" : "‘", page);
        markup_text(page, report->asked[i]);
        fputs(plain ? "" : "’", page);
    }
    fputs("</code></dd>\n", page);
}

static void write_setting(FILE *page, const char *name, const char *text)
{
    fprintf(page, "<dt>%s</dt><dd>", name);
    markup_text(page, text);
    fputs("</dd>\n", page);
}

static void write_settings(FILE *page, const struct report *report)
{
    const struct options *options = report->options;
    char text[256];

    fputs("<h2>Settings</h2>\n<dl>\n", page);
    snprintf(text, sizeof text, "%u connections, %u thread%s, %u buyers, quantity %u",
             options->connections, options->threads, options->threads == 1 ? "" : "s",
             options->buyers, options->quantity);
    write_setting(page, "load", text);
    if (options->scenario) {
        write_setting(page, "scenario", scenario_name(options->scenario));
    }
    if (options->stock) {
        snprintf(text, sizeof text, "%u units, as told by --stock", options->stock);
        write_setting(page, "stock", text);
    }
    snprintf(text, sizeof text, "%.1f s measured of %.1f s; %.1f s warm-up%s", report->seconds,
             report->all_seconds, options->warmup_s, options->warmup_s > 0 ? " (shaded)" : "");
    write_setting(page, "time", text);
    snprintf(text, sizeof text, "seckill-bench %s", SECKILL_VERSION);
    write_setting(page, "version", text);
    for (uint32_t i = 0; i < options->note_count; i++) {
        write_setting(page, "note", options->notes[i]);
    }
    snprintf(text, sizeof text, "%u cores, %s", report->machine.cores, report->machine.cpu);
    write_setting(page, "machine", text);
    snprintf(text, sizeof text, "%" PRIu64 " MB", report->machine.memory_mb);
    write_setting(page, "memory", text);
    write_setting(page, "kernel", report->machine.kernel);
    write_asked(page, report);
    fputs("</dl>\n", page);
}

static void write_audit_text(FILE *page, const struct audit *audit)
{
    if (audit->text[0]) {
        fputs("<h2>What the audit printed</h2>\n<pre>", page);
        markup_text(page, audit->text);
        fputs("</pre>\n", page);
    }
}

/* False: no memory. */
static bool write_page(FILE *page, const struct report *report)
{
    write_head(page, report);
    write_verdict(page, report);
    write_tiles(page, report);
    fputs("<h2>Curves</h2>\n", page);
    if (series_width_s(report->series) > 1) {
        fprintf(page, "<p class=\"soft\">Each point is %u s.</p>\n",
                series_width_s(report->series));
    }
    fputs("<div class=\"charts\">\n", page);
    const bool drawn = curves_write(page, report);
    fputs("</div>\n", page);
    write_outcomes(page, report);
    write_latency(page, report);
    write_cpu(page, report);
    write_around(page, report);
    write_generator(page, report);
    write_settings(page, report);
    write_audit_text(page, report->audit);
    fputs("</body></html>\n", page);
    return drawn;
}

bool report_write_html(const struct report *report, const char *path)
{
    FILE *page = fopen(path, "w");
    bool good = page != NULL;

    if (good) {
        errno = 0;
        good = write_page(page, report) && !ferror(page);
        good = fclose(page) == 0 && good;
    }
    if (!good) {
        fprintf(stderr, "seckill-bench: %s: %s\n", path, strerror(errno ? errno : EIO));
    }
    return good;
}
