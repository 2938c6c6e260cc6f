/* payment_world: a few orders, and everything that can happen to them by notices, the reaper, the
 * operator and a rebuild, in an order that chance gives; each step is held against a model that was
 * written a second time (payment_model.h).
 * Why:    money that counts twice, or a unit that comes back twice, needs an order of events that
 *         nobody thinks of. The same histories are played on fakes and on a real server.
 * Never:  knows which of the two it plays on: `ops` does.
 * Thread: that of the test. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ledger/mysql_link.h"
#include "ledger/order_life.h"
#include "ledger/payment_store.h"
#include "settlement/notice_apply.h"

enum { WORLD_ORDERS = 3, WORLD_NOTICES_MAX = 40, WORLD_EVENTS_MAX = 96 };

struct world_told { /* an event to the shop */
    uint32_t order; /* its index */
    char verb[33];
    uint32_t version;
};
struct world_told_list {
    struct world_told told[WORLD_EVENTS_MAX];
    uint32_t count;
};
struct world_stock {
    uint64_t sold;     /* of sale_skus */
    uint64_t returned; /* Σ delta of returns in the ledger */
};

/* What differs between fakes and a server. All assert that it works. `arg` is theirs. */
struct world_ops {
    void *arg;
    struct mysql_link *link;
    struct order_no (*order_no)(void *arg, uint32_t order);
    void (*settle)(void *arg, uint32_t order, bool is_newer_version); /* its record has come */
    void (*cut)(void *arg);                                           /* a load raises the epoch */
    uint32_t (*close_overdue)(void *arg);                             /* how many were closed */
    enum err (*refund)(void *arg, uint32_t order, bool restock);
    enum err (*decide)(void *arg, uint32_t order, bool is_void); /* what is QUARANTINED */
    bool (*find)(void *arg, uint32_t order, struct order_row *ret_row);
    struct world_stock (*stock)(void *arg);
    void (*told)(void *arg, struct world_told_list *ret_list);
};

/* Plays one history. NULL: every step was as the model says; else what was not (static). */
const char *payment_world_play(const struct world_ops *ops, uint64_t seed);

struct world_seeds {
    uint64_t first, count;
};
/* Which histories are played: PAYMENT_SEED of the environment alone, or as many from there on as
 * PAYMENT_HISTORIES says; without them `histories` from a seed that the clock gives. The first is
 * told on stderr. What the histories log is silenced: it is no incident. */
struct world_seeds payment_world_seeds(uint64_t histories);
