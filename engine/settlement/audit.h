/* audit: Redis, Kafka and MySQL as they are, compared.
 * Why:    the promise is checked by figures, not believed (PROTOCOL §1, §6); operators and every
 *         test end with it.
 * Never:  repairs; trusts one of the three; says "holds" of what it could not compare; lets a sale
 *         go on whose hard promise is broken (settlement/freeze).
 * Thread: one that may block.  Owner: the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct conf;
struct mysql_link;
struct redis_blocking;
struct waiter;

enum { AUDIT_CHECKS_MAX = 24, AUDIT_TEXT_SIZE = 256 };

enum audit_result {
    AUDIT_HOLDS,
    AUDIT_VIOLATED,
    AUDIT_NOT_TOLD, /* cannot be told now, `found` says why: ask again */
};

struct audit_check {
    uint32_t label;   /* of METRIC_invariant_violations_total */
    const char *id;   /* of the promise: "I1"; static */
    const char *name; /* static */
    bool is_hard;     /* who breaks it, is frozen */
    enum audit_result result;
    char found[AUDIT_TEXT_SIZE]; /* figures, and the first thing that is wrong */
};

struct audit_report {
    struct sale_id sale;
    bool at_rest;   /* nothing of the sale was on its way between the three while they were read */
    bool is_frozen; /* by this audit, or it was */
    uint32_t violations;
    uint32_t untold;
    uint32_t check_count;
    struct audit_check checks[AUDIT_CHECKS_MAX];
};

struct audit_context {
    struct mysql_link *mysql;     /* borrowed for the call */
    struct redis_blocking *redis; /* borrowed for the call */
    struct waiter *waiter;        /* borrowed for the call */
    const struct conf *conf;      /* borrowed: brokers, topic */
    uint32_t rest_wait_ms;        /* how long to wait for rest */
};

/* ERR_OK: `*ret_report` is complete, whatever it found. ERR_NOT_FOUND: no such sale. Else a service
 * could not be read: `why` says which. */
MUST_CHECK enum err audit_run(const struct audit_context *context, struct sale_id sale,
                              struct audit_report *ret_report, char why[static AUDIT_TEXT_SIZE]);
const char *audit_result_name(enum audit_result result); /* "holds"; static */
