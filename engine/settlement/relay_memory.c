#include "settlement/relay_memory.h"

#include <stdlib.h>
#include <string.h>

/* At most RELAY_SALES_MAX sales are in change at once: a walk is cheap beside the calls that
 * follow. */
struct relay_sale *relay_memory_of(struct relay_memory *memory, struct sale_id sale)
{
    struct relay_sale **unused = NULL;
    struct relay_sale **idle = NULL;

    for (size_t i = 0; i < RELAY_SALES_MAX; i++) {
        struct relay_sale **place = &memory->sales[i];
        if (*place && (*place)->sale.value == sale.value) {
            return *place;
        }
        unused = !*place && !unused ? place : unused;
        idle = *place && (*place)->state == RELAY_IDLE && !idle ? place : idle;
    }
    struct relay_sale **place = unused ? unused : idle;
    if (place && !*place) {
        *place = calloc(1, sizeof **place);
    } else if (place) {
        memset(*place, 0, sizeof **place);
    }
    if (place && *place) {
        (*place)->sale = sale;
    }
    return place ? *place : NULL;
}

void relay_memory_finish(struct relay_memory *memory)
{
    for (size_t i = 0; i < RELAY_SALES_MAX; i++) {
        free(memory->sales[i]);
        memory->sales[i] = NULL;
    }
}
