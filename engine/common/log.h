/* log: one line an event, key=value or JSON. The one module with state of its own: level and ring.
 * Why:    an operator greps constant event names; values are fields. A full pipe must not stop
 *         selling: lines go through a bounded ring to a writer thread, dropped ones are counted.
 * Never:  blocks the caller; prints tokens, secrets or raw buyer ids.
 * Thread: any. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_BOOL } kind;
    const char *text; /* borrowed for the call; NULL prints as "" */
    uint64_t u64;
    int64_t i64;
};

#define KV_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .text = (v)})
#define KV_U64(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_U64, .u64 = (v)})
#define KV_I64(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_I64, .i64 = (v)})
#define KV_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .u64 = (v) ? 1 : 0})

/* Starts the writer thread on descriptor `fd` (borrowed). Before it and after log_stop(), lines are
 * written at once to stderr. ERR_NO_MEMORY: no thread; lines go on as before. Thread: init. */
MUST_CHECK enum err log_start(int fd, enum log_level level, enum log_format format);
/* Writes what is queued (at most `timeout_ms`), stops the thread. Thread: init. */
void log_stop(uint32_t timeout_ms);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* "debug", "info", "warn", "error". ERR_PARSE. */
MUST_CHECK enum err log_level_parse(const char *text, enum log_level *ret_level);
uint64_t log_dropped_count(void); /* lines dropped since start */

/* One per call site: at most 10 lines a second, or one in `every_s` where that is not 0; the next
 * one tells the rest as `suppressed=n`. */
struct log_site {
    _Atomic int64_t window_s;
    _Atomic uint32_t in_window;
    _Atomic uint32_t suppressed;
    uint32_t every_s;
};
/* A line is cut at 1023 bytes. `event` is constant text; `site` may be NULL: never suppressed. */
void log_write(enum log_level level, struct log_site *site, const char *event,
               const struct log_field *fields, size_t field_count);

#define LOG_AT(level, event, ...) LOG_AT_EVERY(0, level, event, __VA_ARGS__)
#define LOG_AT_EVERY(seconds, level, event, ...)                                                   \
    do {                                                                                           \
        static struct log_site log_site_ = {.every_s = (seconds)};                                 \
        if (log_enabled(level)) {                                                                  \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                  \
            log_write(level, &log_site_, event, log_fields_,                                       \
                      sizeof log_fields_ / sizeof log_fields_[0]);                                 \
        }                                                                                          \
    } while (0)
/* At least one field each. */
#define LOG_DEBUG(event, ...) LOG_AT(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define LOG_INFO(event, ...) LOG_AT(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_WARN(event, ...) LOG_AT(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_ERROR(event, ...) LOG_AT(LOG_LEVEL_ERROR, event, __VA_ARGS__)
/* For what is tried again and again: the first at once, then at most one in `seconds`. */
#define LOG_WARN_EVERY(seconds, event, ...)                                                        \
    LOG_AT_EVERY(seconds, LOG_LEVEL_WARN, event, __VA_ARGS__)
