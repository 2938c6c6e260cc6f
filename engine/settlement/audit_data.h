/* audit_data: what the audit has read, for those who judge it.
 * Why:    reading three services and judging figures are two things.
 * Never:  seen outside of settlement/audit*.c.
 * Thread: that of audit_run(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/sale_reader.h"
#include "ledger/order_audit.h"
#include "ledger/sale_store.h"
#include "settlement/audit.h"
#include "settlement/audit_list.h"

struct order_log_blocking;

/* What moves while a sale is on. */
struct motion {
    uint64_t lag;          /* records not settled */
    uint64_t beyond;       /* places behind the log's end: impossible */
    uint64_t redis_outbox; /* entries */
    uint64_t sql_outbox;   /* rows for Redis */
    bool has_meta;
    struct sale_meta meta;
};

struct sku_figures {
    uint64_t live;       /* units of live rows */
    uint64_t counted;    /* units of rows that were ever in sold */
    int64_t ledger;      /* sum of deltas */
    uint64_t left, held; /* in Redis */
};

struct audit {
    const struct audit_context *context;
    struct sale_row row;
    struct order_log_blocking *log; /* owned */
    struct audit_report *report;
    char *why; /* AUDIT_TEXT_SIZE */
    struct motion motion;
    struct sku_figures skus[SALE_SKUS_MAX];
    struct audit_list rows, told_rows, records, entries;
    uint64_t unreadable; /* records of the log */
    struct order_findings findings;
    uint64_t dead_of_sale, dead_of_none;
};

/* Makes the checks of `audit->report` from what was read. No I/O. */
void audit_judge(struct audit *audit);
