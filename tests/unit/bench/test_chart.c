#include "bench/load/chart.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *draw(const struct chart *chart)
{
    char *written = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&written, &size);

    cr_assert_not_null(page);
    chart_write(page, chart);
    fclose(page);
    return written;
}

static struct chart make(const double *x, const double *values, uint32_t count)
{
    struct chart chart = {
        .title = "Rate",
        .unit = "a second",
        .legend = "seconds",
        .x_max = 4,
        .x = x,
        .count = count,
        .lines = {{"accepted", "accepted", values}},
        .line_count = 1,
    };
    chart_set_ticks(&chart);
    return chart;
}

static void check_holds(const struct chart *chart, const char *wanted)
{
    char *svg = draw(chart);

    cr_assert_not_null(strstr(svg, wanted), "%s is not in %s", wanted, svg);
    free(svg);
}

Test(chart, steps_are_round)
{
    cr_assert_float_eq(chart_step(10, 3), 2, 1e-9);
    cr_assert_float_eq(chart_step(0.3, 3), 0.1, 1e-9);
    cr_assert_float_eq(chart_step(8000, 3), 2000, 1e-9);
    cr_assert_float_eq(chart_step(1600, 3), 500, 1e-9);
}

static void number(double value, const char *expected)
{
    char text[16];

    chart_number(value, text);
    cr_assert_str_eq(text, expected);
}

Test(chart, numbers_are_short)
{
    number(0, "0");
    number(0.01, "0.01");
    number(1500, "1500");
    number(10000, "10k");
    number(12500, "12.5k");
    number(2e6, "2M");
}

Test(chart, a_gap_is_not_joined_and_a_lone_point_is_a_dot)
{
    static const double x[] = {0, 1, 2, 3, 4}, values[] = {1, 2, NAN, 4, NAN};
    const struct chart chart = make(x, values, 5);

    /* 300 units for 4 seconds from 40 on; 166 for 4 from 174 up. */
    check_holds(&chart, "class=\"line accepted\" d=\"M40.0 132.5L115.0 91.0M265.0 8.0h0\"");
}

Test(chart, a_logarithmic_axis_has_a_tick_for_each_decade_and_zero_at_its_foot)
{
    static const double x[] = {0, 2, 4}, values[] = {0, 0.3, 7000};
    struct chart chart = make(x, values, 3);

    chart.logarithmic = true;
    check_holds(&chart, ">0.1</text>");
    check_holds(&chart, ">1000</text>");
    check_holds(&chart, ">10k</text>");
    check_holds(&chart, "d=\"M40.0 174.0L");
}

Test(chart, the_longest_label_at_the_right_end_lies_within_the_picture)
{
    static const double x[] = {0, 6}, values[] = {1, 1};
    struct chart chart = make(x, values, 2);

    /* The largest that may stand there: seven characters of 11 px, none wider than 5.7 units. */
    chart.ticks[0] = (struct chart_tick){4, "99.9999"};
    chart.tick_count = 1;
    char *svg = draw(&chart);
    const char *label = strstr(svg, "<text class=\"x\"");
    double middle = 0;
    cr_assert(label && sscanf(label, "<text class=\"x\" x=\"%lf\"", &middle) == 1);
    cr_assert_leq(middle + 7 * 5.7 / 2, 360, "%g", middle);
    free(svg);
}

Test(chart, one_without_values_or_with_one_value_alone_is_drawn)
{
    static const double x[] = {0, 4}, nothing[] = {NAN, NAN}, same[] = {5, 5};
    struct chart chart = make(x, nothing, 2);

    check_holds(&chart, "d=\"\"");
    chart = make(x, same, 2);
    chart.logarithmic = true;
    check_holds(&chart, "<svg");
    char *svg = draw(&chart);
    cr_assert_null(strstr(svg, "nan"), "%s", svg);
    cr_assert_null(strstr(svg, "inf"), "%s", svg);
    free(svg);
}

Test(chart, texts_are_escaped)
{
    static const double x[] = {0}, values[] = {1};
    struct chart chart = make(x, values, 1);

    chart.title = "<a>\"";
    chart.lines[0].name = "<b>";
    char *svg = draw(&chart);
    cr_assert_null(strstr(svg, "<a>"));
    cr_assert_not_null(strstr(svg, "aria-label=\"&lt;a&gt;&quot;\""));
    cr_assert_not_null(strstr(svg, "&lt;b&gt;</li>"));
    free(svg);
}

Test(chart, the_warm_up_is_shaded)
{
    static const double x[] = {0, 4}, values[] = {1, 1};
    struct chart chart = make(x, values, 2);

    char *svg = draw(&chart);
    cr_assert_null(strstr(svg, "shade"));
    free(svg);
    chart.shaded_to = 2;
    check_holds(&chart, "class=\"shade\" x=\"40\" y=\"8\" width=\"150.0\"");
}
