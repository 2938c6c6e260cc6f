/* clock: the two clocks of a process, and times as text.
 * Why:    one place reads them; deadlines are monotonic, display and tokens are wall time.
 * Never:  used above loop/ by the engine: loop_clock_us() and loop_wall_ms() are the door there.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { CLOCK_TEXT_SIZE = 25 }; /* "2026-01-31T12:34:56.789Z" and a NUL */

/* 9999-12-31T23:59:59.999Z, the last time that has a text. */
#define CLOCK_LAST_MS INT64_C(253402300799999)

int64_t clock_mono_us(void); /* microseconds of CLOCK_MONOTONIC */
int64_t clock_wall_ms(void); /* milliseconds since the Unix epoch, UTC */
/* CPU time of the whole process (user + system) in microseconds. */
int64_t clock_process_cpu_us(void);

/* RFC 3339 in UTC with milliseconds. `ms` from year 1970 to 9999 (else asserts). Returns `text`. */
char *clock_format_rfc3339(int64_t ms, char text[static CLOCK_TEXT_SIZE]);
/* Reads RFC 3339 with Z or an offset, 0 to 9 fraction digits (cut to ms). ERR_PARSE, ERR_RANGE. */
MUST_CHECK enum err clock_parse_rfc3339(const char *text, size_t size, int64_t *ret_ms);
