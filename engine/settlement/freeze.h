/* freeze: the one way in which a sale is stopped because a promise does not hold.
 * Why:    what sells on a broken promise breaks it further. MySQL first, Redis at once through the
 *         SQL outbox, and whoever is called finds the cause in the log, the metric and admin_log
 *         (PROTOCOL §6 frozen).
 * Never:  ends a process; opens a sale again (an operator does); names a buyer.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"
#include "domain/ids.h"

struct mysql_link;

enum { FREEZE_FOUND_SIZE = 256 };

struct freeze_cause {
    uint32_t label; /* of METRIC_invariant_violations_total */
    const char *id; /* of the promise: "I4"; static */
    const char *by; /* the actor in admin_log: "worker", "audit"; static */
    char found[FREEZE_FOUND_SIZE];
};
/* The first two members: struct freeze_cause cause = {FREEZE_PROMISE(I4), .by = "worker"}; */
#define FREEZE_PROMISE(name) .label = LABEL_INVARIANT_##name, .id = #name

/* What came of it. */
enum freeze_result {
    FREEZE_DONE,    /* nothing is sold from the commit on */
    FREEZE_ALREADY, /* it was frozen: this cause is noted in admin_log, too */
    FREEZE_NOTHING, /* it is ended, or MySQL has no such sale: nothing is sold anyway */
};

/* Inside the caller's transaction: control, outbox row and admin_log row. After its commit the
 * caller tells it by freeze_alarm(). */
MUST_CHECK enum err freeze_sale_in(struct mysql_link *link, struct sale_id sale,
                                   const struct freeze_cause *cause,
                                   enum freeze_result *ret_result);
/* The log line, with cause and next step. */
void freeze_alarm(struct sale_id sale, const struct freeze_cause *cause, enum freeze_result result);
/* The same as one transaction, with the alarm and the metric; `shard` is the calling thread's, or
 * NULL: the caller counts. ret_result may be NULL. */
MUST_CHECK enum err freeze_sale(struct mysql_link *link, struct sale_id sale,
                                const struct freeze_cause *cause, struct metrics_shard *shard,
                                enum freeze_result *ret_result);
