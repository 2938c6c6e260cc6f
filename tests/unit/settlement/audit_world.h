/* audit_world: fakes of all that the audit reads, each of which may fail.
 * Why:    the order of the reading, and what is named when a part of it fails, are told apart.
 * Never:  judges: audit_judge() is a fake, too.
 * Thread: that of the test; each Criterion test is a process of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "ledger/sale_control.h"

enum { NOW_MS = 5000 };

/* One step of the reading, each of which may fail. */
enum step {
    READ_SALE = 1,
    CREATE_LOG,
    META,
    OUTBOX_COUNT,
    ENDS,
    NOTICE_ENDS,
    OFFSETS,
    PENDING,
    CONFIRMED,
    DUE,
    CLOCK,
    SNAPSHOT,
    ROWS,
    LEDGER,
    FINDINGS,
    PAYMENTS,
    DEAD,
    LOG,
    NOTICES,
    EVENT,
    UNITS,
    ENTRIES,
    APPLIED,
    MARK,
    STEP_COUNT
};

struct audit_world {
    enum step fails;
    uint64_t sql_outbox, redis_outbox;
    uint64_t overdue;
    bool others_sell; /* at each look one record more is settled, and one is not */
    uint32_t looks;
    uint32_t moves_at;               /* from this look on Redis' seq is another; 0: never */
    uint32_t confirms_at;            /* from this look on Redis has confirmed a change; 0: never */
    uint32_t cut_at;                 /* from this look on both are of another epoch; 0: never */
    uint32_t sql_epoch, redis_epoch; /* as judged: the last readings */
    bool ends_by_sleep;
    uint32_t judged;
    size_t rows, records, entries; /* as judged */
    uint64_t live;
    bool is_open, in_snapshot;
    uint64_t new_ledger_rows;
    bool is_broken; /* a hard promise is */
    enum sale_control control;
    enum err freeze_err;
    uint32_t freezes;
};
extern struct audit_world world;
