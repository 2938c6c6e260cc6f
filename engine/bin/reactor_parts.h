/* reactor_parts: what a reactor is made of. Inside bin/reactor*.c only.
 * Why:    building and tearing down is long and says one thing: the order.
 * Never:  runs anything.
 * Thread: build: init; tear down: the reactor's.  Owner: bin/reactor. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "api/api_reply.h"
#include "bin/reactor.h"
#include "loop/timer.h"

struct api_cancel;
struct api_notices;
struct api_orders;
struct api_own_orders;
struct api_own_read;
struct api_payments;
struct api_sales;
struct http_server;
struct order_log;
struct outbox;
struct outbox_relay;
struct producer;
struct purchases;
struct redis_link;
struct sale_board;
struct stock;
struct winner_scan;

enum { REACTOR_NAME_SIZE = 32 };

struct reactor {
    struct reactor_options with;
    char name[REACTOR_NAME_SIZE];
    struct metrics_shard *shard; /* the registry's */
    struct loop *loop;           /* all below are owned */
    struct redis_link *link;
    struct outbox *outbox;
    struct stock *stock;
    struct order_log *order_log;
    struct producer *notices_log;
    struct sale_board *board;
    struct winner_scan *scan; /* of reactor 0 only */
    struct outbox_relay *relay;
    struct purchases *purchases;
    struct identity *identity;
    struct api_reply reply;
    struct api_orders *orders;
    struct api_own_read *own_read;
    struct api_own_orders *own_orders;
    struct api_notices *notices;
    struct api_cancel *cancel;
    struct api_payments *payments;
    struct api_sales *sales;
    struct http_server *server;

    struct timer state_timer, drain_timer;
    bool is_draining;       /* the gate refuses */
    bool is_server_drained; /* the last connection has gone */
    bool has_acks;          /* scratch: an acknowledgement waits */
    bool has_thread;
    pthread_t thread;
};

/* Everything from the shard to the server, bottom up. On failure `error` may hold a line; what was
 * made stays, for reactor_parts_tear_down(). */
MUST_CHECK enum err reactor_parts_build(struct reactor *reactor,
                                        char error[static REACTOR_ERROR_SIZE]);
/* All but the loop, whatever of it is there. */
void reactor_parts_tear_down(struct reactor *reactor);
