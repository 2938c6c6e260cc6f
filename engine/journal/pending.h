/* pending: who waits for which delivery report, in the order of handing over.
 * Why:    a report names its record by a handle, which stops resolving once the record was given up
 *         (X4); the age of the oldest is what sheds purchases (PROTOCOL §3.2).
 * Never:  grows; calls anybody back: its owner does.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct pending;

typedef void pending_done_fn(void *arg, enum err status);
struct pending_record {
    pending_done_fn *done;
    void *arg;
    int64_t appended_us;
};

struct pending *pending_create(uint32_t records_max); /* NULL: no memory */
void pending_destroy(struct pending *pending);        /* NULL is fine; calls nobody */
/* The handle, never 0; 0: full. */
uint64_t pending_put(struct pending *pending, const struct pending_record *record);
/* Takes it out. false: it was taken before. */
bool pending_take(struct pending *pending, uint64_t handle, struct pending_record *ret_record);
/* false: nothing is pending. */
bool pending_take_oldest(struct pending *pending, struct pending_record *ret_record);
uint32_t pending_count(const struct pending *pending);
int64_t pending_oldest_us(const struct pending *pending); /* 0: nothing is pending */
