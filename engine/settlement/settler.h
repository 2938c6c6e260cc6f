/* settler: one consumer thread: a topic's records to settle, with the patience that this takes.
 * Why:    settle decides what becomes of a record; the settler joins the group, claims partitions,
 *         waits while MySQL is away without leaving the group, and stops a partition that must not
 *         go on (PROTOCOL §5, §6).
 * Never:  skips a record; resets an offset; puts an outage into dead_letters.
 * Thread: its own, but settler_look(): any.  Owner: the caller of settler_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"
#include "ledger/mysql_link.h"

struct conf;
struct settle_kind;
struct settler;
struct waiter;

enum { SETTLER_TEXT_SIZE = 256 };

struct settler_options {
    const struct settle_kind *kind; /* static: what the records are */
    const char *topic, *group;      /* borrowed, outlive the settler */
    const char *group_suffix;       /* static: behind the group's name; NULL: nothing */
    const char *client_name;        /* static; the index is put behind it */
    enum metric lag_metric;         /* by partition */
    const struct conf *conf;        /* borrowed, outlives the settler */
    struct mysql_link *mysql;       /* borrowed, outlives the settler: this thread's own */
    struct waiter *waiter;          /* borrowed: ends settler_run() */
    const char *owner;              /* borrowed: who this worker is */
    uint32_t index;                 /* of the thread, for names */
    struct metrics_shard *shard;    /* borrowed or NULL: this thread's own */
};
struct settler *settler_create(const struct settler_options *options); /* NULL: no memory. No I/O */
void settler_destroy(struct settler *settler);                         /* NULL is fine */
/* Until the waiter is stopped; the session is dropped then. */
void settler_run(struct settler *settler);

struct settler_state {
    bool is_paused;                      /* MySQL is away, or Kafka: `why` */
    char why[SETTLER_TEXT_SIZE];         /* "" when all is well */
    uint32_t partitions;                 /* assigned */
    uint32_t stopped_partitions;         /* a gap, beyond the end, a newer epoch: an alarm */
    char stopped_why[SETTLER_TEXT_SIZE]; /* which, and why; "" when none */
    uint64_t lag_records;
    int64_t oldest_age_ms; /* of the oldest record in hand; 0: none */
};
/* A copy of the last state. Thread: any. */
void settler_look(struct settler *settler, struct settler_state *ret_state);
