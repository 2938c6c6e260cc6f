/* event_holds: orders and sales whose next event must not be put now.
 * Why:    events of one order go one behind the other: while one is under way, failed or was
 *         refused, the later ones of its order wait, and those of others do not (PROTOCOL §5).
 * Never:  grows.
 * Thread: that of its owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVENT_HOLDS_MAX = 1024 };

enum event_hold_why {
    EVENT_HOLD_UNDER_WAY, /* put, not reported */
    EVENT_HOLD_LOST,      /* its report was a failure, or did not come */
    EVENT_HOLD_REFUSED,   /* by the topic, for good */
};
struct event_hold {
    uint64_t key; /* the order's number, or that of the sale */
    int64_t until_us;
    enum event_hold_why why;
};
struct event_holds {
    struct event_hold holds[EVENT_HOLDS_MAX];
    size_t count;
};

/* Holds the key until then, in place of what held it before. False: there is no room. */
bool event_holds_put(struct event_holds *holds, uint64_t key, int64_t until_us,
                     enum event_hold_why why);
void event_holds_release(struct event_holds *holds, uint64_t key); /* not held is fine */
/* Forgets those whose time is over. */
void event_holds_expire(struct event_holds *holds, int64_t now_us);
bool event_holds_has(const struct event_holds *holds, uint64_t key);
size_t event_holds_count(const struct event_holds *holds, enum event_hold_why why);
