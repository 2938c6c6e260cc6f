/* proxy_flow: one direction of a proxied connection, with the faults of its route.
 * Why:    a slow, cut or silent network is told by what happens to bytes on their way; each piece
 *         that was read carries the time at which it may go on.
 * Never:  reorders or changes bytes; holds more than FLOW_HELD_MAX of a direction.
 * Thread: the loop's.  Owner: proxy_link. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_HELD_MAX = 1 << 20 };

/* What a route does to one direction. Zeroed: nothing. */
struct faults {
    uint32_t latency_ms;
    uint32_t jitter_ms;    /* added to latency, 0 to this, by chance */
    uint32_t bandwidth;    /* bytes a second; 0: as many as come */
    uint32_t slice;        /* bytes in a piece; 0: as they come */
    uint32_t slice_gap_us; /* between two pieces */
    bool is_blackhole;     /* nothing goes on, nothing ends; what is held goes on later */
    bool is_limited;       /* the connection is reset after `limit` more bytes */
    uint64_t limit;
};

struct piece;

struct flow {
    const struct faults *faults; /* borrowed: the route's */
    struct event *readable;      /* owned */
    struct event *writable;      /* owned */
    struct event *timer;         /* owned */
    int from;
    int to;
    struct piece *first;
    struct piece **end;
    size_t held;
    uint64_t passed; /* bytes since the limit was set */
    int64_t last_due_us;
    int64_t next_send_us; /* bandwidth and slices */
    bool has_ended;       /* the sender's side is shut */
    bool is_shut;         /* and so is the receiver's: nothing will come any more */
    /* Reset, error or the limit; closes the flow. */
    void (*on_broken)(void *arg);
    void (*on_shut)(void *arg);
    void *arg;
};

/* Both descriptors are borrowed and do not block; `to` may be connecting. False: no memory. */
bool flow_open(struct flow *flow, struct event_base *base, int from, int to,
               const struct faults *faults);
void flow_close(struct flow *flow);
/* Faults were changed: looks again at what is held and what may be read. */
void flow_wake(struct flow *flow);
