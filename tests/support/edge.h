/* edge: an http_server on a loop thread of its own, and a blocking client of it.
 * Why:    the edge is tested over real loopback sockets; handlers may answer when the test says so.
 * Never:  waits without a deadline.
 * Thread: the test's; handlers run on the loop's. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/metrics.h"
#include "http/http_server.h"
#include "loop/loop.h"

enum { EDGE_HELD_MAX = 64, EDGE_DEADLINE_MS = 30000 };

struct edge {
    struct loop *loop;
    struct http_server *server;
    struct metrics *metrics;
    uint16_t port;
    pthread_t thread;
    size_t big_size; /* of /big */
    bool shed;
    struct http_exchange *held[EDGE_HELD_MAX]; /* loop's thread only; by order of arrival */
    uint32_t held_count;
    uint32_t drained_count;
};

/* Small ceilings and long deadlines; the test changes what it is about. */
struct http_server_options edge_options(void);
/* Routes: GET|HEAD /ok "ok" · POST /echo (any body) · POST /json (JSON) · GET /hold (until
 * edge_answer) · GET /big · GET /v1/sales/{sale}/orders/{order} "sale order" · GET /trace: request
 * id and traceparent · GET /problem: sold-out with a link · GET /retry: overloaded · GET /vital:
 * "ok", never shed. `options` without loop, address, port, routes, shard and shed. */
void edge_start(struct edge *edge, const struct http_server_options *options);
/* With the routes of another module. Takes over `metrics`. */
void edge_start_with(struct edge *edge, const struct http_server_options *options,
                     const struct http_route *routes, uint32_t route_count,
                     struct metrics *metrics);
/* Destroys the server on its thread, with whatever is open. */
void edge_stop(struct edge *edge);
/* Runs `fn(arg)` on the loop's thread and waits for it. */
void edge_call(struct edge *edge, loop_fn *fn, void *arg);
/* Waits until so many exchanges are held. */
void edge_await_held(struct edge *edge, uint32_t count);
/* Answers the held exchange of that number with 200 and its number as text. */
void edge_answer(struct edge *edge, uint32_t number);
void edge_answer_here(struct edge *edge, uint32_t number); /* on the loop's thread */
void edge_answer_big(struct edge *edge, uint32_t number);  /* as /big does */
uint32_t edge_held(struct edge *edge);
bool edge_client_gone(struct edge *edge, uint32_t number);
uint32_t edge_connections(struct edge *edge);
uint32_t edge_exchanges(struct edge *edge);
void edge_await_connections(struct edge *edge, uint32_t count);
void edge_await_exchanges(struct edge *edge, uint32_t count);
void edge_drain(struct edge *edge);
void edge_drain_here(struct edge *edge); /* on the loop's thread */
void edge_await_drained(struct edge *edge);

/* One millisecond, inside a loop that has a deadline. */
void edge_pause(void);

/* All below fail the test when the deadline passes. */
int edge_connect(const struct edge *edge);
/* With a small receive buffer: the server's send is short. */
int edge_connect_narrow(const struct edge *edge);
/* edge_start(), and such a client for which /big is more than the kernel keeps on its way; the
 * caller's to close. */
int edge_start_narrow(struct edge *edge, const struct http_server_options *options);
void edge_send(int fd, const char *text);
void edge_send_bytes(int fd, const char *data, size_t size);
struct edge_reply {
    int status;
    char head[4096]; /* with its empty line */
    char *body;      /* owned, NUL-terminated */
    size_t body_size;
};
/* One reply by its Content-Length; `no_body`: of a HEAD, or an interim one. */
void edge_receive(int fd, bool no_body, struct edge_reply *ret_reply);
void edge_reply_finish(struct edge_reply *reply);
/* A field's value, copied to `value`; false: absent. */
bool edge_reply_field(const struct edge_reply *reply, const char *name, char *value, size_t size);
/* The next reply has this status and (NULL: any) this body. */
void edge_expect(int fd, int status, const char *body);
/* Nothing more comes, and the server has closed. */
void edge_expect_end(int fd);
/* Sends, expects a problem of that code and then the end; closes. */
void edge_expect_refused(const struct edge *edge, const char *text, int status, const char *code);
/* Sends, expects that status and that body; closes. */
void edge_exchange(const struct edge *edge, const char *text, int status, const char *body);
