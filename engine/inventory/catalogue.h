/* catalogue: the sales of this history, as the engine's board reads them.
 * Why:    what is in it is sold; what is not is unknown, unless the catalogue is being rebuilt
 *         (PROTOCOL §4, schemas/redis.md catalogue).
 * Never:  shows a catalogue of another history; takes a sale whose definition cannot be read for
 *         one that is not there.
 * Thread: loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/sale.h"

struct redis_link;

enum catalogue_status {
    CATALOGUE_OK,         /* new: `definitions` are all of it */
    CATALOGUE_UNCHANGED,  /* the known revision is still the newest */
    CATALOGUE_REBUILDING, /* missing, or of another history: nothing is known */
};
enum { CATALOGUE_UNREADABLE_MAX = 64 };
struct catalogue_read {
    enum catalogue_status status;
    uint64_t revision;                         /* OK, UNCHANGED */
    uint32_t count;                            /* OK; without the unreadable ones */
    const struct sale_definition *definitions; /* OK; die with the call */
    uint32_t unreadable_count;                 /* OK; sales that are there, but cannot be told */
    struct sale_id unreadable[CATALOGUE_UNREADABLE_MAX];
    bool
        is_incomplete; /* OK; more of them, or a field that is no sale's: any sale may be missing */
};
/* err: ERR_OK; ERR_PARSE: the reply is none of a catalogue: alarm; ERR_NO_MEMORY; else as
 * redis_reply_fn (`read` NULL). */
typedef void catalogue_fn(void *arg, enum err err, const struct catalogue_read *read);
/* `known_revision` 0: none. What it tells is believed from the time of this call on, which the
 * caller notes (PROTOCOL §3.8). On ERR_OK `done` runs exactly once, in a later turn.
 * ERR_UNAVAILABLE, ERR_BUSY, ERR_NO_MEMORY: it never runs. */
MUST_CHECK enum err catalogue_read(struct redis_link *link, uint64_t known_revision,
                                   catalogue_fn *done, void *arg);
