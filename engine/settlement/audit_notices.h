/* audit_notices: every record of the notices' log, and what became of it (I13, I14).
 * Why:    a payment that was passed without a trace is money that somebody paid for nothing.
 * Never:  I/O; judges what a notice did to its order (audit_orders does).
 * Thread: that of its owner. */
#pragma once

#include "settlement/audit_log.h"

/* Items of `records` and `payments`: place, content (hash of the event), entry (of the transaction;
 * 0: none). `unreadable`: place. `dead` as in audit_log_input. The first two are sorted here. */
struct audit_notices_input {
    const struct audit_places *places; /* of this topic */
    struct audit_list *records;        /* of the sale's orders, and of none; copies too */
    const struct audit_list *unreadable;
    struct audit_list *payments; /* rows of the same */
    const struct audit_list *dead;
};
struct audit_notices_findings {
    uint64_t applied;    /* the record that its row names */
    uint64_t repeated;   /* another of the same event, or of the same transaction */
    uint64_t in_flight;  /* behind MySQL's place */
    uint64_t set_aside;  /* in dead_letters, an operator has dealt with it */
    uint64_t waiting;    /* in dead_letters, open */
    uint64_t skipped;    /* passed, but neither row nor dead letter */
    uint64_t rows_alone; /* rows whose place holds no record of their event */
    uint64_t too_old;    /* rows whose place is before the log's beginning: cannot be told */
    uint64_t beyond;     /* rows behind MySQL's place, their record is there: it was put back */
    struct order_no first_skipped, first_alone, first_beyond;
};
void audit_notices_judge(const struct audit_notices_input *input,
                         struct audit_notices_findings *ret_findings);
