#include "settlement/event_holds.h"

/* The place of the key, or `count`. */
static size_t find(const struct event_holds *holds, uint64_t key)
{
    size_t i = 0;

    while (i < holds->count && holds->holds[i].key != key) {
        i++;
    }
    return i;
}

bool event_holds_put(struct event_holds *holds, uint64_t key, int64_t until_us,
                     enum event_hold_why why)
{
    const size_t i = find(holds, key);

    if (i == EVENT_HOLDS_MAX) {
        return false;
    }
    holds->count += i == holds->count ? 1 : 0;
    holds->holds[i] = (struct event_hold){.key = key, .until_us = until_us, .why = why};
    return true;
}

void event_holds_release(struct event_holds *holds, uint64_t key)
{
    const size_t i = find(holds, key);

    if (i < holds->count) {
        holds->holds[i] = holds->holds[--holds->count];
    }
}

void event_holds_expire(struct event_holds *holds, int64_t now_us)
{
    for (size_t i = holds->count; i > 0; i--) {
        if (holds->holds[i - 1].until_us <= now_us) {
            holds->holds[i - 1] = holds->holds[--holds->count];
        }
    }
}

bool event_holds_has(const struct event_holds *holds, uint64_t key)
{
    return find(holds, key) < holds->count;
}

size_t event_holds_count(const struct event_holds *holds, enum event_hold_why why)
{
    size_t count = 0;

    for (size_t i = 0; i < holds->count; i++) {
        count += holds->holds[i].why == why ? 1 : 0;
    }
    return count;
}
