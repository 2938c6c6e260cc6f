/* footprint: how much memory a Redis server's data take.
 * Why:    a plan needs the bytes of an order, and only the server knows what they cost it.
 * Never:  writes; runs a command but INFO.
 * Thread: the first; it blocks for a few seconds at most. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* used_memory_dataset of the server at ADDRESS:PORT. False: told on stderr. */
bool footprint_read(const char *where, uint64_t *ret_bytes);
/* The same from the text of INFO memory; false: it is none. */
bool footprint_parse(const char *info, uint64_t *ret_bytes);
