/* audit_data: what the audit has read, for those who judge it.
 * Why:    reading three services and judging figures are two things.
 * Never:  seen outside of settlement/audit*.c, and their tests.
 * Thread: that of audit_run(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "inventory/sale_reader.h"
#include "journal/log_ends.h"
#include "ledger/order_audit.h"
#include "ledger/sale_store.h"
#include "settlement/audit.h"
#include "settlement/audit_list.h"
#include "settlement/audit_log.h"
#include "settlement/audit_notices.h"
#include "settlement/audit_orders.h"

/* So long after everything has healed nothing is overdue or parked any more (I23). */
enum { AUDIT_SETTLE_MS = 60000 };

/* What moves while a sale is on. */
struct motion {
    uint64_t lag;          /* records before the goal that are not settled, of all sales */
    uint64_t beyond;       /* places behind the log's end: impossible */
    uint64_t redis_outbox; /* entries */
    uint64_t sql_outbox;   /* rows for Redis */
    uint64_t confirmed;    /* of these, confirmed since the reading began */
    uint64_t notices_lag;  /* records of the notices' log that are not applied, of all sales */
    uint64_t notices_beyond;
    uint64_t overdue; /* orders that should have been closed long ago */
    bool has_meta;
    struct sale_meta meta;
};

struct sku_figures {
    uint64_t live;               /* units of live rows */
    uint64_t kept;               /* of REFUNDED ones that stay in sold */
    uint64_t counted;            /* units of rows that were ever in sold */
    int64_t supplied, returned;  /* by the ledger */
    int64_t since_load;          /* of both: by rows of this epoch */
    uint64_t left, held, in_use; /* in Redis; in_use: units of live orders there */
};

struct audit {
    const struct audit_context *context;
    struct audit_report *report;
    char *why;                         /* AUDIT_TEXT_SIZE */
    struct log_ends *ends;             /* owned */
    size_t budget;                     /* bytes that the lists may still take */
    int64_t since_ms;                  /* the database's clock when the reading began */
    uint64_t goal[LOG_PARTITIONS_MAX]; /* ends of the log with all of this sale, as of `aimed` */
    bool has_goal;
    struct motion aimed;
    struct motion before, after; /* all that follows was read between these looks */
    /* MySQL in one moment, the first that was read */
    struct sale_row row;
    struct audit_places places;
    struct audit_list rows, dead, ledger; /* ledger: ids, as order_no */
    uint64_t ledger_mark;
    struct audit_orders orders;
    uint64_t dead_of_sale, dead_of_none; /* open ones */
    struct audit_places notice_places;
    struct audit_list payments, notice_dead;
    uint64_t notice_dead_of_sale, notice_dead_of_none;
    /* the log, after it */
    struct audit_list records, unreadable;
    struct audit_list notices, notices_unreadable;
    uint64_t notices_elsewhere; /* records whose event has its row with another sale's order */
    /* Redis, after that */
    struct audit_list entries;
    uint64_t in_flight;    /* records of this sale, when MySQL was read; by audit_judge() */
    uint64_t applied_gone; /* ledger ids that were applied and are in the ledger no more */
    uint32_t epoch_max;    /* of any order in Redis or MySQL */
    /* MySQL once more, behind the last look */
    struct sale_row row_after;
    uint64_t mark_after;
    struct sku_figures skus[SALE_SKUS_MAX];
};

/* All of MySQL in one moment: row to payments. `why` is set. */
MUST_CHECK enum err audit_mysql_read(struct audit *audit);
/* Into `audit->notices`, after audit_mysql_read(); one that is told again, of an event whose row is
 * another sale's, is counted instead. `item`: as there. ERR_NO_MEMORY; of MySQL, `why` is set. */
MUST_CHECK enum err audit_mysql_keep_notice(struct audit *audit, const struct notice *notice,
                                            const struct audit_item *item);
/* The places of a topic's consumer; `first` is still unknown. `why` is set. */
MUST_CHECK enum err audit_mysql_places(struct audit *audit, const char *topic,
                                       struct audit_places *ret_places);
/* Names MySQL in `why`, and passes the error on. */
enum err audit_by_mysql(struct audit *audit, enum err err);
void audit_see_epoch(struct audit *audit, struct order_no order_no);

/* Makes the checks of `audit->report` from what was read. No I/O. */
void audit_judge(struct audit *audit);
