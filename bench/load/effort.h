/* effort: what the generator's own work cost it, and whether it held the run up itself.
 * Why:    a generator that is short of time measures itself; it has to say so.
 * Never:  judges the server.
 * Thread: the one that is measured; the judgement any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of one thread, or of the worst of several. */
struct effort {
    double busy;   /* share of one core */
    double waited; /* share of the time in which it could have run and had no core */
};
struct effort_mark {
    int64_t wall_ns, cpu_ns, waited_ns;
};

struct effort_mark effort_mark(void); /* of the calling thread */
struct effort effort_since(const struct effort_mark *begin);
struct effort effort_worst(struct effort one, struct effort two);
/* More than one in a hundred was held up by the generator, or a thread had no time left. */
bool effort_is_bottleneck(struct effort worst, uint64_t held_up, uint64_t sent);
