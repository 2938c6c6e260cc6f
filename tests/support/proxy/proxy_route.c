#include "support/proxy/proxy_route.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 512 };

struct link {
    struct route *route;
    struct link *next;
    struct link **at;
    int client;
    int server;
    struct flow up;
    struct flow down;
};

static int new_socket(void)
{
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

static void link_close(struct link *link, bool reset)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    flow_close(&link->up);
    flow_close(&link->down);
    if (reset) {
        (void)setsockopt(link->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        (void)setsockopt(link->server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    (void)close(link->client);
    (void)close(link->server);
    *link->at = link->next;
    if (link->next != NULL) {
        link->next->at = link->at;
    }
    free(link);
}

static void on_broken(void *arg)
{
    link_close(arg, true);
}

static void on_shut(void *arg)
{
    struct link *link = arg;

    if (link->up.is_shut && link->down.is_shut) {
        link_close(link, false);
    }
}

static int connect_to(uint16_t port)
{
    const struct sockaddr_in address = loopback(port);
    const int fd = new_socket();

    /* A refusal shows as an error of the first read or write. */
    if (fd >= 0) {
        (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
    }
    return fd;
}

static void link_open(struct route *route, int client)
{
    struct link *link = calloc(1, sizeof *link);
    const int server = connect_to(route->target);

    if (link == NULL || server < 0) {
        free(link);
        (void)close(client);
        (void)close(server);
        return;
    }
    link->route = route;
    link->client = client;
    link->server = server;
    link->next = route->links;
    link->at = &route->links;
    if (route->links != NULL) {
        route->links->at = &link->next;
    }
    route->links = link;
    link->up.on_broken = link->down.on_broken = on_broken;
    link->up.on_shut = link->down.on_shut = on_shut;
    link->up.arg = link->down.arg = link;
    if (!flow_open(&link->up, route->base, client, server, &route->up)
        || !flow_open(&link->down, route->base, server, client, &route->down)) {
        link_close(link, true);
    }
}

static void on_acceptable(int fd, short what, void *arg)
{
    const int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int on = 1;

    (void)what;
    if (client >= 0) {
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        link_open(arg, client);
    }
}

bool route_listen(struct route *route)
{
    const struct sockaddr_in address = loopback(route->port);
    const int on = 1;

    if (route->listener >= 0) {
        return true;
    }
    const int fd = new_socket();
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0
        || listen(fd, BACKLOG) != 0) {
        (void)close(fd);
        return false;
    }
    route->acceptable = event_new(route->base, fd, EV_READ | EV_PERSIST, on_acceptable, route);
    route->listener = fd;
    return route->acceptable != NULL && event_add(route->acceptable, NULL) == 0;
}

void route_refuse(struct route *route)
{
    if (route->acceptable != NULL) {
        event_free(route->acceptable);
        route->acceptable = NULL;
    }
    if (route->listener >= 0) {
        (void)close(route->listener);
        route->listener = -1;
    }
}

void route_cut(struct route *route)
{
    while (route->links != NULL) {
        link_close(route->links, true);
    }
}

void route_wake(struct route *route)
{
    for (struct link *link = route->links; link != NULL; link = link->next) {
        flow_wake(&link->up);
        flow_wake(&link->down);
    }
}

uint32_t route_link_count(const struct route *route)
{
    uint32_t count = 0;

    for (const struct link *link = route->links; link != NULL; link = link->next) {
        count++;
    }
    return count;
}

struct route *route_open(struct event_base *base, const char *name, uint16_t port, uint16_t target)
{
    struct route *route = calloc(1, sizeof *route);

    if (route == NULL) {
        return NULL;
    }
    route->base = base;
    route->port = port;
    route->target = target;
    route->listener = -1;
    memcpy(route->name, name, strnlen(name, ROUTE_NAME_MAX));
    if (!route_listen(route)) {
        route_close(route);
        return NULL;
    }
    return route;
}

void route_close(struct route *route)
{
    route_refuse(route);
    route_cut(route);
    free(route);
}
