/* offset_store: the worker's place in each partition, and who owns it.
 * Why:    rows and offset share a transaction; a paused owner must not write after another took
 *         over (K27, I13).
 * Never:  trusts Kafka's group: the fence is in MySQL.
 * Thread: that of the link. Errors as mysql_link.h, and: */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct mysql_link;

enum { OFFSET_TOPIC_SIZE_MAX = 64 };

struct offset_claim {
    char topic[OFFSET_TOPIC_SIZE_MAX + 1];
    uint32_t part;
    uint64_t owner_epoch;
    uint64_t next; /* 1 + the last record applied, at the claim */
};
struct offset_row {
    uint32_t part;
    uint64_t next;
    uint64_t owner_epoch;
    int64_t changed_ms;
};

/* Takes the partition: owner_epoch + 1, whoever had it. No row: next 0. One transaction. ERR_RANGE:
 * topic too long. */
MUST_CHECK enum err offset_store_claim(struct mysql_link *link, const char *topic, uint32_t part,
                                       const char *owner, struct offset_claim *ret_claim);
/* Inside the caller's transaction: `from` → `to` > from. ERR_FENCED: another owner, or not at
 * `from`. */
MUST_CHECK enum err offset_store_advance_in(struct mysql_link *link,
                                            const struct offset_claim *claim, uint64_t from,
                                            uint64_t to);
/* ERR_NOT_FOUND: no row, it starts at 0. */
MUST_CHECK enum err offset_store_read(struct mysql_link *link, const char *topic, uint32_t part,
                                      struct offset_row *ret_row);
/* All rows of a topic, by partition. Partitions without a row are at 0. `each` must not use the
 * link. */
typedef enum err offset_row_fn(void *arg, const struct offset_row *row);
MUST_CHECK enum err offset_store_list(struct mysql_link *link, const char *topic,
                                      offset_row_fn *each, void *arg);
/* What became of a COMMIT whose reply was lost (M8): waits for one that is still going on, then
 * `*ret_next` is what MySQL holds. ERR_FENCED: the partition is somebody else's now. */
MUST_CHECK enum err offset_store_resolve(struct mysql_link *link, const struct offset_claim *claim,
                                         uint64_t *ret_next);
