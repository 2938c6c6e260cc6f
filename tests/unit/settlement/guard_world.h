/* guard_world: MySQL's rows, Redis' sale and the other steps of a load, for the guard's tests.
 * Why:    guard.c and guard_fence.c alone are linked with these fakes of what they call.
 * Never:  linked with the real ones.
 * Thread: any; each Criterion test is a process of its own, so the world starts anew in each. */
#pragma once

#include "inventory/redis_settings.h"
#include "inventory/sale_reader.h"
#include "ledger/guard_store.h"
#include "ledger/sale_store.h"
#include "settlement/guard_job.h"

enum { Q_MS = 3000 };

struct guard_world {
    char trace[1024]; /* what was done, in order; repeated words once */
    uint32_t epoch;   /* in MySQL */
    enum sale_control control;
    uint32_t redis_epoch, meta_guard_ms;
    uint32_t above; /* given to the cut */
    enum err close_err, meta_err, drain_err, cut_err, fill_err, open_err, look_err;
    uint32_t catalogue_busy;   /* times */
    enum guard_step fenced_at; /* the claim is lost at this step; 0: never */
    enum sale_answer look_answer;
    uint32_t looks_to_open; /* looks until the state leaves `loaded`; 0: at once */
    enum guard_step last_step;
    char note[GUARD_NOTE_SIZE_MAX + 1];
    int64_t drained_at_us;
    struct redis_settings settings;
    enum err settings_err, dead_err, outbox_err;
    uint32_t drains_busy; /* times that the drain has to wait */
    uint32_t fills_lost;  /* times that Redis changes under the load */
    uint32_t rows;        /* in admin_log: new steps */
    uint32_t end_fails;   /* times that the end cannot be written */
    bool taken_over;      /* a higher epoch in Redis is of another loader */
    bool is_closed;       /* the fence */
    uint32_t flushes;     /* times that Redis forgets while the log is drained */
    uint32_t zombies;     /* times that another loader opens the fence meanwhile */
    bool is_ended;        /* as Redis has latched */
    enum err end_err;
};
extern struct guard_world world;
/* What all loads of a test share. */
extern struct guard_shared shared;

/* Before each test: a sale that is loaded with epoch 3. */
void guard_world_begin(void);
/* The load of the claim, turn by turn, to its end: what became of it. */
enum err guard_world_load(void);
/* The same; it fails with `err`, and `note` is in what it says. */
void guard_world_must_fail(enum err err, const char *note);
