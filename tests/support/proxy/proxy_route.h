/* proxy_route: a listening port, the port behind it, and the connections between.
 * Why:    services and processes are told the route's port; a test then makes that way slow,
 *         silent or broken while they run.
 * Never:  listens on or connects to anything but 127.0.0.1.
 * Thread: the loop's.  Owner: main. */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "support/proxy/proxy_flow.h"

enum { ROUTE_NAME_MAX = 31 };

struct link;

struct route {
    struct event_base *base;
    char name[ROUTE_NAME_MAX + 1];
    uint16_t port;
    uint16_t target;
    struct faults up;         /* from who connects to the service */
    struct faults down;       /* and back */
    int listener;             /* -1: refuses */
    struct event *acceptable; /* owned */
    struct link *links;
    struct route *next;
};

/* NULL: the port is taken, or no memory. */
struct route *route_open(struct event_base *base, const char *name, uint16_t port, uint16_t target);
void route_close(struct route *route);
/* False: the port was taken meanwhile. */
bool route_listen(struct route *route);
/* New connections are refused; those that are open stay. */
void route_refuse(struct route *route);
/* Resets all connections. */
void route_cut(struct route *route);
/* The faults were changed. */
void route_wake(struct route *route);
uint32_t route_link_count(const struct route *route);
