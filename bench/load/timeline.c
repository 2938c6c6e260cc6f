#include "timeline.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { NS_PER_S = 1000000000 };

struct timeline {
    int64_t start_ns, turn_ns;               /* turn_ns: the end of the current second */
    struct timeline_second *current;         /* owned; NULL: nothing was counted in it yet */
    uint32_t second;                         /* the current one */
    _Atomic(struct timeline_second *) taken; /* owned; handed over, the newest first */
    atomic_bool incomplete;
};

struct timeline *timeline_create(void)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);

    if (timeline) {
        timeline_begin(timeline, 0);
    }
    return timeline;
}

void timeline_destroy(struct timeline *timeline)
{
    if (!timeline) {
        return;
    }
    timeline_end(timeline);
    for (struct timeline_second *at = timeline_take(timeline), *next; at; at = next) {
        next = at->next;
        timeline_second_destroy(at);
    }
    free(timeline);
}

void timeline_begin(struct timeline *timeline, int64_t start_ns)
{
    timeline->start_ns = start_ns;
    timeline->turn_ns = start_ns + NS_PER_S;
    timeline->second = 0;
}

void timeline_end(struct timeline *timeline)
{
    struct timeline_second *past = timeline->current;

    if (!past) {
        return;
    }
    timeline->current = NULL;
    past->next = atomic_load_explicit(&timeline->taken, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&timeline->taken, &past->next, past,
                                                  memory_order_release, memory_order_relaxed)) {
    }
}

void timeline_turn(struct timeline *timeline, int64_t now_ns)
{
    if (now_ns < timeline->turn_ns) {
        return;
    }
    timeline_end(timeline);
    timeline->second = (uint32_t)((now_ns - timeline->start_ns) / NS_PER_S);
    timeline->turn_ns = timeline->start_ns + ((int64_t)timeline->second + 1) * NS_PER_S;
}

/* The second that `now_ns` is in; NULL: no memory. */
static struct timeline_second *current(struct timeline *timeline, int64_t now_ns)
{
    timeline_turn(timeline, now_ns);
    if (!timeline->current) {
        timeline->current = calloc(1, sizeof *timeline->current);
        if (!timeline->current) {
            atomic_store(&timeline->incomplete, true);
            return NULL;
        }
        timeline->current->second = timeline->second;
    }
    return timeline->current;
}

void timeline_sent(struct timeline *timeline, int64_t now_ns, bool late)
{
    struct timeline_second *second = current(timeline, now_ns);

    if (second) {
        second->sent++;
        second->late += late;
    }
}

void timeline_answered(struct timeline *timeline, int64_t now_ns, enum answer answer,
                       uint64_t latency_us)
{
    struct timeline_second *second = current(timeline, now_ns);
    const enum answer_class class = answer_class(answer);

    if (!second) {
        return;
    }
    second->answers[answer]++;
    if (!second->latency[class]) {
        second->latency[class] = calloc(1, sizeof *second->latency[class]);
    }
    if (second->latency[class]) {
        histogram_add(second->latency[class], latency_us);
    } else {
        atomic_store(&timeline->incomplete, true);
    }
}

struct timeline_second *timeline_take(struct timeline *timeline)
{
    return atomic_exchange_explicit(&timeline->taken, NULL, memory_order_acquire);
}

bool timeline_incomplete(const struct timeline *timeline)
{
    return atomic_load(&timeline->incomplete);
}

void timeline_second_finish(struct timeline_second *second)
{
    for (uint32_t i = 0; i < ANSWER_CLASS_COUNT; i++) {
        free(second->latency[i]);
        second->latency[i] = NULL;
    }
}

void timeline_second_destroy(struct timeline_second *second)
{
    if (second) {
        timeline_second_finish(second);
        free(second);
    }
}
