/* connection: one kept-alive connection of the generator: a request out, an answer in.
 * Why:    raw sockets on libevent's events: a send and a recv for each request.
 * Never:  sends a request again: what became of the first is the buyer's question.
 * Thread: that of its event base.  Owner: the pool that holds it. */
#pragma once

#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "response.h"

struct connection;
struct retry;

enum { CONNECTION_BUFFER_SIZE = 65536 };

enum connection_state { CONNECTION_DOWN, CONNECTION_OPENING, CONNECTION_IDLE, CONNECTION_BUSY };

/* What happens to a connection; called on the loop. */
struct connection_events {
    void (*on_open)(void *arg, struct connection *connection);
    /* A request that had to wait, for the connection or for room in it, is on its way. */
    void (*on_sent)(void *arg, struct connection *connection);
    /* The answer to the request that was sent; the connection is IDLE, or about to be reopened. */
    void (*on_answer)(void *arg, struct connection *connection, const struct response *response);
    /* The connection is DOWN; it was OPENING, IDLE, or BUSY: a request was on its way.
     * `malformed`: what came was no HTTP, else errno may tell why. */
    void (*on_down)(void *arg, struct connection *connection, enum connection_state was,
                    bool malformed);
};

struct connection_group {
    struct event_base *base;         /* borrowed */
    struct connection_events events; /* all set */
    void *arg;
    char *buffer; /* CONNECTION_BUFFER_SIZE, shared: answers that come whole are read from it */
};

struct connection {
    const struct connection_group *group; /* borrowed */
    const struct sockaddr_in *target;     /* borrowed */
    struct sockaddr_in source;            /* port 0: any; family 0: no choice */
    enum connection_state state;
    int fd;
    struct event *read_event, *write_event; /* owned */
    char *kept;                             /* owned: an answer's beginning, or a request's end */
    size_t kept_size, kept_capacity;
    /* the user's own */
    uint32_t target_number;
    bool is_free;
    struct connection *next_free, *previous_free;
    struct attempt attempt;
    struct retry *retry; /* owned: what is sent when this connection was given up; or NULL */
    int64_t due_ns, sent_ns, idle_ns;
};

/* Opens it; on_open or on_down follows in a later turn. False: no descriptor, no memory (errno).
 * */
bool connection_open(struct connection *connection);
/* DOWN only: opens it, to send the request at once; on_sent, or on_down (was OPENING), follows.
 * False: no descriptor, no port, no memory (errno). */
bool connection_request(struct connection *connection, const char *request, size_t size);
/* The request that was given to it has gone out whole. */
bool connection_is_sent(const struct connection *connection);
/* IDLE only. False: the connection went down (on_down was called, it was IDLE: nothing was
 * sent). */
bool connection_send(struct connection *connection, const char *request, size_t size);
/* Closes it without a call. DOWN is fine. */
void connection_close(struct connection *connection);
