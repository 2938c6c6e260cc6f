/* relay_memory: what the relay has announced and not applied yet, by sale.
 * Why:    an announcement is applied a hold later, by a later round (PROTOCOL §3.8).
 * Never:  is needed for safety: lost, the relay announces again and waits anew.
 * Thread: the relay's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "domain/ids.h"
#include "inventory/sale_loader.h"

enum { RELAY_SALES_MAX = 1024 };

struct relay_sale {
    struct sale_id sale;
    enum { RELAY_IDLE, RELAY_ANNOUNCED_UNITS, RELAY_ANNOUNCED_OPEN } state;
    uint32_t epoch;   /* of the announcement */
    uint64_t version; /* that it left behind */
    int64_t apply_at_us;
    int64_t last_units_us;          /* the last announcement of units; 0: none */
    uint64_t ids[ADJUST_UNITS_MAX]; /* outbox rows that the announcement stands for */
    size_t id_count;
};

/* Zeroed at first. */
struct relay_memory {
    struct relay_sale *sales[RELAY_SALES_MAX]; /* owned, or NULL */
};
/* The sale's place, a new one if it has none. NULL: all places have announcements, or no memory. An
 * idle place is given to another sale only when no free one is left. */
struct relay_sale *relay_memory_of(struct relay_memory *memory, struct sale_id sale);
void relay_memory_finish(struct relay_memory *memory);
