/* audit_log: every record of the order log, and what became of it (I5 to I7, I13, I14).
 * Why:    MySQL was read in one moment and the log after it, so that what stands before MySQL's
 *         place is settled for good, and what stands behind it is on its way: a sale that runs is
 *         judged as exactly as one at rest.
 * Never:  I/O.
 * Thread: that of its owner. */
#pragma once

#include "settlement/audit_list.h"

/* All by partition. */
enum { AUDIT_PARTITIONS_MAX = 256 };
struct audit_places {
    uint64_t next[AUDIT_PARTITIONS_MAX];        /* MySQL's: 1 + the last record applied */
    uint64_t owner_epoch[AUDIT_PARTITIONS_MAX]; /* 0: nobody has claimed it */
    uint64_t first[AUDIT_PARTITIONS_MAX];       /* the oldest record there; UINT64_MAX: none */
};

/* A record at `place` is not settled yet. */
bool audit_places_is_behind(const struct audit_places *places, uint64_t place);
/* The log does not reach back to it. What the worker has not come to yet was never removed. */
bool audit_places_is_too_old(const struct audit_places *places, uint64_t place);

/* Content of an item of `dead`. */
enum audit_dead { AUDIT_DEAD_NONE, AUDIT_DEAD_OPEN, AUDIT_DEAD_RESOLVED };
/* `dead` is sorted by place. */
enum audit_dead audit_log_dead_at(const struct audit_list *dead, uint64_t place);

/* The lists are sorted by audit_list_sort(), but for `dead`, which is sorted by place. */
struct audit_log_input {
    const struct audit_places *places;
    const struct audit_list *records;    /* content, place: every record, copies too */
    const struct audit_list *unreadable; /* place */
    const struct audit_list *rows;       /* content, place: one a number */
    const struct audit_list *dead;
};
struct audit_log_findings {
    uint64_t in_flight;  /* records behind MySQL's place */
    uint64_t applied;    /* the record that its row names */
    uint64_t duplicates; /* another copy of it */
    uint64_t set_aside;  /* in dead_letters, an operator has dealt with it */
    uint64_t waiting;    /* in dead_letters, open */
    uint64_t skipped;    /* passed, but neither row nor dead letter */
    uint64_t different;  /* passed, but its row says something else */
    uint64_t clashes;    /* numbers with two contents, not dealt with */
    uint64_t rows_alone; /* no record of their number */
    uint64_t misplaced;  /* rows whose place holds no record of their number */
    uint64_t too_old;    /* rows whose place is before the log's beginning: cannot be told */
    uint64_t beyond;     /* rows behind MySQL's place, their record is there: it was put back */
    struct order_no first_skipped, first_different, first_clash, first_alone, first_beyond;
};
void audit_log_judge(const struct audit_log_input *input, struct audit_log_findings *ret_findings);
/* Sorts dead letters and unreadable records by place. */
void audit_log_sort_places(struct audit_list *list);
