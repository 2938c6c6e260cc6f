/* settle: one partition of a topic becomes MySQL's, a transaction after another with the offset.
 * Why:    every record has its effect exactly once, whatever dies in between; what the effect is,
 *         the kind says: orders (settle_orders.h), notices (settle_notices.h) (PROTOCOL §6).
 * Never:  waits (the caller backs off and keeps polling Kafka); skips a record; takes a lost reply
 *         for a failure.
 * Thread: that of its link.  Owner: the consumer thread of the partition. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/failpoint.h"
#include "common/metrics.h"
#include "domain/order.h"
#include "ledger/dead_store.h"
#include "settlement/freeze.h"

struct mysql_link;
struct notice;
struct offset_claim;
struct settle; /* one partition of the log, owned by this worker */

enum { SETTLE_BATCH_MAX = 1000, SETTLE_FREEZES_MAX = 4 };

/* One record as it was consumed. Offsets ascend. */
struct settle_item {
    uint64_t offset;
    union { /* of which the kind is; borrowed for the call; NULL: could not be read */
        const void *content;
        const struct order_record *record;
        const struct notice *notice;
    };
    const void *payload; /* borrowed for the call: the bytes, for a dead letter */
    size_t payload_size;
    struct order_no hint; /* without content: the order_no, if that much could be read; else 0 */
};

/* Whatever it is: the first `taken` items of the call are in MySQL; go on behind them. */
enum settle_result {
    SETTLE_DONE,        /* at least one item was taken */
    SETTLE_AGAIN,       /* MySQL is away, full or in a deadlock: back off and call again with the
                           rest (a COMMIT whose reply was lost is found then) */
    SETTLE_FENCED,      /* another worker owns the partition: drop the rest, rejoin the group */
    SETTLE_NEWER_EPOCH, /* the next item is of an epoch that MySQL does not have: pause, alarm */
    SETTLE_GAP,         /* the log does not hold the offset that comes next (FK8): nothing behind it
                           is settled; stop the partition, alarm; claim again once it is mended */
};

struct settle_stats {
    uint32_t taken;    /* items, from the first on, that are in MySQL now */
    uint32_t inserted; /* PENDING */
    uint32_t duplicates;
    uint32_t voided_stock, voided_epoch;
    uint32_t quarantined;
    uint32_t dead[DEAD_REASON_COUNT];
    uint32_t found;   /* taken by an earlier call whose reply was lost */
    uint64_t missing; /* SETTLE_GAP: offsets that the log does not hold, logged */
    /* Transactions undone and to be repeated, by this call or its caller: labels of
     * METRIC_sql_retries_total. */
    uint32_t retries[LABEL_SQL_COUNT];
    uint32_t stock_refused; /* of a transaction: the bound, or the epoch, refused its units */
    uint32_t frozen;        /* sales that this call froze: an invariant was violated (D11) */
    uint32_t clashes;       /* dead letters of reason clash: the promise I7 */
    uint32_t slot_clash;    /* orders in a slot that was taken: the promise I4 */
    /* The first causes, told by name; frozen, clashes and slot_clash count all. */
    struct settle_freeze {
        struct sale_id sale;
        struct freeze_cause cause;
        enum freeze_result result;
    } freezes[SETTLE_FREEZES_MAX];
    uint32_t freeze_count;
    unsigned error_code; /* SETTLE_AGAIN: of MySQL (0: none) */
};

struct settle_options {
    const struct settle_kind *kind; /* static: what the records are */
    struct mysql_link *link;        /* borrowed, outlives the settle */
    const char *topic;              /* copied */
    uint32_t part;
    const char *owner;           /* copied; who this worker is, for operators */
    struct metrics_shard *shard; /* borrowed or NULL: of the thread */
};

/* Of one round of a sweep: how far the ones before it came, and how long it may go on. */
struct settle_turn {
    struct order_no after;      /* begins behind it; 0: at the beginning, as at first */
    bool (*goes_on)(void *arg); /* asked behind each order; NULL: always */
    void *arg;
};

/* What the records of a topic are and become. `state` is that of one partition. */
struct settle_kind {
    size_t record_size; /* of what read() fills */
    /* NULL: `*ret_record` is set. Else what is wrong with the bytes (static), and `*ret_hint` is
     * the order_no if that much could be read. */
    const char *(*read)(const void *bytes, size_t size, void *ret_record,
                        struct order_no *ret_hint);
    void *(*create)(const struct settle_options *options); /* NULL: no memory */
    void (*destroy)(void *state);                          /* NULL is fine */
    /* Of an item; 0: cannot be told. */
    struct order_no (*order_no)(const struct settle_item *item);
    /* ERR_PARSE of write() is of the record's own order: others can go on. Else it may be of a row
     * that all of a sale need, and is waited for as an outage is (K28). */
    bool sets_broken_rows_aside;
    /* In the transaction that the offset shares: the first `*ret_taken` items get their effect; 0
     * with ERR_OK: the first is of a newer epoch. Adds to `stats`. ERR_CONFLICT, ERR_RANGE, or
     * ERR_PARSE (a row of MySQL cannot be read) where they are set aside: fewer are tried;
     * ERR_RANGE or that ERR_PARSE of one alone: it is put into dead_letters by the next
     * transaction. Else as mysql_link.h. */
    enum err (*write)(void *state, const struct offset_claim *claim,
                      const struct settle_item *items, size_t count, struct settle_stats *stats,
                      size_t *ret_taken);
    /* After their COMMIT was reported, but of one that was put aside; NULL: nothing to tell. */
    void (*committed)(void *state, const struct settle_item *items, size_t count);
    /* Counts a call of settle_batch() that took so long. */
    void (*count)(struct metrics_shard *shard, const struct settle_stats *stats, int64_t took_us);
    /* Beside the records, each second by one thread of the worker; NULL: nothing. `*ret_more`: the
     * round broke off, the next goes on behind it and need not wait. Errors as mysql_link.h. */
    enum err (*sweep)(struct mysql_link *link, struct settle_turn *turn,
                      struct metrics_shard *shard, bool *ret_more);
    /* Passed before the first write, behind write(), behind the offset's UPDATE, after COMMIT. */
    struct settle_points {
        enum failpoint begun, written, advanced, committed;
    } points;
};

struct settle *settle_create(const struct settle_options *options); /* NULL: no memory. No I/O */
void settle_destroy(struct settle *settle);                         /* NULL is fine */
/* Takes the partition from whoever had it. SETTLE_DONE: consume from `*ret_next`. SETTLE_AGAIN. */
enum settle_result settle_claim(struct settle *settle, uint64_t *ret_next);
/* At most SETTLE_BATCH_MAX items, at least 1, from the claimed place on. `*ret_stats` is set
 * whatever the result. */
enum settle_result settle_batch(struct settle *settle, const struct settle_item *items,
                                size_t count, struct settle_stats *ret_stats);
/* 1 + the last offset that is known to be in MySQL. */
uint64_t settle_next(const struct settle *settle);
