/* measured: what a plan takes from a report of seckill-bench (--json).
 * Why:    a plan stands on what was measured; what a report lacks is named, never guessed.
 * Never:  takes a member of the wrong type, or a cost of zero, for a number.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEASURED_TROUBLE_SIZE = 512 };

struct measured {
    char started[32], version[32];
    double seconds;           /* measured */
    uint64_t answers;         /* in them */
    double accepted;          /* share of the answers, 0 to 1 */
    uint64_t errors;          /* of the whole run */
    bool audit_failed;        /* asked for, and it does not hold */
    double engine_us;         /* CPU for each request */
    double redis_us;          /* below 0: not in the report */
    double bytes_per_order;   /* below 0: the same */
    double orders_per_second; /* that a consumer settles; below 0: the same */
};

/* `engine` and `redis` are the names that --cpu gave. False: why is in `trouble`. */
bool measured_read(const char *path, const char *engine, const char *redis,
                   struct measured *ret_measured, char trouble[MEASURED_TROUBLE_SIZE]);
