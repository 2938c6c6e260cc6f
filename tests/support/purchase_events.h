/* purchase_events: what happens around the purchases of a purchase_world. Of its own files alone.
 * Thread: the test's. */
#pragma once

#include "loop/loop.h"
#include "purchase/purchase.h"
#include "support/purchase_world.h"

/* A promise does not hold; the first one stays. */
void world_expect(struct purchase_world *world, bool holds, const char *promise);
uint32_t world_choose(struct purchase_world *world, uint32_t n); /* 0 to n - 1 */
/* What any buyer may ask for. */
struct purchase_request world_any_request(struct purchase_world *world);

/* purchase_calls.c. Each does nothing when there is nothing of the kind. */

/* Some of those that wait, or a poll, with acknowledgements; two are under way at most. */
void calls_send(struct purchase_world *world);
void calls_run(struct purchase_world *world); /* Redis runs the oldest that was sent */
/* And the oldest of those that stood in a socket when the link broke. */
void calls_run_lost(struct purchase_world *world);
void calls_answer(struct purchase_world *world); /* the oldest that was run is answered */
void calls_refuse(struct purchase_world *world); /* Redis refuses one before it begins */
void calls_break(struct purchase_world *world);  /* the link, and what is on it */
uint32_t calls_under_way(const struct purchase_world *world);
bool calls_is_waiting(const struct purchase_world *world, uint32_t ask); /* not yet in a call */
/* Of a call that Redis runs. */
void calls_delete_acknowledged(struct purchase_world *world, const struct world_call *call);
/* Ours, that has the order; NULL: none of ours. */
struct world_entry *calls_entry_of(struct purchase_world *world, const struct model_order *order);

/* Every call is answered or lost, every record reported or failed. */
void events_finish(struct purchase_world *world);
/* Acknowledgements that wait ride in polls until there is none. */
void events_acknowledge_all(struct purchase_world *world);
