/* reactor: one thread of the engine with everything that it needs of its own.
 * Why:    nothing is shared between reactors but immutable filters of winners: no lock, no line of
 *         cache that moves (PROTOCOL §1). Built bottom up on the main thread, torn down on its own.
 * Never:  touched by another thread but through the calls below that say "any".
 * Thread: as each call says.  Owner: bin/engine. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "loop/loop.h"

struct identity_options;
struct metrics;
struct payments;
struct reactor;
struct scan_wish;
struct winners;

enum { REACTOR_ERROR_SIZE = 256, REACTOR_TROUBLE_SIZE = 192 };

/* What a reactor tells of itself, several times a second. */
struct reactor_state {
    uint32_t index;
    bool is_link_up, is_log_ready;
    /* Sales were known, and Redis has no catalogue of this history; none was ever is a fresh
     * installation. */
    bool is_catalogue_lost;
    bool is_catalogue_unread;                /* no read has succeeded on this link */
    bool is_log_weak;                        /* Kafka promises less than the protocol asks */
    char link_trouble[REACTOR_TROUBLE_SIZE]; /* why it is not up, or refuses; "" */
    char log_trouble[REACTOR_TROUBLE_SIZE];  /* why it is not ready, else its weakness */
    /* The topic of notices: payments and cancels need it, selling does not. */
    bool is_notices_ready, is_notices_weak;
    bool is_notices_seen; /* Kafka has said something of it */
    char notices_trouble[REACTOR_TROUBLE_SIZE];
    int64_t catalogue_age_ms; /* -1: never confirmed on this link */
};

struct reactor_options {
    uint32_t index;
    const struct conf *conf;                 /* borrowed, outlives the reactor */
    struct metrics *metrics;                 /* borrowed, outlives the reactor */
    const struct identity_options *identity; /* borrowed for the call */
    const struct payments *payments; /* borrowed, outlives the reactor; nothing in it changes */
    /* Run on the reactor's thread; both must be quick. */
    void (*on_scan_wanted)(void *arg, const struct scan_wish *wish);
    void (*on_winners)(void *arg, const struct winners *winners);
    void (*on_state)(void *arg, const struct reactor_state *state);
    void (*on_drained)(void *arg, uint32_t index); /* once after reactor_drain() */
    void *arg;
};
/* Binds its listener. On failure `error` holds one line. Thread: init. */
MUST_CHECK enum err reactor_create(const struct reactor_options *options,
                                   struct reactor **ret_reactor,
                                   char error[static REACTOR_ERROR_SIZE]);
/* ERR_NO_MEMORY: no thread. Thread: init. */
MUST_CHECK enum err reactor_start(struct reactor *reactor);
/* Stops accepting, lets what is in work end, then its records and acknowledgements, then
 * on_drained. Thread: any. */
void reactor_drain(struct reactor *reactor);
/* Ends the thread, whatever is in work, and waits for it. Thread: init's. */
void reactor_stop(struct reactor *reactor);
/* After every reactor was stopped. NULL is fine. Thread: init's. */
void reactor_destroy(struct reactor *reactor);

/* The wish is brought to this reactor, which runs the scans of the process. Thread: any. */
void reactor_post_wish(struct reactor *reactor, const struct scan_wish *wish);
/* The filter is offered to this reactor's board. Thread: any. */
void reactor_post_winners(struct reactor *reactor, const struct winners *winners);
