/* timeline: what one thread sent and was told, second by second.
 * Why:    a rate that falls for a second, or a p99 that stands up, is not seen in a sum. A thread
 *         counts its current second alone and hands it over when it is past: no lock, and the
 *         reader merges (series.h) while the thread goes on.
 * Never:  read by another thread but through timeline_take(); keeps a second that was taken.
 * Thread: its own; timeline_take() any one other.  Owner: the caller of timeline_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "answers.h"
#include "histogram.h"

struct timeline;

/* Of one second. Answers count in the second of the answer, with the latency that they then had. */
struct timeline_second {
    struct timeline_second *next; /* owned; earlier seconds of the same thread */
    uint32_t second;              /* 0: the first after the start */
    uint64_t sent, late;
    uint64_t answers[ANSWER_COUNT];
    struct histogram *latency[ANSWER_CLASS_COUNT]; /* owned; NULL: no answer of this class */
};

struct timeline *timeline_create(void);           /* NULL: no memory */
void timeline_destroy(struct timeline *timeline); /* NULL is fine */
/* The start of second 0, monotonic; before anything is counted. */
void timeline_begin(struct timeline *timeline, int64_t start_ns);
/* A time before the current second counts in that. */
void timeline_sent(struct timeline *timeline, int64_t now_ns, bool late);
void timeline_answered(struct timeline *timeline, int64_t now_ns, enum answer answer,
                       uint64_t latency_us);
/* Hands over a second that is past, although nothing new was counted. */
void timeline_turn(struct timeline *timeline, int64_t now_ns);
/* Hands over the second that is not past, too; by its own thread, or after that has ended. */
void timeline_end(struct timeline *timeline);

/* What was handed over since the last call, the newest first; the caller owns all. NULL: none. */
struct timeline_second *timeline_take(struct timeline *timeline);
/* Something could not be counted: no memory. */
bool timeline_incomplete(const struct timeline *timeline);    /* thread: any */
void timeline_second_finish(struct timeline_second *second);  /* its latencies; not itself */
void timeline_second_destroy(struct timeline_second *second); /* not `next`; NULL is fine */
