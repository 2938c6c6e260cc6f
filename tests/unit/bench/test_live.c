#include "bench/load/live.h"

#include <criterion/criterion.h>
#include <string.h>

static struct series_latest latest;

static void add(enum answer answer, uint64_t count, uint64_t us)
{
    latest.answers[answer] += count;
    for (uint64_t i = 0; i < count; i++) {
        histogram_add(&latest.latency, us);
    }
}

Test(live, a_second_tells_rates_outcomes_and_percentiles)
{
    char text[LIVE_SIZE];

    latest.sent = 120;
    add(ANSWER_ACCEPTED, 10, 2000);
    add(ANSWER_SOLD_OUT, 90, 1000);
    live_format(12, &latest, text);
    cr_assert_str_eq(text, "  12 s  sent    120  answered    100  accepted 10  sold-out 90"
                           "  p50 1.0 ms  p99 2.0 ms  max 2.0 ms");
}

Test(live, errors_and_late_requests_stand_out_at_the_end)
{
    char text[LIVE_SIZE];

    latest.late = 3;
    add(ANSWER_LOST, 2, 100);
    add(ANSWER_TIMEOUT, 1, 100);
    live_format(1, &latest, text);
    cr_assert_not_null(strstr(text, "  LATE 3  ERRORS 3:  timeout 1  lost 2"), "%s", text);
}

Test(live, a_second_without_answers_has_no_percentiles)
{
    char text[LIVE_SIZE];

    live_format(1, &latest, text);
    cr_assert_str_eq(text, "   1 s  sent      0  answered      0");
}

Test(live, a_line_that_is_too_long_is_cut)
{
    char text[LIVE_SIZE];

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        latest.answers[i] = UINT64_MAX;
    }
    live_format(UINT32_MAX, &latest, text);
    cr_assert_eq(strlen(text), LIVE_SIZE - 1);
}
