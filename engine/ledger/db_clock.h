/* db_clock: the database's clock, read.
 * Why:    what is overdue, and what changed since, is judged by one clock alone (I20).
 * Never:  the process's own.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct mysql_link;

/* NOW(3) in milliseconds since the Unix epoch. */
MUST_CHECK enum err db_clock_read(struct mysql_link *link, int64_t *ret_now_ms);
