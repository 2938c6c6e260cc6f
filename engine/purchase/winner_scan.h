/* winner_scan: builds the filters of buyers who have an order, once per process (PROTOCOL §3.8).
 * Why:    all reactors share one immutable filter of a sale; reading its buyers once is enough.
 * Never:  begins a scan before the wish for it came; goes on with a scan over a new link; offers a
 *         filter before a call that was sent after the scan's end has been answered with the same
 *         epoch and version: HSCAN is not fenced, and a FLUSHALL in its middle would leave winners
 *         out.
 * Thread: loop of the reactor that runs it; others reach it by loop_post().  Owner: that reactor.
 *         */
#pragma once

#include <stdint.h>

#include "inventory/stock.h"
#include "purchase/sale_board.h"

struct loop;
struct metrics_shard;
struct winner_scan;

enum { WINNER_SCAN_SALES_MAX = 256, WINNER_SCAN_RUNNING_MAX = 4 };

struct winner_scan_options {
    struct loop *loop; /* borrowed, outlives the scan; so does stock */
    struct stock *stock;
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t bloom_error_ppm;
    /* A filter is ready: borrowed for the call; who keeps it takes a share. */
    void (*on_winners)(void *arg, const struct winners *winners);
    void *arg;
};
struct winner_scan *winner_scan_create(
    const struct winner_scan_options *options); /* NULL: no memory */
/* Nothing of stock may call back after this: its scans are over. NULL is fine. */
void winner_scan_destroy(struct winner_scan *scan);

/* Somebody's reply said a no that no filter covers. Wishes of one sale are merged; one scan of a
 * sale runs at a time, at most WINNER_SCAN_RUNNING_MAX of all. A wish that finds no room is
 * dropped: it comes again. */
void winner_scan_wish(struct winner_scan *scan, const struct scan_wish *wish);
/* A reply of stock: it may prove a finished scan. */
void winner_scan_see(struct winner_scan *scan, const struct sale_view *view);
