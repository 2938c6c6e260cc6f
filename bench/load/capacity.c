#include "capacity.h"

#include <math.h>

static const double US_PER_S = 1e6;
static const double BYTES_PER_MIB = 1 << 20;
static const uint32_t ENOUGH = 1000000000; /* nobody has more, and it fits the type */

/* At least one. A hair above a whole number is that number: 0.21 / 0.7 is 0.30000000000000004. */
static uint32_t round_up(double exact)
{
    const double whole = ceil(exact - 1e-9);
    return whole < 1 ? 1 : whole > ENOUGH ? ENOUGH : (uint32_t)whole;
}

static uint32_t divide_up(uint32_t value, uint32_t by)
{
    return (value + by - 1) / by;
}

void capacity_answer(const struct capacity_question *question, struct capacity *ret_capacity)
{
    struct capacity answer = {
        .peak_qps = question->baseline_qps * question->factor,
        .usable = 1 - question->headroom,
        .redis_bytes = (double)question->orders * question->bytes_per_order,
        .settle_per_second = (double)question->orders / question->settle_within_s,
    };

    answer.engine_cores = answer.peak_qps * question->engine_us / US_PER_S;
    answer.reactors_exact = answer.engine_cores / answer.usable;
    answer.reactors = round_up(answer.reactors_exact);
    answer.engines = divide_up(answer.reactors, question->reactors);

    answer.redis_cores =
        question->redis_us < 0 ? -1 : answer.peak_qps * question->redis_us / US_PER_S;
    answer.redis_fits = answer.redis_cores <= answer.usable;
    answer.redis_bytes_exact = answer.redis_bytes / answer.usable;
    answer.redis_mib = round_up(answer.redis_bytes_exact / BYTES_PER_MIB);

    answer.consumers_exact =
        answer.settle_per_second / (question->orders_per_second * answer.usable);
    answer.partitions = round_up(answer.consumers_exact);
    answer.workers = divide_up(answer.partitions, question->consumers);
    *ret_capacity = answer;
}
