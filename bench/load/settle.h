/* settle: how fast the worker turns records into rows, from its /metrics.
 * Why:    orders are won faster than they are settled; a plan needs the rate of one consumer that
 *         is busy, and the worker counts both the records and the time that they took.
 * Never:  takes the time that a consumer waited for records as work.
 * Thread: the first; it blocks for a few seconds at most. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct settle {
    uint64_t orders; /* settled as new since the worker's start */
    double busy_s;   /* in settling transactions, all consumers together */
};

/* Asks the worker's ops listener, http://ADDRESS:PORT. False: told on stderr. */
bool settle_read(const char *url, struct settle *ret_settle);
/* The same from the text of /metrics; false: it is not the worker's. */
bool settle_parse(const char *metrics, struct settle *ret_settle);
/* Orders a second of one busy consumer between two readings; 0: nothing was settled. */
double settle_rate(const struct settle *before, const struct settle *after);
