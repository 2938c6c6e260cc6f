/* settle: records of the order log become rows, stock and offset, in one transaction a batch.
 * Why:    exactly one row per win, never more sold than total, whatever dies in between (PROTOCOL
 *         §6 settling).
 * Never:  waits (the caller backs off and keeps polling Kafka); skips a record; takes a lost reply
 *         for a failure.
 * Thread: that of its link.  Owner: the consumer thread of the partition. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "domain/order.h"
#include "ledger/dead_store.h"
#include "settlement/freeze.h"

struct mysql_link;
struct settle; /* one partition of the log, owned by this worker */

enum { SETTLE_BATCH_MAX = 1000, SETTLE_FREEZES_MAX = 4 };

/* One record as it was consumed. Offsets ascend. */
struct settle_item {
    uint64_t offset;
    const struct order_record *record; /* borrowed for the call; NULL: could not be read */
    const void *payload;               /* borrowed for the call: the bytes, for a dead letter */
    size_t payload_size;
    struct order_no hint; /* without a record: the order_no, if that much could be read; else 0 */
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
    struct mysql_link *link; /* borrowed, outlives the settle */
    const char *topic;       /* copied */
    uint32_t part;
    const char *owner; /* copied; who this worker is, for operators */
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
