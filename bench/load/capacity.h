/* capacity: from what was measured to what a sale needs.
 * Why:    the sizes come from numbers and from arithmetic that anybody can repeat by hand.
 * Never:  assumes in silence: what is not measured is a field of the question; rounds down.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CAPACITY_BYTES_PER_ORDER = 350 };

struct capacity_question {
    double baseline_qps; /* attempts a second on a usual day */
    double factor;       /* the peak in baselines */
    double headroom;     /* share of everything that stays free at the peak, 0 to below 1 */
    uint64_t orders;     /* of the sale, at most */
    double settle_within_s;
    uint32_t reactors;  /* of an engine */
    uint32_t consumers; /* of a worker */
    /* measured */
    double engine_us;         /* CPU for each request, of all engines */
    double redis_us;          /* the same; below 0: not measured */
    double bytes_per_order;   /* in Redis */
    double orders_per_second; /* that one busy consumer settles */
};
struct capacity {
    double peak_qps;
    double usable;         /* of each core: 1 - headroom */
    double engine_cores;   /* busy at the peak */
    double reactors_exact; /* before rounding, as the other two */
    uint32_t reactors, engines;
    double redis_cores;       /* below 0: not measured */
    bool redis_fits;          /* one thread decides a sale; true as well if not measured */
    double redis_bytes;       /* of the orders */
    double redis_bytes_exact; /* with room */
    uint64_t redis_mib;
    double settle_per_second; /* wanted of all consumers */
    double consumers_exact;
    uint32_t partitions, workers;
};

void capacity_answer(const struct capacity_question *question, struct capacity *ret_capacity);
