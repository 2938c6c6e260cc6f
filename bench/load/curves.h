/* curves: the charts of a report: rates, latencies and CPU over time, and the distribution.
 * Why:    what happens in a second is seen at a glance.
 * Never:  draws outcomes of two classes as one line.
 * Thread: the first. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "report.h"

/* All charts that the report has answers for; false: no memory. */
bool curves_write(FILE *page, const struct report *report);
