/* quiet: clock, session and connection of the tests of settlement/: they do what they are told.
 * Why:    guard, audit and settler all wait, and all ask MySQL for its error text.
 * Never:  sleeps: a sleep moves the clock.
 * Thread: any; each Criterion test is a process of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct quiet {
    int64_t now_us;
    uint32_t sleeps;
    uint32_t sleeps_max;           /* from then on the waiter is stopped; 0: never */
    bool is_stopped;               /* before any sleep */
    enum err ensure_err;           /* of mysql_link_ensure() */
    const char *redis_text;        /* of redis_blocking_trouble(); NULL: any */
    void (*on_sleep)(uint32_t ms); /* the world goes on meanwhile; may be NULL */
};
extern struct quiet quiet;
