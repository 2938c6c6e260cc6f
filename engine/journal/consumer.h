/* consumer: a member of the worker's consumer group, whose place is kept by others.
 * Why:    offsets live in MySQL, in the transaction of the rows; Kafka only shares out partitions
 *         (PROTOCOL §5, K20, K21).
 * Never:  resets an offset: a gap or a place beyond the end stops the partition and is told (FK7,
 *         FK8); uses librdkafka's batch calls (K23) or the cooperative protocol (K22).
 * Thread: one, that may block; all callbacks run inside consumer_poll(), consumer_keep_alive() and
 *         consumer_destroy() on it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct consumer;

enum { CONSUMER_PARTITIONS_MAX = 256, CONSUMER_TEXT_SIZE = 200 };

/* Where to begin. On an error the partition is not assigned and is asked for again about once a
 * second. */
typedef enum err consumer_assign_fn(void *arg, uint32_t partition, uint64_t *ret_next);
/* The partition goes to another member. REVOKE: finish or roll back now. LOST: another may have it
 * already, what is in hand must be dropped (K26). Its records of the last poll stay readable. */
enum consumer_parting { CONSUMER_REVOKED, CONSUMER_LOST };
typedef void consumer_part_fn(void *arg, uint32_t partition, enum consumer_parting parting);

struct consumer_options {
    const char *brokers, *topic, *group; /* copied */
    const char *client_name;             /* copied */
    uint32_t batch_max;                  /* records of one poll at most */
    uint32_t session_timeout_ms;         /* 0: 10,000 */
    consumer_assign_fn *on_assign;
    consumer_part_fn *on_part;
    void *arg;
};
/* Joins the group in the background. ERR_CONFIG: librdkafka refuses a setting (`error` says which),
 * ERR_NO_MEMORY. */
MUST_CHECK enum err consumer_create(const struct consumer_options *options,
                                    char error[static CONSUMER_TEXT_SIZE],
                                    struct consumer **ret_consumer);
/* Leaves the group (on_part runs for what is assigned). May take some seconds. NULL is fine. */
void consumer_destroy(struct consumer *consumer);

struct consumer_record {
    uint32_t partition;
    uint64_t offset;
    const void *payload; /* borrowed until consumer_release(); NULL when payload_size is 0 */
    size_t payload_size;
    int64_t appended_ms; /* wall clock, when it was produced; -1: unknown */
};
/* Grouped by partition; inside one, offsets ascend; a gap between them is the caller's to see. */
struct consumer_batch {
    const struct consumer_record *records; /* borrowed until consumer_release() */
    size_t count;
};
enum consumer_result {
    CONSUMER_BATCH,      /* one record or more */
    CONSUMER_IDLE,       /* none within the wait */
    CONSUMER_GAP,        /* the log begins behind our place (retention): the partition is stopped */
    CONSUMER_BEYOND_END, /* the log ends before our place (recreated?): the partition is stopped */
    CONSUMER_FATAL,      /* the handle is dead: destroy it and create another */
};
/* The last batch must have been released. Waits up to `wait_ms` for the first record, then up to
 * `fill_ms` more for a fuller batch. After GAP and BEYOND_END consumer_trouble() has the
 * particulars; each is returned once, other partitions go on. */
enum consumer_result consumer_poll(struct consumer *consumer, uint32_t wait_ms, uint32_t fill_ms,
                                   struct consumer_batch *ret_batch);
/* Frees the records of the last poll. Fine when there are none. */
void consumer_release(struct consumer *consumer);
/* Stays a member for up to `wait_ms` while the caller holds a batch and waits for MySQL: fetching
 * is paused meanwhile, and goes on with the next consumer_poll(). CONSUMER_IDLE, or as
 * consumer_poll(). */
enum consumer_result consumer_keep_alive(struct consumer *consumer, uint32_t wait_ms);
/* Deliver this partition from `next` on again (drops what was fetched; not what the caller holds).
 * ERR_NOT_FOUND: not assigned. */
MUST_CHECK enum err consumer_rewind(struct consumer *consumer, uint32_t partition, uint64_t next);
/* One partition delivers nothing until resumed (a record of a newer epoch). ERR_NOT_FOUND. */
MUST_CHECK enum err consumer_pause(struct consumer *consumer, uint32_t partition);
/* A paused one, or one that GAP or BEYOND_END stopped: it is asked for again from its place, and
 * told again if the log still has not got it. ERR_NOT_FOUND. */
MUST_CHECK enum err consumer_resume(struct consumer *consumer, uint32_t partition);
bool consumer_is_assigned(struct consumer *consumer, uint32_t partition);

/* Has Kafka told our place, for its lag tools alone: about once a second while polled, and when the
 * partition is left. Comes back at once; failures, and what is not assigned, are ignored. */
void consumer_commit(struct consumer *consumer, uint32_t partition, uint64_t next);

struct consumer_place {
    uint32_t partition;
    uint64_t next;   /* the next offset that poll will deliver */
    uint64_t end;    /* of the log, as the last fetch saw it; `next` when not seen yet */
    bool is_stopped; /* GAP or BEYOND_END */
};
/* The assigned partitions, at most `max`; no I/O. Returns how many. */
uint32_t consumer_places(const struct consumer *consumer, struct consumer_place *places,
                         uint32_t max);
/* What stops a partition, or why the group is not joined; NULL: nothing. Owned by the consumer. */
const char *consumer_trouble(const struct consumer *consumer);
