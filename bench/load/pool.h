/* pool: the connections of one shooter: which are free, which must be opened again.
 * Why:    free connections take turns, so that all of many are used, and none grows cold.
 * Never:  knows what is sent.
 * Thread: its shooter's.  Owner: the caller of pool_init(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "connection.h"
#include "options.h"
#include "schedule.h"

enum { POOL_TROUBLE_SIZE = 160 };

struct pool {
    struct connection_group group;
    struct connection *connections; /* owned */
    uint32_t count;
    bool reconnect;  /* a connection is opened for each request: free ones are DOWN */
    uint32_t opened; /* that were opened once */
    uint32_t open_count, opening_count;
    struct connection *first_free, *last_free;
    int64_t free_since_ns; /* since when at least one is free; of now, if none is */
    char trouble[POOL_TROUBLE_SIZE];
};

/* The share of the schedule's thread. False: no memory. `group` is copied; its base is borrowed. */
bool pool_init(struct pool *pool, const struct options *options, const struct schedule *schedule,
               const struct connection_group *group);
void pool_finish(struct pool *pool); /* closes all; zeroes are fine */

/* Begins to open some more. False: `trouble` tells why a connection cannot be made. */
bool pool_open_more(struct pool *pool);
/* All that have to be open before the start are. */
bool pool_is_open(const struct pool *pool);

bool pool_has_free(const struct pool *pool);
struct connection *pool_take(struct pool *pool); /* the one that is free for longest */
void pool_put(struct pool *pool, struct connection *connection, int64_t now_ns);
/* It was free, and is no more. */
void pool_remove(struct pool *pool, struct connection *connection);
/* Closes one that is not free; it is opened again at once, or becomes free when `reconnect`. */
void pool_renew(struct pool *pool, struct connection *connection, int64_t now_ns);
/* Accounts for one that the connection itself closed. */
void pool_note_down(struct pool *pool, struct connection *connection, enum connection_state was,
                    int64_t now_ns);
void pool_note_open(struct pool *pool, struct connection *connection, int64_t now_ns);
/* What a sweep does to one that nothing is asked on: opens it, or closes it when it is old. */
void pool_refresh(struct pool *pool, struct connection *connection, int64_t now_ns);
