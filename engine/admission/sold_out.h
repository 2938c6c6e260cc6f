/* sold_out: the "no" from memory of one sale on one reactor.
 * Why:    losers must not reach Redis, and winners must never hear "no": a no is a lease (PROTOCOL
 *         §3.8).
 * Never:  says no under an odd version, by a reply to a call sent T ago or longer, by a filter
 *         whose scan began before the no was true, or to a buyer who may be in that filter; reads a
 *         clock; does I/O.
 * Thread: that of its owner.  Owner: whoever holds the struct (purchase/sale_board). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/assert.h"
#include "domain/ids.h"
#include "domain/sale.h"

struct bloom;

/* What a reply said no to. A sku is named by its place in the sale's definition; sold out means
 * that 0 units were left, not that fewer were left than somebody asked. */
struct no_kinds {
    uint64_t skus; /* bit i: sku i has 0 left */
    bool paused, ended;
};
static_assert(SALE_SKUS_MAX <= 64, "one bit a sku");

bool no_kinds_any(const struct no_kinds *kinds);
/* Every kind of `part` is in `whole`. */
bool no_kinds_cover(const struct no_kinds *whole, const struct no_kinds *part);
struct no_kinds no_kinds_union(const struct no_kinds *a, const struct no_kinds *b);

/* All buyers with an order, read after a reply at (epoch, version) said no of these kinds. */
struct winners {
    struct sale_id sale;
    uint32_t epoch;
    uint64_t version;      /* even */
    struct no_kinds kinds; /* true in a reply that was received before the scan began */
    int64_t scan_began_us; /* monotonic */
    struct bloom *buyers;  /* a share of it; NULL: no filter */
};

struct sold_out {
    uint32_t epoch; /* 0: nothing is remembered */
    uint64_t version;
    struct no_kinds kinds; /* of the last reply */
    int64_t sent_us;       /* when the last call that was answered with (epoch, version) was sent */
    int64_t lease_us;      /* T */
    struct winners winners; /* its share is owned */
};

void sold_out_init(struct sold_out *memory, uint32_t lease_ms);
void sold_out_finish(struct sold_out *memory); /* gives its share of the filter back */

/* A reply at (epoch, version) to a call sent at `sent_us`. What was remembered of another epoch or
 * version is forgotten, the filter with it. Replies come in the order of their calls. */
void sold_out_see(struct sold_out *memory, uint32_t epoch, uint64_t version,
                  const struct no_kinds *kinds, int64_t sent_us);
void sold_out_forget(struct sold_out *memory);
/* A filter was built. Takes a share of its own when it fits the last reply and covers more than the
 * one held; else nothing happens. True: taken. */
bool sold_out_offer(struct sold_out *memory, const struct winners *winners);
/* The last reply said a no, at an even version, that the filter at hand does not cover: a scan is
 * wanted. */
bool sold_out_wants_scan(const struct sold_out *memory);

enum sold_out_answer {
    SOLD_OUT_ASK,          /* nothing may be said: Redis decides */
    SOLD_OUT_ASK_MAYBE,    /* as above, because the buyer may have an order */
    SOLD_OUT_SAY_SOLD_OUT, /* of that sku */
    SOLD_OUT_SAY_PAUSED,
    SOLD_OUT_SAY_ENDED,
};
/* `now_us` was read after the request's last byte had come: never the loop's cached time. `sku` is
 * the place of the sku in the definition. */
enum sold_out_answer sold_out_ask(const struct sold_out *memory, uint32_t sku,
                                  const struct buyer *buyer, int64_t now_us);
