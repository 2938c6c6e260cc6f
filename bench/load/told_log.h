/* told_log: what all shooters' buyers were told, for a file and for the audit.
 * Why:    both have the same lines.
 * Never:  leaves out what could not be kept: then it says so.
 * Thread: the first. */
#pragma once

#include <stdio.h>

#include "crew.h"
#include "crowd.h"
#include "tools/common/told.h"

/* One line for each answer, appended to `file`: outcome buyer order_no. False: not all of it. */
bool told_log_write(const struct crew *crew, const struct crowd *crowd, FILE *file);
/* The same into a list for the audit. False: no memory, or not all of it. */
bool told_log_add(const struct crew *crew, const struct crowd *crowd, struct told_list *list);
