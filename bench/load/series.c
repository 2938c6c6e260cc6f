#include "series.h"

#include <stdlib.h>
#include <string.h>

struct series {
    struct series_row rows[SERIES_ROWS_MAX];
    uint32_t count, width_s;
    bool incomplete;
    struct series_latest latest;
};

struct series *series_create(void)
{
    struct series *series = calloc(1, sizeof *series);

    if (series) {
        series->width_s = 1;
    }
    return series;
}

void series_destroy(struct series *series)
{
    for (uint32_t i = 0; series && i < series->count; i++) {
        timeline_second_finish(&series->rows[i].sum);
    }
    free(series);
}

/* Adds up; takes the latencies that `into` has not, so that they need no copy. */
static void merge(struct timeline_second *into, struct timeline_second *from)
{
    into->sent += from->sent;
    into->late += from->late;
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        into->answers[i] += from->answers[i];
    }
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        if (from->latency[i] && into->latency[i]) {
            histogram_merge(into->latency[i], from->latency[i]);
        } else if (from->latency[i]) {
            into->latency[i] = from->latency[i];
            from->latency[i] = NULL;
        }
    }
    timeline_second_finish(from);
}

/* Two rows become one. */
static void fold(struct series *series)
{
    for (uint32_t i = 0; i < series->count; i++) {
        struct series_row *from = &series->rows[i], *into = &series->rows[i / 2];
        const struct series_row row = *from;
        *from = (struct series_row){0};
        if (i % 2 == 0) {
            *into = row;
            continue;
        }
        struct timeline_second sum = row.sum;
        merge(&into->sum, &sum);
        for (uint32_t group = 0; group < OPTIONS_CPUS_MAX; group++) {
            into->cpu_us[group] += row.cpu_us[group];
        }
    }
    series->count = (series->count + 1) / 2;
    series->width_s *= 2;
}

static struct series_row *row_of(struct series *series, uint32_t second)
{
    while (second / series->width_s >= SERIES_ROWS_MAX) {
        fold(series);
    }
    const uint32_t number = second / series->width_s;
    for (; series->count <= number; series->count++) {
        series->rows[series->count].sum.second = series->count * series->width_s;
    }
    return &series->rows[number];
}

static void add_to_latest(struct series_latest *latest, const struct timeline_second *second)
{
    latest->sent += second->sent;
    latest->late += second->late;
    for (uint32_t i = 0; i < ANSWER_COUNT; i++) {
        latest->answers[i] += second->answers[i];
    }
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        if (second->latency[i]) {
            histogram_merge(&latest->latency, second->latency[i]);
        }
    }
}

void series_collect(struct series *series, struct timeline *timeline)
{
    for (struct timeline_second *at = timeline_take(timeline), *next; at; at = next) {
        next = at->next;
        add_to_latest(&series->latest, at);
        merge(&row_of(series, at->second)->sum, at);
        timeline_second_destroy(at);
    }
    series->incomplete = series->incomplete || timeline_incomplete(timeline);
}

void series_add_cpu(struct series *series, uint32_t second, uint32_t group, uint64_t us)
{
    row_of(series, second)->cpu_us[group] += us;
}

uint32_t series_count(const struct series *series)
{
    return series->count;
}

uint32_t series_width_s(const struct series *series)
{
    return series->width_s;
}

const struct series_row *series_row(const struct series *series, uint32_t number)
{
    return &series->rows[number];
}

bool series_incomplete(const struct series *series)
{
    return series->incomplete;
}

const struct series_latest *series_latest(const struct series *series)
{
    return &series->latest;
}

void series_begin_latest(struct series *series)
{
    memset(&series->latest, 0, sizeof series->latest);
}
