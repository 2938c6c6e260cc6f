/* parts: the partitions that a member of the group was given, where each goes on, and which stand.
 * Why:    every partition that stands must be told until it goes on, whatever the others do (FK7,
 *         FK8).
 * Never:  I/O.
 * Thread: that of its owner. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal/consumer.h"

enum part_state { PART_WAITING, PART_FETCHING, PART_PAUSED, PART_STOPPED };

struct part {
    uint32_t id;
    enum part_state state;
    uint64_t next;
    int64_t low, high; /* of the log, when it STOPPED */
};
struct parts {
    struct part items[CONSUMER_PARTITIONS_MAX];
    uint32_t count;
};

/* NULL: not assigned. */
struct part *parts_find(struct parts *parts, uint32_t id);
/* NULL: not assigned, or WAITING for a place. */
struct part *parts_find_placed(struct parts *parts, uint32_t id);
/* Those that are STOPPED: the first in full, of the others the number; "": none. Cut at `size`. */
void parts_tell_stopped(const struct parts *parts, char *text, size_t size);
