/* capacity_print: a plan with its arithmetic, line by line, and as JSON.
 * Why:    who pays for machines wants to see why.
 * Never:  shows a result without what it comes from.
 * Thread: any. */
#pragma once

#include <stdbool.h>

#include "capacity.h"
#include "measured.h"

struct capacity_sources {
    const char *report; /* its path */
    const char *engine, *redis;
    bool bytes_measured; /* else the default, or as told */
    bool bytes_told;
    bool rate_told; /* else from the report */
};

void capacity_print(const struct capacity_question *question, const struct capacity *capacity,
                    const struct measured *measured, const struct capacity_sources *sources);
/* False: told on stderr. */
bool capacity_write_json(const struct capacity_question *question, const struct capacity *capacity,
                         const struct measured *measured, const struct capacity_sources *sources,
                         const char *path);
