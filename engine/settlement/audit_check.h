/* audit_check: how a judged promise gets into the report.
 * Why:    each check is one call: the promise, what is compared, the result, the figures.
 * Never:  seen outside of settlement/audit_checks*.c.
 * Thread: that of audit_run(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/metrics.h"
#include "settlement/audit.h"

struct audit;

struct audit_promise {
    uint32_t label;
    const char *id;
    bool is_hard;
};
/* HARD: the sale is frozen when it is broken. */
#define AUDIT_HARD(name)                                                                           \
    (struct audit_promise)                                                                         \
    {                                                                                              \
        LABEL_INVARIANT_##name, #name, true                                                        \
    }
#define AUDIT_SOFT(name)                                                                           \
    (struct audit_promise)                                                                         \
    {                                                                                              \
        LABEL_INVARIANT_##name, #name, false                                                       \
    }

/* `name`: static. Where the result is "not told", the text goes on to say why. */
__attribute__((format(printf, 5, 6))) void audit_check_add(struct audit *audit,
                                                           struct audit_promise promise,
                                                           const char *name,
                                                           enum audit_result result,
                                                           const char *format, ...);
static inline enum audit_result audit_check_always(bool holds)
{
    return holds ? AUDIT_HOLDS : AUDIT_VIOLATED;
}
enum { AUDIT_FIRST_SIZE = 48 };
/* "" or "; first: <order_no>", in a buffer of the caller. */
const char *audit_check_first(char text[static AUDIT_FIRST_SIZE], struct order_no order_no);

/* What was found of rows, returns and payments (settlement/audit_orders). */
void audit_check_orders(struct audit *audit);
