/* outbox_relay: finishes what an engine left behind (PROTOCOL §3.6).
 * Why:    a win whose engine died before its report is in Redis only; whoever holds the sale's
 *         lease produces it again.
 * Never:  asks the fence or the sale's state: what was decided must reach the log whatever came
 *         after; produces an entry that it has not seen in a sweep at least age_ms earlier, by its
 *         own clock, or that this engine has under way; acknowledges an entry of which one report
 *         is missing.
 * Thread: loop.  Owner: the reactor. */
#pragma once

#include <stdint.h>

struct loop;
struct metrics_shard;
struct order_log;
struct outbox;
struct outbox_relay;
struct redis_link;
struct sale_board;

enum {
    RELAY_ENTRIES_MAX = 128, /* of one sale, oldest first, in one look */
    RELAY_SALES_MAX = 64,    /* watched at a time: those with something in the outbox */
    RELAY_REPLAYS_MAX = 256, /* entries produced again at a time */
};

struct outbox_relay_options {
    struct loop *loop; /* borrowed, outlives the relay; so do the next four */
    struct redis_link *link;
    struct outbox *outbox;
    struct order_log *order_log;
    struct sale_board *board;
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t sweep_ms, lease_ms, age_ms;
};
struct outbox_relay *outbox_relay_create(
    const struct outbox_relay_options *options); /* NULL: no memory */
/* Nothing of the link or of the log may call back after this: both are closed. NULL is fine. */
void outbox_relay_destroy(struct outbox_relay *relay);
