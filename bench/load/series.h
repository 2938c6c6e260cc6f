/* series: the timelines of all threads as one, with the CPU time of the servers.
 * Why:    one row a second for the curves, while a run of hours still fits into memory: when there
 *         are too many rows, two and two become one of twice the width. Latencies stay exact to a
 *         percent, as histograms add up.
 * Never:  averages percentiles; drops a row.
 * Thread: the reader's.  Owner: the caller of series_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "timeline.h"

enum { SERIES_ROWS_MAX = 600 };

struct series;

struct series_row {
    struct timeline_second sum;        /* `second` is its first one; `next` is NULL */
    uint64_t cpu_us[OPTIONS_CPUS_MAX]; /* in the order of --cpu */
};

struct series *series_create(void);         /* NULL: no memory */
void series_destroy(struct series *series); /* NULL is fine */
/* Takes over what the thread has handed over. */
void series_collect(struct series *series, struct timeline *timeline);
/* CPU time of process group `group` in `second`. */
void series_add_cpu(struct series *series, uint32_t second, uint32_t group, uint64_t us);

uint32_t series_count(const struct series *series);   /* rows, with empty ones between */
uint32_t series_width_s(const struct series *series); /* seconds of each: 1, 2, 4, 8… */
const struct series_row *series_row(const struct series *series, uint32_t number);
bool series_incomplete(const struct series *series); /* no memory for some of it */

/* What was collected since series_begin_latest(): for the live line, whatever the width. */
struct series_latest {
    uint64_t sent, late;
    uint64_t answers[ANSWER_COUNT];
    struct histogram latency; /* of all answers */
};
const struct series_latest *series_latest(const struct series *series);
void series_begin_latest(struct series *series);
