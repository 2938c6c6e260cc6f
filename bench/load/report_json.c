/* The report for programs; bench/README.md tells what each member means. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "json_file.h"
#include "report.h"
#include "scenario.h"

enum { REAL_DIGITS = 15 };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* Thousandths are more than any of these measures holds. */
static json_t *real(double value)
{
    return json_real(round(value * 1000) / 1000);
}

/* A text from outside may hold bytes that are no UTF-8. */
static json_t *text(const char *value)
{
    json_t *string = json_string(value);
    return string ? string : json_string("(not UTF-8)");
}

static json_t *answers(const uint64_t counts[ANSWER_COUNT])
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        if (counts[i]) {
            json_object_set_new(object, answer_code((enum answer)i), number(counts[i]));
        }
    }
    return object;
}

static void set_quantiles(json_t *object, const struct histogram *histogram)
{
    for (uint32_t i = 0; i < REPORT_QUANTILE_COUNT; i++) {
        json_object_set_new(object, report_quantile_names[i],
                            real(report_ms(histogram, report_quantiles[i])));
    }
}

static json_t *latency(const struct histogram *histogram)
{
    json_t *object = json_object();

    json_object_set_new(object, "count", number(histogram->total));
    json_object_set_new(object, "mean", real(histogram_mean_us(histogram) / 1000.0));
    set_quantiles(object, histogram);
    return object;
}

static json_t *latencies(const struct report *report)
{
    const struct histogram *by_class = report->measured->latency;
    json_t *object = json_object();
    struct histogram sum;

    report_all_latencies(report, &sum);
    json_object_set_new(object, "all", latency(&sum));
    sum = by_class[ANSWER_CLASS_ACCEPTED];
    histogram_merge(&sum, &by_class[ANSWER_CLASS_REPLAYED]);
    json_object_set_new(object, "won", latency(&sum));
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        json_object_set_new(object, answer_class_name((enum answer_class)i), latency(&by_class[i]));
    }
    return object;
}

static json_t *cpu(const struct report *report, bool per_request)
{
    const struct options *options = report->options;
    json_t *object = json_object();

    for (uint32_t i = 0; i < options->cpu_count; i++) {
        const struct report_cpu *used = &report->cpu[i];
        json_object_set_new(object, options->cpus[i].name,
                            !used->known  ? json_null()
                            : per_request ? real(used->us_per_request)
                                          : real(used->seconds));
    }
    return object;
}

static json_t *row(const struct report *report, uint32_t at)
{
    const struct series_row *from = series_row(report->series, at);
    json_t *object = json_object(), *classes = json_object(), *times = json_object();
    json_t *used = json_object();

    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        const enum answer_class class = (enum answer_class)i;
        const struct histogram *histogram = from->sum.latency[i];
        json_object_set_new(classes, answer_class_name(class),
                            number(report_class_count(from->sum.answers, class)));
        if (histogram) {
            json_t *quantiles = json_object();
            set_quantiles(quantiles, histogram);
            json_object_set_new(times, answer_class_name(class), quantiles);
        }
    }
    for (uint32_t i = 0; i < report->options->cpu_count; i++) {
        json_object_set_new(used, report->options->cpus[i].name,
                            report->cpu[i].known ? number(from->cpu_us[i]) : json_null());
    }
    json_object_set_new(object, "second", number(from->sum.second));
    json_object_set_new(object, "seconds", real(report_row_seconds(report, at)));
    json_object_set_new(object, "sent", number(from->sum.sent));
    json_object_set_new(object, "late", number(from->sum.late));
    json_object_set_new(object, "answers", classes);
    json_object_set_new(object, "latency_ms", times);
    json_object_set_new(object, "cpu_us", used);
    return object;
}

static json_t *timeline(const struct report *report)
{
    json_t *rows = json_array();

    for (uint32_t i = 0; i < series_count(report->series); i++) {
        json_array_append_new(rows, row(report, i));
    }
    return json_pack("{s:i,s:o,s:b,s:o}", "width_s", (int)series_width_s(report->series),
                     "measured_from_s", real(report->options->warmup_s), "complete",
                     !series_incomplete(report->series), "rows", rows);
}

static json_t *audit(const struct audit *from)
{
    if (!from->asked) {
        return json_null();
    }
    return json_pack("{s:b,s:i,s:o}", "holds", from->holds, "status", from->status, "text",
                     text(from->text));
}

static json_t *winners(const struct report *report)
{
    const struct tally *tally = report->measured;

    if (report->options->pay == 0 && report->options->cancel == 0) {
        return json_null();
    }
    return json_pack("{s:o,s:o,s:o}", "paid", number(tally->paid), "cancelled",
                     number(tally->cancelled), "lapsed", number(tally->lapsed));
}

static json_t *settle(const struct around *around)
{
    const double rate = around_settle_rate(around);

    if (rate <= 0) {
        return json_null();
    }
    return json_pack("{s:o,s:o,s:o}", "orders",
                     number(around->settle_after.orders - around->settle_before.orders),
                     "busy_seconds",
                     real(around->settle_after.busy_s - around->settle_before.busy_s),
                     "orders_per_second_per_consumer", real(rate));
}

static json_t *machine(const struct machine *from)
{
    return json_pack("{s:I,s:I,s:o,s:o}", "cores", (json_int_t)from->cores, "memory_mb",
                     (json_int_t)from->memory_mb, "cpu", text(from->cpu), "kernel",
                     text(from->kernel));
}

static json_t *texts(const char *const *from, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(array, text(from[i]));
    }
    return array;
}

/* Whether the numbers are the server's, or the generator's own. */
static json_t *generator(const struct report *report)
{
    const struct tally *tally = report->measured;
    json_t *object = json_object();

    json_object_set_new(object, "bottleneck", json_boolean(report_is_bottleneck(report)));
    json_object_set_new(object, "busy", real(tally->effort.busy));
    json_object_set_new(object, "waited", real(tally->effort.waited));
    json_object_set_new(object, "late", number(tally->own_late));
    json_object_set_new(object, "dry", number(tally->dry));
    json_object_set_new(object, "portless", number(tally->portless));
    json_object_set_new(object, "unsent", number(tally->unsent));
    json_object_set_new(object, "dropped", number(tally->dropped));
    json_object_set_new(object, "wrong", number(report->all.wrong));
    return object;
}

/* What was asked, where, when. */
static void set_settings(json_t *root, const struct report *report)
{
    const struct options *options = report->options;
    char started[32];

    report_time(report->started_s, started);
    json_object_set_new(root, "version", text(SECKILL_VERSION));
    json_object_set_new(root, "started", text(started));
    json_object_set_new(root, "asked", texts(report->asked, (uint32_t)report->asked_count));
    json_object_set_new(root, "notes", texts(options->notes, options->note_count));
    json_object_set_new(root, "machine", machine(&report->machine));
    json_object_set_new(root, "mode", text(report_mode(options->mode)));
    json_object_set_new(root, "scenario",
                        options->scenario ? text(scenario_name(options->scenario)) : json_null());
    json_object_set_new(root, "profile", text(profile_name(options->profile)));
    json_object_set_new(root, "stock", options->stock ? number(options->stock) : json_null());
    json_object_set_new(root, "reconnect", json_boolean(options->reconnect));
    json_object_set_new(root, "sign", text(options->sign_live ? "live" : "ahead"));
    json_object_set_new(root, "loop", text(options->closed ? "closed" : "open"));
    json_object_set_new(root, "connections", number(options->connections));
    json_object_set_new(root, "threads", number(options->threads));
    json_object_set_new(root, "rate", number(options->closed ? 0 : options->rate));
    json_object_set_new(root, "buyers", number(options->buyers));
    json_object_set_new(root, "sale", number(options->sale));
    json_object_set_new(root, "quantity", number(options->quantity));
    json_object_set_new(root, "warmup_s", real(options->warmup_s));
}

static void set_results(json_t *root, const struct report *report)
{
    const double bytes =
        around_bytes_per_order(report->around, report->all.answers[ANSWER_ACCEPTED]);

    json_object_set_new(root, "seconds", real(report->all_seconds));
    json_object_set_new(root, "sent", number(report->all.sent));
    json_object_set_new(root, "answered", number(report->all.answered));
    json_object_set_new(root, "errors", number(report_errors(report)));
    json_object_set_new(root, "late", number(report->measured->measured_late));
    json_object_set_new(root, "reopened", number(report->measured->reopened));
    json_object_set_new(root, "window_seconds", real(report->seconds));
    json_object_set_new(root, "window_answers", number(report->all.in_window));
    json_object_set_new(root, "orders_per_second", real(report_orders_per_second(report)));
    json_object_set_new(root, "best_orders_per_second",
                        real(report_best_orders_per_second(report)));
    json_object_set_new(root, "outcomes", answers(report->all.answers));
    json_object_set_new(root, "measured", answers(report->measured->measured));
    json_object_set_new(root, "latency_ms", latencies(report));
    json_object_set_new(root, "cpu_us_per_request", cpu(report, true));
    json_object_set_new(root, "cpu_seconds", cpu(report, false));
    json_object_set_new(root, "generator", generator(report));
    json_object_set_new(root, "audit", audit(report->audit));
    json_object_set_new(root, "oversold",
                        report->options->stock ? json_boolean(report_oversold(report))
                                               : json_null());
    json_object_set_new(root, "winners", winners(report));
    json_object_set_new(root, "settle", settle(report->around));
    json_object_set_new(root, "redis_bytes_per_order", bytes > 0 ? real(bytes) : json_null());
    json_object_set_new(root, "timeline", timeline(report));
}

bool report_write_json(const struct report *report, const char *path)
{
    json_t *root = json_object();

    if (root) {
        set_settings(root, report);
        set_results(root, report);
    }
    return json_file_write(root, REAL_DIGITS, path);
}
