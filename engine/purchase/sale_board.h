/* sale_board: a reactor's local copy of the sales: terms, newest replies, memory of "no".
 * Why:    what a request needs to know before Redis is asked is here, with the age that it may have
 *         (PROTOCOL §3.2, §3.8, §4): the catalogue is read again and again, sales that are asked
 *         for are polled.
 * Never:  says that a sale does not exist unless a catalogue read sent within the last second says
 *         so; believes a reply of another epoch; decides a purchase.
 * Thread: loop.  Owner: the reactor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "admission/gate.h"
#include "common/err.h"
#include "domain/ids.h"
#include "inventory/stock.h"
#include "purchase/sale_table.h"
#include "purchase/sale_waiters.h"

struct loop;
struct metrics_shard;
struct outbox;
struct redis_link;
struct sale_board;

/* A reply at an even version says a no of these kinds, and no filter covers it. */
struct scan_wish {
    struct sale_id sale;
    uint32_t epoch;
    uint64_t version;
    struct no_kinds kinds;
};

struct sale_board_options {
    struct loop *loop; /* borrowed, outlives the board; so do the next three */
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t poll_ms, catalogue_ms, ack_ms;
    uint32_t sales_max;
    uint32_t bloom_error_ppm;
    void (*on_scan_wanted)(void *arg, const struct scan_wish *wish);
    void *scan_arg;
};
struct sale_board *sale_board_create(
    const struct sale_board_options *options);     /* NULL: no memory */
void sale_board_destroy(struct sale_board *board); /* NULL is fine */

/* The sale is asked for: it is polled for the next second. `*ret_sale` is set when KNOWN, for this
 * turn. */
enum gate_sale sale_board_ask(struct sale_board *board, struct sale_id sale,
                              struct board_sale **ret_sale);
/* Without asking for it: NULL when not in the catalogue. */
struct board_sale *sale_board_look(struct sale_board *board, struct sale_id sale);
int sale_board_find_sku(struct sale_board *board, const struct board_sale *sale,
                        const struct sku *sku);
/* The newest reply is of the sale's epoch and at most 1 s old, from the sending of its call. */
bool sale_board_is_fresh(const struct sale_board *board, const struct board_sale *sale);
/* Asks Redis now; `done` once, when a reply has come or at the deadline. ERR_BUSY: too many wait.
 * */
MUST_CHECK enum err sale_board_await(struct sale_board *board, struct board_sale *sale,
                                     int64_t deadline_us, sale_waiters_fn *done, void *arg);

/* A reply of stock: stock's on_view leads here. */
void sale_board_see(struct sale_board *board, const struct sale_view *view);
/* The link has passed its handshake: everything that rested on the old one is asked for again. */
void sale_board_on_link(struct sale_board *board);
/* A filter was built; the board takes a share of its own if it fits. */
void sale_board_offer(struct sale_board *board, const struct winners *winners);

/* For the relay: the sales in no order. */
uint32_t sale_board_count(const struct sale_board *board);
struct board_sale *sale_board_at(struct sale_board *board, uint32_t index);

/* For readiness. Milliseconds since the sending of the read that confirmed the catalogue; -1: never
 * confirmed on this link. */
int64_t sale_board_catalogue_age_ms(const struct sale_board *board);
bool sale_board_is_rebuilding(const struct sale_board *board); /* the last read said so */
