/* fixture: a loop, a link, and what the tests of inventory/ ask of them, on a private redis-server.
 * Why:    each test reads as what happens, not as how it is waited for.
 * Never:  waits without a deadline.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/metrics.h"
#include "domain/sale.h"
#include "inventory/outbox.h"
#include "inventory/redis_blocking.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "loop/loop.h"
#include "support/redis_server.h"

enum { FIXTURE_DEADLINE_MS = 30000, FIXTURE_SALE = 7 };

struct fixture {
    struct redis_server server;
    struct loop *loop;
    struct redis_link *link;
    struct outbox *outbox;
    struct stock *stock;
    struct redis_blocking *blocking;
    struct metrics *metrics;
    uint32_t ups, downs;   /* calls of on_up, on_down */
    struct sale_view view; /* the newest */
    uint32_t views;
    bool spoils_clock; /* each view leaves the link with a clock that is an hour wrong */
};
/* The link with these time-outs; waits until it is up. Stock: batches of 128, 2 calls. */
void fixture_start(struct fixture *fixture);
/* The same with other options; `before` is said to the server before the link is made. */
void fixture_start_with(struct fixture *fixture, const struct redis_link_options *options,
                        const char *before);
/* Without waiting; `options` has everything but loop, address, port, shard and callbacks. */
void fixture_start_link(struct fixture *fixture, const struct redis_link_options *options);
struct redis_link_options fixture_link_options(void);
void fixture_finish(struct fixture *fixture);

/* Turns the loop until `is_true`; fails the test at the deadline. */
typedef bool fixture_fn(void *arg);
void fixture_wait(struct fixture *fixture, fixture_fn *is_true, void *arg);
void fixture_wait_up(struct fixture *fixture, uint32_t ups);
void fixture_wait_down(struct fixture *fixture, uint32_t downs);
/* A few turns of the loop, for what is deferred. */
void fixture_turn(struct fixture *fixture);

/* Sale 7, skus "a" (stock_a units) and "b" (5): loaded through the loader with `epoch`, opened. */
struct sale_definition fixture_definition(uint32_t epoch, uint32_t stock_a);
void fixture_load(struct fixture *fixture, uint32_t epoch, uint32_t stock_a);

/* One purchase and how it ended. */
struct fixture_attempt {
    struct attempt attempt;
    bool is_decided;
    uint32_t order; /* nth decision of the test */
    enum decision decision;
    bool has_win;
    struct win win;
};
/* Buyer "buyer-<number>", sku "a", one unit, epoch 1, 1 s, key of the number. */
void fixture_attempt(struct fixture *fixture, struct fixture_attempt *attempt, uint32_t number);
void fixture_decide(struct fixture *fixture, struct fixture_attempt *attempt);
void fixture_wait_decided(struct fixture *fixture, struct fixture_attempt *attempts,
                          uint32_t count);
/* All three, for one purchase in this epoch. */
void fixture_decide_one(struct fixture *fixture, struct fixture_attempt *attempt, uint32_t number,
                        uint32_t epoch);

/* Orders as sale_reader_orders() gives them, counted; asserts that their buyers are the test's. */
struct fixture_orders {
    uint32_t orders, ended; /* `ended`: those of them that are not live */
};
enum err fixture_on_order(void *arg, const struct buyer *buyer, const struct order_entry *entry);

/* The integer that redis-server says to `command`. */
int64_t fixture_ask(struct fixture *fixture, const char *command);
/* The scripts `name` calls that INFO commandstats counted, EVALSHA and EVAL. */
int64_t fixture_command_calls(struct fixture *fixture, const char *name);
