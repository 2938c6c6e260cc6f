#include "support/proxy/proxy_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { READ_MAX = 65536 };

struct piece {
    struct piece *next;
    int64_t due_us;
    size_t size;
    size_t sent;
    char bytes[];
};

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wake_in(struct flow *flow, int64_t us)
{
    const struct timeval wait = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

    (void)event_add(flow->timer, &wait);
}

static int64_t due_us(struct flow *flow)
{
    const struct faults *faults = flow->faults;
    int64_t due = now_us() + (int64_t)faults->latency_ms * 1000;

    if (faults->jitter_ms > 0) {
        due += (int64_t)(random() % ((long)faults->jitter_ms * 1000));
    }
    flow->last_due_us = due > flow->last_due_us ? due : flow->last_due_us; /* no reordering */
    return flow->last_due_us;
}

static bool keep(struct flow *flow, const char *bytes, size_t size)
{
    struct piece *piece = malloc(sizeof *piece + size);

    if (piece == NULL) {
        return false;
    }
    *piece = (struct piece){.due_us = due_us(flow), .size = size};
    memcpy(piece->bytes, bytes, size);
    *flow->end = piece;
    flow->end = &piece->next;
    flow->held += size;
    return true;
}

static void drop_first(struct flow *flow)
{
    struct piece *piece = flow->first;

    flow->first = piece->next;
    if (flow->first == NULL) {
        flow->end = &flow->first;
    }
    free(piece);
}

/* What may be sent of a piece now. 0: the route is cut here. */
static size_t allowed(const struct flow *flow, const struct piece *piece)
{
    const struct faults *faults = flow->faults;
    size_t size = piece->size - piece->sent;

    if (faults->slice > 0 && size > faults->slice) {
        size = faults->slice;
    }
    if (faults->bandwidth > 0 && size > faults->bandwidth / 50 + 1) {
        size = faults->bandwidth / 50 + 1;
    }
    if (faults->is_limited) {
        const uint64_t left = faults->limit > flow->passed ? faults->limit - flow->passed : 0;
        size = size < left ? size : (size_t)left;
    }
    return size;
}

static void sent(struct flow *flow, size_t size)
{
    const struct faults *faults = flow->faults;
    int64_t pause_us = faults->slice > 0 ? faults->slice_gap_us : 0;

    if (faults->bandwidth > 0) {
        pause_us += (int64_t)size * 1000000 / faults->bandwidth;
    }
    flow->first->sent += size;
    flow->held -= size;
    flow->passed += faults->is_limited ? size : 0;
    flow->next_send_us = now_us() + pause_us;
    if (flow->first->sent == flow->first->size) {
        drop_first(flow);
    }
}

/* False: nothing more now, or the flow broke and is closed. */
static bool send_some(struct flow *flow)
{
    const int64_t now = now_us();
    int64_t at = flow->first->due_us;

    at = at > flow->next_send_us ? at : flow->next_send_us;
    if (at > now) {
        wake_in(flow, at - now);
        return false;
    }
    const size_t size = allowed(flow, flow->first);
    if (size == 0) {
        flow->on_broken(flow->arg);
        return false;
    }
    const ssize_t done = send(flow->to, flow->first->bytes + flow->first->sent, size, MSG_NOSIGNAL);
    if (done > 0) {
        sent(flow, (size_t)done);
        return true;
    }
    if (errno == EAGAIN || errno == ENOTCONN) {
        (void)event_add(flow->writable, NULL);
    } else {
        flow->on_broken(flow->arg);
    }
    return false;
}

static void on_writable(int fd, short what, void *arg)
{
    struct flow *flow = arg;

    (void)fd, (void)what;
    if (flow->faults->is_blackhole) {
        return;
    }
    while (flow->first != NULL) {
        if (!send_some(flow)) {
            return;
        }
    }
    if (flow->has_ended) {
        (void)shutdown(flow->to, SHUT_WR);
        flow->is_shut = true;
        flow->on_shut(flow->arg);
        return;
    }
    (void)event_add(flow->readable, NULL);
}

static void on_readable(int fd, short what, void *arg)
{
    struct flow *flow = arg;
    char bytes[READ_MAX];

    (void)what;
    if (flow->faults->is_blackhole || flow->held >= FLOW_HELD_MAX) {
        (void)event_del(flow->readable); /* flow_wake() or the next send looks again */
        return;
    }
    const ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (size < 0 || (size > 0 && !keep(flow, bytes, (size_t)size))) {
        flow->on_broken(flow->arg);
        return;
    }
    if (size == 0) {
        flow->has_ended = true;
        (void)event_del(flow->readable);
    }
    on_writable(flow->to, EV_WRITE, flow);
}

bool flow_open(struct flow *flow, struct event_base *base, int from, int to,
               const struct faults *faults)
{
    flow->faults = faults;
    flow->from = from;
    flow->to = to;
    flow->first = NULL;
    flow->end = &flow->first;
    flow->readable = event_new(base, from, EV_READ | EV_PERSIST, on_readable, flow);
    flow->writable = event_new(base, to, EV_WRITE, on_writable, flow);
    flow->timer = event_new(base, -1, 0, on_writable, flow);
    if (flow->readable == NULL || flow->writable == NULL || flow->timer == NULL) {
        return false;
    }
    return event_add(flow->readable, NULL) == 0;
}

static void free_event(struct event **event)
{
    if (*event != NULL) {
        event_free(*event);
    }
    *event = NULL;
}

void flow_close(struct flow *flow)
{
    free_event(&flow->readable);
    free_event(&flow->writable);
    free_event(&flow->timer);
    while (flow->first != NULL) {
        drop_first(flow);
    }
}

void flow_wake(struct flow *flow)
{
    flow->next_send_us = 0;
    flow->passed = 0;
    if (!flow->has_ended) {
        (void)event_add(flow->readable, NULL);
    }
    if (!flow->is_shut) {
        wake_in(flow, 0);
    }
}
