/* admin_log: who changed what.
 * Why:    each change by an operator, or by an alarm in an operator's place, leaves a row in the
 *         transaction that made it (PROTOCOL §7).
 * Never:  is written outside of a transaction.
 * Thread: that of the link. */
#pragma once

#include "common/err.h"
#include "domain/ids.h"

struct mysql_link;

struct admin_actor {
    const char *name;       /* borrowed; who asks: "admin", "worker" */
    const char *request_id; /* borrowed; "" if there is none */
    const char *why;        /* borrowed; NULL: none. Told in the row of a change of control */
};

/* `detail` is cut at 500 characters. Asserts an open transaction. Errors as mysql_link.h. */
MUST_CHECK enum err admin_log_put(struct mysql_link *link, const struct admin_actor *actor,
                                  const char *action, struct sale_id sale, const char *detail);
