#include "around.h"

#include <stddef.h>

#include "footprint.h"

enum { ORDERS_ENOUGH = 1000 }; /* what else the server keeps is some ten thousand bytes */

bool around_begin(const char *worker, const char *redis, struct around *ret_around)
{
    *ret_around = (struct around){.worker = worker, .redis = redis};
    return (!worker || settle_read(worker, &ret_around->settle_before))
           && (!redis || footprint_read(redis, &ret_around->redis_before));
}

bool around_end(struct around *around)
{
    bool good = true;

    if (around->worker && !settle_read(around->worker, &around->settle_after)) {
        around->worker = NULL;
        good = false;
    }
    if (around->redis && !footprint_read(around->redis, &around->redis_after)) {
        around->redis = NULL;
        good = false;
    }
    return good;
}

double around_settle_rate(const struct around *around)
{
    return around->worker ? settle_rate(&around->settle_before, &around->settle_after) : 0;
}

double around_bytes_per_order(const struct around *around, uint64_t orders)
{
    if (!around->redis || orders < ORDERS_ENOUGH || around->redis_after <= around->redis_before) {
        return 0;
    }
    return (double)(around->redis_after - around->redis_before) / (double)orders;
}
