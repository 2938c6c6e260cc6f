#include "effort.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { NS_PER_S = 1000000000, HELD_UP_LIMIT = 100 };

static const double busy_limit = 0.9;

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* The kernel's account: time on a core, time in the queue for one. 0: it keeps none. */
static int64_t queued_ns(void)
{
    int64_t queued = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");

    if (file) {
        if (fscanf(file, "%*d %" SCNd64, &queued) != 1) {
            queued = 0;
        }
        fclose(file);
    }
    return queued;
}

struct effort_mark effort_mark(void)
{
    return (struct effort_mark){
        .wall_ns = clock_ns(CLOCK_MONOTONIC),
        .cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID),
        .waited_ns = queued_ns(),
    };
}

struct effort effort_since(const struct effort_mark *begin)
{
    const struct effort_mark end = effort_mark();
    const double wall = (double)(end.wall_ns - begin->wall_ns);

    if (wall <= 0) {
        return (struct effort){0};
    }
    return (struct effort){
        .busy = (double)(end.cpu_ns - begin->cpu_ns) / wall,
        .waited = (double)(end.waited_ns - begin->waited_ns) / wall,
    };
}

struct effort effort_worst(struct effort one, struct effort two)
{
    return (struct effort){
        .busy = one.busy > two.busy ? one.busy : two.busy,
        .waited = one.waited > two.waited ? one.waited : two.waited,
    };
}

bool effort_is_bottleneck(struct effort worst, uint64_t held_up, uint64_t sent)
{
    return worst.busy + worst.waited > busy_limit || held_up * HELD_UP_LIMIT > sent;
}
