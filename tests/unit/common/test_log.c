#include "common/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

enum { READ_DEADLINE_MS = 30000 };

static int ends[2];
static char text[1 << 20];
static size_t text_size;

static void begin(void)
{
    cr_assert_eq(pipe(ends), 0);
    text_size = 0;
    text[0] = '\0';
}

TestSuite(log, .init = begin);

/* Reads until `wanted` was seen. */
static void read_until(const char *wanted)
{
    int64_t end_us = clock_mono_us() + READ_DEADLINE_MS * 1000;

    while (!strstr(text, wanted)) {
        struct pollfd wait = {.fd = ends[0], .events = POLLIN};
        ssize_t size = 0;

        cr_assert(clock_mono_us() < end_us, "no \"%s\" in: %s", wanted, text);
        if (poll(&wait, 1, 100) == 1) {
            size = read(ends[0], text + text_size, sizeof text - 1 - text_size);
        }
        text_size += size > 0 ? (size_t)size : 0;
        text[text_size] = '\0';
    }
}

static void start(enum log_format format)
{
    cr_assert_eq(log_start(ends[1], LOG_LEVEL_DEBUG, format), ERR_OK);
}

/* Stops and gives the text from `event=` or `"event"` of the one line there is. */
static const char *stop_and_read(void)
{
    const char *event;

    log_stop(READ_DEADLINE_MS);
    read_until("\n");
    event = strstr(text, "event");
    cr_assert_not_null(event);
    return event;
}

Test(log, a_full_pipe_blocks_nobody_and_drops_are_counted)
{
    int64_t began_us = clock_mono_us();
    char filler[512];

    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    start(LOG_FORMAT_TEXT);
    /* 64 KiB of pipe and 2048 lines of ring are less than 5000 lines of half a KiB. */
    for (int i = 0; i < 5000; i++) {
        const struct log_field field = KV_STR("filler", filler);

        log_write(LOG_LEVEL_INFO, NULL, "filled", &field, 1);
    }
    cr_assert(clock_mono_us() - began_us < 5000000);
    cr_assert(log_dropped_count() > 0);
    cr_assert(log_dropped_count() < 5000);
    log_stop(100);
    cr_assert(clock_mono_us() - began_us < 8000000);
}

Test(log, drops_are_told_once_the_pipe_is_read_again)
{
    start(LOG_FORMAT_TEXT);
    for (int i = 0; i < 20000; i++) {
        const struct log_field field = KV_U64("i", (uint64_t)i);

        log_write(LOG_LEVEL_INFO, NULL, "filled", &field, 1);
    }
    cr_assert(log_dropped_count() > 0);
    read_until("event=log_lines_dropped count=");
    log_stop(READ_DEADLINE_MS);
}

Test(log, a_dead_descriptor_counts_as_drops)
{
    signal(SIGPIPE, SIG_IGN);
    start(LOG_FORMAT_TEXT);
    close(ends[0]);
    LOG_INFO("lost", KV_U64("n", 1));
    log_stop(READ_DEADLINE_MS);
    cr_assert_eq(log_dropped_count(), 1);
}

Test(log, before_start_lines_go_to_stderr_at_once)
{
    int saved = dup(STDERR_FILENO);

    dup2(ends[1], STDERR_FILENO);
    LOG_WARN("early", KV_U64("n", 1));
    dup2(saved, STDERR_FILENO);
    read_until("event=early n=1\n");
}

Test(log, before_start_a_closed_stderr_counts_as_a_drop)
{
    int saved = dup(STDERR_FILENO);

    close(STDERR_FILENO);
    LOG_WARN("early", KV_U64("n", 1));
    dup2(saved, STDERR_FILENO);
    cr_assert_eq(log_dropped_count(), 1);
}

Test(log, starting_twice_aborts, .signal = SIGABRT)
{
    start(LOG_FORMAT_TEXT);
    start(LOG_FORMAT_TEXT);
}

Test(log, stopping_what_does_not_run_is_fine)
{
    log_stop(1);
}

Test(log, an_unknown_level_is_refused)
{
    enum log_level level = LOG_LEVEL_WARN;

    cr_assert_eq(log_level_parse("warning", &level), ERR_PARSE);
    cr_assert_eq(log_level_parse("", &level), ERR_PARSE);
    cr_assert_eq(level, LOG_LEVEL_WARN);
    cr_assert_eq(log_level_parse("error", &level), ERR_OK);
    cr_assert_eq(level, LOG_LEVEL_ERROR);
}

Test(log, text_is_key_value_with_quotes_where_needed)
{
    start(LOG_FORMAT_TEXT);
    LOG_INFO("tried", KV_STR("plain", "a/b:c"), KV_STR("space", "a b"), KV_STR("empty", ""),
             KV_STR("null", NULL), KV_STR("quote", "a\"b\\c"), KV_STR("break", "a\nb\x01"),
             KV_STR("equals", "a=b"), KV_U64("u", UINT64_MAX), KV_I64("i", INT64_MIN),
             KV_BOOL("yes", true), KV_BOOL("no", false));
    cr_assert_str_eq(stop_and_read(),
                     "event=tried plain=a/b:c space=\"a b\" empty=\"\" null=\"\" "
                     "quote=\"a\\\"b\\\\c\" break=\"a\\nb\\u0001\" equals=\"a=b\" "
                     "u=18446744073709551615 i=-9223372036854775808 yes=true no=false\n");
    cr_assert_eq(strncmp(text, "time=20", 7), 0);
    cr_assert_not_null(strstr(text, "Z level=info event="));
}

Test(log, json_has_the_same_fields)
{
    start(LOG_FORMAT_JSON);
    LOG_ERROR("tried", KV_STR("text", "a\"b\n\x7f"), KV_U64("u", 1), KV_I64("i", -1),
              KV_BOOL("yes", true));
    cr_assert_str_eq(
        stop_and_read(),
        "event\":\"tried\",\"text\":\"a\\\"b\\n\\u007f\",\"u\":1,\"i\":-1,\"yes\":true}\n");
    cr_assert_eq(strncmp(text, "{\"time\":\"20", 11), 0);
    cr_assert_not_null(strstr(text, "\",\"level\":\"error\",\""));
}

static void expect_cut(enum log_format format, const char *value)
{
    static char longest[3000];
    size_t size;

    memset(longest, value[0], sizeof longest - 1);
    start(format);
    LOG_INFO("cut", KV_STR("long", longest), KV_STR("after", "x"));
    (void)stop_and_read();
    size = strlen(text);
    cr_assert(size < 1024 && size > 900, "%zu", size);
    cr_assert_eq(strchr(text, '\n'), text + size - 1);
    cr_assert_null(strstr(text, "after"));
    if (format == LOG_FORMAT_JSON) {
        cr_assert_str_eq(text + size - 3, "\"}\n");
    }
}

Test(log, a_long_line_is_cut)
{
    expect_cut(LOG_FORMAT_TEXT, "x");
}

Test(log, a_long_quoted_line_is_cut_inside_its_quotes)
{
    expect_cut(LOG_FORMAT_TEXT, " ");
    cr_assert_str_eq(text + strlen(text) - 2, "\"\n");
}

Test(log, a_long_json_line_is_cut_and_closed)
{
    expect_cut(LOG_FORMAT_JSON, "\x01");
}

Test(log, below_the_level_nothing_is_written)
{
    cr_assert_eq(log_start(ends[1], LOG_LEVEL_WARN, LOG_FORMAT_TEXT), ERR_OK);
    cr_assert_not(log_enabled(LOG_LEVEL_INFO));
    LOG_INFO("hidden", KV_U64("n", 1));
    LOG_DEBUG("hidden", KV_U64("n", 1));
    log_set_level(LOG_LEVEL_DEBUG);
    LOG_DEBUG("shown", KV_U64("n", 2));
    log_stop(READ_DEADLINE_MS);
    read_until("event=shown n=2\n");
    cr_assert_null(strstr(text, "hidden"));
}

Test(log, repeats_are_suppressed_and_summed)
{
    struct log_site site = {0};
    const struct log_field field = KV_U64("n", 1);
    uint64_t lines = 0;

    start(LOG_FORMAT_TEXT);
    for (int i = 0; i < 10; i++) {
        log_write(LOG_LEVEL_INFO, &site, "repeated", &field, 1);
    }
    for (int i = 0; i < 1000 && site.suppressed < 3; i++) {
        log_write(LOG_LEVEL_INFO, &site, "repeated", &field, 1);
    }
    cr_assert(site.suppressed >= 3);
    site.window_s = 0; /* as if a second had passed */
    site.suppressed = 7;
    log_write(LOG_LEVEL_INFO, &site, "repeated", &field, 1);
    log_stop(READ_DEADLINE_MS);
    read_until("event=repeated suppressed=7 n=1\n");
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    /* A second may have turned in the midst: then there were ten more. */
    cr_assert(lines == 11 || lines == 21, "%lu", lines);
}

Test(log, a_site_may_be_told_once_in_so_many_seconds)
{
    struct log_site site = {.every_s = 1000000};
    const struct log_field field = KV_U64("n", 1);

    start(LOG_FORMAT_TEXT);
    for (int i = 0; i < 5; i++) {
        log_write(LOG_LEVEL_INFO, &site, "seldom", &field, 1);
    }
    site.window_s -= 1000000; /* as if they had passed */
    log_write(LOG_LEVEL_INFO, &site, "seldom", &field, 1);
    log_stop(READ_DEADLINE_MS);
    read_until("event=seldom n=1\n");
    read_until("event=seldom suppressed=4 n=1\n");
    uint64_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    cr_assert_eq(lines, 2);
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 50; i++) {
        const struct log_field fields[] = {KV_STR("who", arg), KV_U64("i", (uint64_t)i)};

        log_write(LOG_LEVEL_INFO, NULL, "shared", fields, 2);
    }
    return NULL;
}

Test(log, threads_share_the_ring_and_no_line_is_torn)
{
    static const char *const names[] = {"aaaa", "bbbb", "cccc", "dddd"};
    pthread_t threads[4];
    int next[4] = {0};

    start(LOG_FORMAT_TEXT);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, (void *)names[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    log_stop(READ_DEADLINE_MS);
    cr_assert_eq(log_dropped_count(), 0);
    for (int i = 0; i < 4; i++) {
        char last[64];

        snprintf(last, sizeof last, "who=%s i=49\n", names[i]);
        read_until(last);
    }
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        char name[8];
        int i;

        cr_assert_eq(sscanf(strstr(line, "who="), "who=%7s i=%d", name, &i), 2, "%s", line);
        cr_assert_eq(i, next[name[0] - 'a'], "%s", line);
        next[name[0] - 'a']++;
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(next[i], 50);
    }
}
