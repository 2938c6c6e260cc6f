/* tally: what one thread was told, and how long it took.
 * Why:    the reporter looks on while a thread counts: the live numbers are atomic, all others
 *         are read after the thread has ended.
 * Never:  shared by two writers.
 * Thread: its own; tally_look() any. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "answers.h"
#include "effort.h"
#include "histogram.h"

struct tally_record {
    uint64_t order_no; /* 0: none */
    uint32_t buyer;
    uint32_t answer;
};

struct tally {
    atomic_uint_fast64_t sent, late, in_window;
    atomic_uint_fast64_t wanted; /* errors that a request was made for: a bad token's refusal */
    atomic_uint_fast64_t wrong;  /* wins that cannot be: with a bad token, in an unknown sale */
    atomic_uint_fast64_t answers[ANSWER_COUNT]; /* of the whole run */
    uint64_t measured[ANSWER_COUNT];            /* of requests meant for the measured time */
    uint64_t measured_late, reopened;
    uint64_t own_late; /* of the late ones: a connection was free, the generator was not */
    uint64_t dry;      /* attempts that had to wait for their token */
    uint64_t portless; /* times that no connection could be made for want of a port or descriptor */
    uint64_t dropped;  /* connections given up before the answer, on purpose */
    uint64_t unsent;   /* attempts that no connection was free for until the end: timeouts */
    uint64_t paid, cancelled, lapsed; /* orders: by notices and requests that were taken; left */
    struct effort effort;
    struct histogram latency[ANSWER_CLASS_COUNT]; /* of the same */
    struct tally_record *records;                 /* owned */
    size_t record_count, record_capacity;
    bool records_lost; /* no memory: what was told is not complete */
};

/* One more, by the counter's only writer. */
static inline void tally_raise(atomic_uint_fast64_t *counter)
{
    const uint_fast64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + 1, memory_order_relaxed);
}

void tally_finish(struct tally *tally);
/* Room for so many records at once; false: no memory. */
bool tally_reserve(struct tally *tally, size_t records);
void tally_record(struct tally *tally, uint32_t buyer, enum answer answer, uint64_t order_no);
/* An answer to a request that was meant for the measured time. */
void tally_measure(struct tally *tally, enum answer answer, uint64_t latency_us);
/* Adds up what is measured; both threads have ended. */
void tally_merge(struct tally *into, const struct tally *from);

struct tally_view {
    uint64_t sent, late, in_window, answered, wanted, wrong;
    uint64_t answers[ANSWER_COUNT];
};
/* Adds the live numbers to `view`. */
void tally_look(const struct tally *tally, struct tally_view *view);
