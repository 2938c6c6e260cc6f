#include "common/clock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static enum err parse(const char *text, int64_t *ret_ms)
{
    return clock_parse_rfc3339(text, strlen(text), ret_ms);
}

Test(clock, what_is_not_a_time_is_refused)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-01-31",
        "2026-01-31T12:34:56",
        "2026-01-31T12:34:56.Z",
        "2026-01-31T12:34:56.1234567890Z",
        "2026-01-31 12:34:56Z",
        "2026-01-31T12:34:56Zx",
        "2026-01-31T12:34:56+0100",
        "2026-01-31T12:34:56+01",
        "2026-01-31T12:34:56+01:0x",
        "2026-1-31T12:34:56Z",
        "-026-01-31T12:34:56Z",
        "2026-01-31T12-34:56Z",
        "2026x01-31T12:34:56Z",
        "+2026-01-31T12:34:56Z",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 42;

        cr_assert_eq(parse(texts[i], &ms), ERR_PARSE, "%s", texts[i]);
        cr_assert_eq(ms, 42);
    }
}

Test(clock, what_does_not_exist_is_out_of_range)
{
    static const char *const texts[] = {
        "2026-00-01T00:00:00Z",      "2026-13-01T00:00:00Z",      "2026-01-00T00:00:00Z",
        "2026-02-29T00:00:00Z",      "1900-02-29T00:00:00Z",      "2026-04-31T00:00:00Z",
        "2026-01-01T24:00:00Z",      "2026-01-01T00:60:00Z",      "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",      "9999-12-31T23:59:59-00:01", "2026-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:01", "2026-01-01T00:00:00+00:60",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 42;

        cr_assert_eq(parse(texts[i], &ms), ERR_RANGE, "%s", texts[i]);
        cr_assert_eq(ms, 42);
    }
}

Test(clock, a_time_that_has_no_text_aborts, .signal = SIGABRT)
{
    char text[CLOCK_TEXT_SIZE];

    (void)clock_format_rfc3339(CLOCK_LAST_MS + 1, text);
}

Test(clock, a_time_before_the_epoch_aborts, .signal = SIGABRT)
{
    char text[CLOCK_TEXT_SIZE];

    (void)clock_format_rfc3339(-1, text);
}

Test(clock, known_times)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1970-01-01t00:00:01z", 1000},
        {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
        {"2026-01-31T12:34:56.789Z", INT64_C(1769862896789)},
        {"2026-01-31T12:34:56.7899999Z", INT64_C(1769862896789)},
        {"2026-01-31T12:34:56.7Z", INT64_C(1769862896700)},
        {"2026-01-31T20:34:56.789+08:00", INT64_C(1769862896789)},
        {"2026-01-31T10:04:56.789-02:30", INT64_C(1769862896789)},
        {"9999-12-31T23:59:59.999Z", CLOCK_LAST_MS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms;

        cr_assert_eq(parse(cases[i].text, &ms), ERR_OK, "%s", cases[i].text);
        cr_assert_eq(ms, cases[i].ms, "%s", cases[i].text);
    }
}

Test(clock, what_is_written_reads_back)
{
    char text[CLOCK_TEXT_SIZE];

    for (int64_t ms = 0; ms <= CLOCK_LAST_MS; ms += INT64_C(86400000) * 13 + 3600123) {
        int64_t again;

        cr_assert_eq(parse(clock_format_rfc3339(ms, text), &again), ERR_OK, "%s", text);
        cr_assert_eq(again, ms, "%s", text);
    }
}

Test(clock, text_has_milliseconds_and_z)
{
    char text[CLOCK_TEXT_SIZE];

    cr_assert_str_eq(clock_format_rfc3339(INT64_C(1769862896009), text),
                     "2026-01-31T12:34:56.009Z");
    cr_assert_eq(strlen(text) + 1, CLOCK_TEXT_SIZE);
}

Test(clock, clocks_go_forward)
{
    int64_t mono = clock_mono_us(), cpu = clock_process_cpu_us();

    cr_assert(clock_wall_ms() > INT64_C(1700000000000));
    for (volatile int i = 0; i < 10000000; i++) {
    }
    cr_assert(clock_mono_us() > mono);
    cr_assert(clock_process_cpu_us() > cpu);
}
