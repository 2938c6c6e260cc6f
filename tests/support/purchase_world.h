/* purchase_world: purchases and outbox of one engine, and around them what can happen to it.
 * Why:    the property test and the fuzz target play the same events, in an order that chance or
 *         bytes choose, and hold every answer against the promise (PROTOCOL §1), told here anew.
 * Plays:  stock (which call takes whom, whether it is run, answered, lost or refused), the order
 *         log (taken, reported, failed), another engine, the relays, the worker, the guard, time.
 * Never:  looks into a purchase; breaks a contract of the headers that it plays.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/outcome.h"
#include "inventory/stock.h"
#include "purchase/purchase.h"
#include "support/sale_model.h"

struct loop;
struct order_log;
struct outbox;
struct redis_link;
struct stock;

enum {
    WORLD_ASKS_MAX = 256, /* in one history */
    WORLD_CALLS_MAX = 256,
    WORLD_CALL_ASKS = 4,
    WORLD_ACKS_MAX = 8,
    WORLD_PURCHASES_MAX = 6,
    WORLD_ENTRIES_MAX = 4,
    WORLD_D_MS = 1000,
    WORLD_PAY_MS = 60000,
    WORLD_PRICE = 4200,
    WORLD_START_US = 1000000,
};

typedef uint32_t world_choose_fn(void *arg, uint32_t n); /* 0 to n - 1 */

struct world_ask {
    struct purchase_world *world;
    int64_t deadline_us;
    bool is_sent, is_decided, is_reported, is_told;
    enum decision decision;     /* as delivered */
    struct model_result result; /* of its run; order NULL: it took nothing */
    bool is_run;                /* `result` is set */
    int append;                 /* of its record; -1: none */
    enum outcome told;
};

/* A call of the script, from its sending on. */
struct world_call {
    uint32_t asks[WORLD_CALL_ASKS];
    uint32_t count, ack_count;
    uint32_t acks[WORLD_ACKS_MAX];
    uint32_t epoch;
    int64_t sent_us, deadline_us;
    enum {
        CALL_SENT,
        CALL_RUN,  /* in Redis; its reply is on the way */
        CALL_LOST, /* the link broke before it was run: it may still be run, for nobody */
        CALL_OVER,
    } state;
    enum { RUN_OK, RUN_LATE, RUN_EPOCH, RUN_FENCED, RUN_BROKEN } answer;
    uint32_t meta_epoch, outbox_first, seq;
    uint64_t version;
    enum sale_state sale_state;
    struct model_entry *entry; /* of its wins; NULL: none */
};

/* An outbox entry of ours that is worth an acknowledgement once all is reported. */
struct world_entry {
    struct model_entry *entry;
    uint64_t handle;
    uint32_t link;       /* generation of the link that it was won on */
    uint32_t unreported; /* of its wins */
    bool is_abandoned;
};

struct purchase_world {
    struct loop *loop;
    struct redis_link *redis;
    struct stock *stock;
    struct order_log *log;
    struct outbox *outbox;       /* the real one */
    struct purchases *purchases; /* the real ones */
    world_choose_fn *choose;
    void *choose_arg;
    stock_view_fn *on_view; /* of a board, which has timers of its own; or NULL */
    void *view_arg;
    struct sale_model model;
    struct world_ask asks[WORLD_ASKS_MAX]; /* as the stock's attempts */
    struct world_call calls[WORLD_CALLS_MAX];
    struct world_entry entries[WORLD_CALLS_MAX];
    uint32_t ask_count, call_count, entry_count;
    uint32_t link;           /* generation */
    uint32_t believed_epoch; /* of the engine */
    int64_t fenced_us;       /* when the fence was closed last */
    bool is_muted;
    const char *broken; /* the first promise that did not hold; NULL: all do */
};

/* loop, link, stock and log are fakes; reused from history to history. */
struct purchase_world *world_create(world_choose_fn *choose, void *choose_arg);
void world_destroy(struct purchase_world *world);
/* New purchases, outbox and sale. */
void world_begin(struct purchase_world *world);

/* A buyer asks, one of three, with one of three keys or none. */
void world_ask(struct purchase_world *world);
/* After anything that may have begun a purchase: takes it in. The ask, or NULL. */
struct world_ask *world_take_in(struct purchase_world *world, int64_t deadline_us);
/* What the buyer heard; order_no 0: none was named. */
void world_told(struct world_ask *ask, enum outcome outcome, struct order_no order_no);

/* Something happens; `which` is any number. Something that cannot happen now does not. */
void world_event(struct purchase_world *world, uint32_t which);
/* All that is on its way ends, in some order, and D passes: everybody is answered, nothing is held
 * back, nothing is lost. */
void world_end(struct purchase_world *world);
