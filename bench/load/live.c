#include "live.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static size_t append(char text[LIVE_SIZE], size_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t append(char text[LIVE_SIZE], size_t used, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int size = vsnprintf(text + used, LIVE_SIZE - used, format, arguments);
    va_end(arguments);
    used += size > 0 ? (size_t)size : 0;
    return used < LIVE_SIZE ? used : LIVE_SIZE - 1;
}

static double quantile_ms(const struct series_latest *latest, double share)
{
    return (double)histogram_quantile_us(&latest->latency, share) / 1000.0;
}

static size_t append_answers(char text[LIVE_SIZE], size_t used, const struct series_latest *latest,
                             bool errors)
{
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        if (latest->answers[i] && answer_is_error((enum answer)i) == errors) {
            used = append(text, used, "  %s %" PRIu64, answer_code((enum answer)i),
                          latest->answers[i]);
        }
    }
    return used;
}

void live_format(uint32_t second, const struct series_latest *latest, char text[LIVE_SIZE])
{
    uint64_t errors = 0;

    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        errors += answer_is_error((enum answer)i) ? latest->answers[i] : 0;
    }
    size_t used = append(text, 0, "%4u s  sent %6" PRIu64 "  answered %6" PRIu64, second,
                         latest->sent, latest->latency.total);
    used = append_answers(text, used, latest, false);
    if (latest->latency.total) {
        used = append(text, used, "  p50 %.1f ms  p99 %.1f ms  max %.1f ms",
                      quantile_ms(latest, 0.5), quantile_ms(latest, 0.99), quantile_ms(latest, 1));
    }
    if (latest->late) {
        used = append(text, used, "  LATE %" PRIu64, latest->late);
    }
    if (errors) {
        used = append(text, used, "  ERRORS %" PRIu64 ":", errors);
        (void)append_answers(text, used, latest, true);
    }
}

void live_print(uint32_t second, const struct series_latest *latest)
{
    char text[LIVE_SIZE];

    live_format(second, latest, text);
    fprintf(stderr, "%s\n", text);
}
