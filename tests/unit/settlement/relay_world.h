/* relay_world: MySQL's rows and Redis' sale as the relay's tests need them.
 * Why:    the relay alone is linked with these fakes of what stands below it.
 * Never:  linked with the real ones.
 * Thread: any; each Criterion test is a process of its own, so the world starts anew in each. */
#pragma once

#include "domain/sale.h"
#include "ledger/outbox_store.h"

enum { ROWS_MAX = 1100, HOLD_MS = 1500 };

/* One sale, number 7. */
struct relay_world {
    struct outbox_row rows[ROWS_MAX];
    bool confirmed[ROWS_MAX];
    size_t row_count;
    uint32_t epoch;
    bool is_crowded;            /* more sales wait than a round takes */
    struct sale_id asked_after; /* of the last list of sales that wait */
    bool is_leading;
    int64_t now_us;
    enum sale_state state;
    uint64_t version;
    enum err redis_err; /* what every Redis call answers instead of working */
    uint32_t held, stock, announcements, applies;
    uint32_t totals, sweeps;
    uint32_t bounds; /* calls of bound_sweep() */
    bool is_stopped;
    char verbs[256];
};
extern struct relay_world world;
