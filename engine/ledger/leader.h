/* leader: one worker at a time does what must not be done twice at once.
 * Why:    the relay announces one change of a sale at a time (PROTOCOL §3.8); the database's named
 *         lock elects who relays, and a dead session gives it back by itself.
 * Never:  is a fence: what a former leader still does must be harmless by itself.
 * Thread: that of the link. Errors as mysql_link.h. */
#pragma once

#include <stdbool.h>

#include "common/err.h"

struct mysql_link;

/* Tries to take, or keeps, the lock `name` (1 to 40 ASCII; one per database) on the link's session,
 * without waiting. Call it before each round: a new session has lost it. */
MUST_CHECK enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading);
