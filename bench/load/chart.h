/* chart: one figure of a page, as static SVG with its legend.
 * Why:    it prints, needs no script, and is as wide as a phone: its texts are readable there.
 * Never:  joins what has a gap between; knows what it draws.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CHART_LINES_MAX = 8, CHART_TICKS_MAX = 16 };

struct chart_tick {
    double at;
    char text[16];
};
struct chart_line {
    const char *name;
    const char *css;      /* class of the colour (page.css) */
    const double *values; /* one for each x; NAN: a gap */
};
struct chart {
    const char *title;
    const char *unit;    /* of y */
    const char *legend;  /* of x: "seconds" */
    bool logarithmic;    /* y */
    double y_min, y_max; /* at least so far from and to; 0: as the values are */
    double x_min, x_max;
    double shaded_to; /* from x_min; x_min: nothing */
    const double *x;  /* ascending */
    uint32_t count;
    struct chart_tick ticks[CHART_TICKS_MAX]; /* of x */
    uint32_t tick_count;
    struct chart_line lines[CHART_LINES_MAX];
    uint32_t line_count;
};

/* Ticks at round numbers from x_min to x_max. */
void chart_set_ticks(struct chart *chart);
/* A <figure>. Texts are escaped. */
void chart_write(FILE *page, const struct chart *chart);
/* 1, 2 or 5 times a power of ten, so that at least `steps_min` (1 to 10) of it make up `range`. */
double chart_step(double range, uint32_t steps_min);
/* 1500 → "1.5k" */
void chart_number(double value, char text[16]);
