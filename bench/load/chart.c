/* Units are those of the viewBox: about a phone's pixels. */
#include "chart.h"

#include <math.h>

#include "markup.h"

enum {
    WIDTH = 360,
    HEIGHT = 210,
    LEFT = 40,
    RIGHT = 20, /* half of the longest label */
    TOP = 8,
    BOTTOM = 36,
    STEPS_MIN = 3,
    DECADES_FEW = 2,
};

struct scale {
    double min, max;
    bool logarithmic;
};

double chart_step(double range, uint32_t steps_min)
{
    const double most = range / steps_min;
    const double decade = pow(10, floor(log10(most)));

    /* A hair more, as 0.3 / 3 is less than 0.1. */
    return decade * (most * 1.000001 >= 5 * decade ? 5 : most * 1.000001 >= 2 * decade ? 2 : 1);
}

void chart_number(double value, char text[16])
{
    const double size = fabs(value);
    const char *suffix = size >= 999999.5 ? "M" : size >= 9999.5 ? "k" : "";
    const double shown = *suffix == 'M' ? value / 1e6 : *suffix == 'k' ? value / 1e3 : value;

    snprintf(text, 16, "%.6g%s", round(shown * 1e4) / 1e4, suffix);
}

void chart_set_ticks(struct chart *chart)
{
    const double step = chart_step(chart->x_max - chart->x_min, STEPS_MIN);

    chart->tick_count = 0;
    for (double at = ceil(chart->x_min / step) * step;
         at <= chart->x_max + step / 1000 && chart->tick_count < CHART_TICKS_MAX; at += step) {
        struct chart_tick *tick = &chart->ticks[chart->tick_count++];
        tick->at = at;
        chart_number(at, tick->text);
    }
}

static double place_x(const struct chart *chart, double x)
{
    const double share = (x - chart->x_min) / (chart->x_max - chart->x_min);
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct scale *scale, double y)
{
    double share = (y - scale->min) / (scale->max - scale->min);

    if (scale->logarithmic) {
        share = y > scale->min ? log(y / scale->min) / log(scale->max / scale->min) : 0;
    }
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
}

/* The smallest and the largest of all values above zero and of the range that is asked for. */
static void find_range(const struct chart *chart, double *ret_min, double *ret_max)
{
    double min = chart->y_min > 0 ? chart->y_min : INFINITY, max = chart->y_max;

    for (uint32_t line = 0; line < chart->line_count; line++) {
        for (uint32_t i = 0; i < chart->count; i++) {
            const double value = chart->lines[line].values[i];
            if (value > 0) { /* not true for NAN */
                min = fmin(min, value);
                max = fmax(max, value);
            }
        }
    }
    *ret_max = max > 0 ? max : 1; /* an empty chart */
    *ret_min = fmin(min, *ret_max);
}

static struct scale make_scale(const struct chart *chart)
{
    double min, max;

    find_range(chart, &min, &max);
    if (chart->logarithmic) {
        const double low = pow(10, floor(log10(min))), high = pow(10, ceil(log10(max)));
        return (struct scale){.min = low, .max = high > low ? high : low * 10, .logarithmic = true};
    }
    const double step = chart_step(max, STEPS_MIN);
    return (struct scale){.min = 0, .max = ceil(max / step - 1e-9) * step};
}

static void write_y_tick(FILE *page, const struct scale *scale, double at)
{
    const double y = place_y(scale, at);
    char text[16];

    chart_number(at, text);
    fprintf(page,
            "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text class=\"y\" x=\"%d\" y=\"%.1f\">%s"
            "</text>\n",
            LEFT, y, WIDTH - RIGHT, LEFT - 5, y + 4, text);
}

static void write_y_axis(FILE *page, const struct chart *chart, const struct scale *scale)
{
    if (!chart->logarithmic) {
        const double step = chart_step(scale->max, STEPS_MIN);
        for (double at = 0; at <= scale->max + step / 1000; at += step) {
            write_y_tick(page, scale, at);
        }
        return;
    }
    const bool few = scale->max / scale->min < pow(10, DECADES_FEW + 0.5);
    for (double decade = scale->min; decade <= scale->max * 1.001; decade *= 10) {
        write_y_tick(page, scale, decade);
        if (few && decade * 2 < scale->max) {
            write_y_tick(page, scale, decade * 2);
            write_y_tick(page, scale, decade * 5);
        }
    }
}

static void write_x_axis(FILE *page, const struct chart *chart)
{
    for (uint32_t i = 0; i < chart->tick_count; i++) {
        const double x = place_x(chart, chart->ticks[i].at);
        fprintf(page,
                "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"x\" x=\"%.1f\" y=\"%d\">", x,
                TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 15);
        markup_text(page, chart->ticks[i].text);
        fputs("</text>\n", page);
    }
    fprintf(page, "<text class=\"x\" x=\"%d\" y=\"%d\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5);
    markup_text(page, chart->legend);
    fputs("</text>\n", page);
}

/* A point between two gaps is drawn as a dot, by its round end. */
static void write_line(FILE *page, const struct chart *chart, const struct scale *scale,
                       const struct chart_line *line)
{
    bool open = false, lone = false;

    fprintf(page, "<path class=\"line %s\" d=\"", line->css);
    for (uint32_t i = 0; i < chart->count; i++) {
        if (isnan(line->values[i])) {
            fputs(lone ? "h0" : "", page);
            open = lone = false;
            continue;
        }
        fprintf(page, "%c%.1f %.1f", open ? 'L' : 'M', place_x(chart, chart->x[i]),
                place_y(scale, line->values[i]));
        lone = !open;
        open = true;
    }
    fprintf(page, "%s\"/>\n", lone ? "h0" : "");
}

static void write_legend(FILE *page, const struct chart *chart)
{
    fputs("<ul class=\"legend\">", page);
    for (uint32_t i = 0; i < chart->line_count; i++) {
        fprintf(page,
                "<li><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"line %s\" "
                "d=\"M2 4H22\"/></svg>",
                chart->lines[i].css);
        markup_text(page, chart->lines[i].name);
        fputs("</li>", page);
    }
    fputs("</ul>\n", page);
}

void chart_write(FILE *page, const struct chart *chart)
{
    const struct scale scale = make_scale(chart);

    fputs("<figure><figcaption><b>", page);
    markup_text(page, chart->title);
    fputs("</b> ", page);
    markup_text(page, chart->unit);
    fprintf(page, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
            HEIGHT);
    markup_text(page, chart->title);
    fputs("\">\n", page);
    if (chart->shaded_to > chart->x_min) {
        fprintf(page, "<rect class=\"shade\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n",
                LEFT, TOP, place_x(chart, fmin(chart->shaded_to, chart->x_max)) - LEFT,
                HEIGHT - TOP - BOTTOM);
    }
    write_y_axis(page, chart, &scale);
    write_x_axis(page, chart);
    for (uint32_t i = 0; i < chart->line_count; i++) {
        write_line(page, chart, &scale, &chart->lines[i]);
    }
    fputs("</svg>\n", page);
    write_legend(page, chart);
    fputs("</figure>\n", page);
}
