/* live: the line of one second, on stderr, while it runs.
 * Why:    who watches sees a stall when it happens.
 * Never:  calls anything but accepted orders a sale.
 * Thread: the first. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "series.h"

enum { LIVE_SIZE = 1024 };

/* "  12 s  sent 8000 …", without an end of line; what is too long is cut. */
void live_format(uint32_t second, const struct series_latest *latest, char text[LIVE_SIZE]);
void live_print(uint32_t second, const struct series_latest *latest);
