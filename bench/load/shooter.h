/* shooter: one thread of the generator, with a loop, connections and a share of the attempts of
 * its own.
 * Why:    an attempt goes out at its time whatever became of those before it; when no connection
 *         is free it waits, and the wait counts as latency.
 * Never:  drops an attempt; shares anything that changes, but its tally and its timeline.
 * Thread: shooter_run() is a thread; all else its creator's.  Owner: the caller of
 *         shooter_create(). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "followup.h"
#include "options.h"
#include "plan.h"
#include "request.h"
#include "tally.h"
#include "timeline.h"

struct shooter;

/* Shared by all shooters; does not change after the start, but for the flags. */
struct run {
    const struct options *options; /* borrowed, as the rest */
    const struct plan *plan;
    const struct request_maker *maker;
    const struct followup *followup;      /* NULL: winners do nothing more */
    uint64_t attempts;                    /* of all threads; UINT64_MAX: until the end */
    int64_t start_ns, measure_ns, end_ns; /* set before `go`; end_ns INT64_MAX: none */
    atomic_bool go;                       /* begin */
    atomic_bool stop;                     /* make no more attempts, wait for answers */
};

int64_t shooter_now_ns(void); /* monotonic */

struct shooter *shooter_create(const struct run *run, uint32_t thread); /* NULL: no memory */
void shooter_destroy(struct shooter *shooter);                          /* NULL is fine */
/* Thread function: opens all connections, waits for `go`, works, returns when all was answered. */
void *shooter_run(void *shooter);
struct tally *shooter_tally(struct shooter *shooter);
struct timeline *shooter_timeline(struct shooter *shooter); /* to be collected from (series.h) */

enum shooter_phase {
    SHOOTER_OPENING,
    SHOOTER_READY,
    SHOOTER_RUNNING,
    SHOOTER_FAILED,
    SHOOTER_DONE
};
enum shooter_phase shooter_phase(const struct shooter *shooter); /* thread: any */
const char *shooter_trouble(const struct shooter *shooter); /* FAILED: why; static or its own */
