#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NS_PER_MS = 1000000,
    OPENING_MAX = 512, /* at once: a listener's queue is short */
    /* Below a server's own time-out: who closes first is not left to chance. */
    IDLE_MAX_MS = 10000,
};

/* --- making --- */

/* One address has too few ports for many connections. */
static void choose_source(const struct options *options, struct connection *connection,
                          uint32_t number)
{
    if (options->source_count > 0) {
        connection->source.sin_family = AF_INET;
        connection->source.sin_addr = options->sources[number % options->source_count];
    }
}

bool pool_init(struct pool *pool, const struct options *options, const struct schedule *schedule,
               const struct connection_group *group)
{
    pool->group = *group;
    pool->reconnect = options->reconnect;
    pool->count = (uint32_t)schedule_share(schedule, options->connections);
    pool->connections = calloc(pool->count, sizeof *pool->connections);
    if (!pool->connections) {
        return false;
    }
    for (uint32_t i = 0; i < pool->count; i++) {
        struct connection *connection = &pool->connections[i];
        const uint32_t number = (uint32_t)schedule_number(schedule, i);
        connection->group = &pool->group;
        connection->target_number = number % options->target_count;
        connection->target = &options->targets[connection->target_number].address;
        choose_source(options, connection, number);
    }
    return true;
}

void pool_finish(struct pool *pool)
{
    for (uint32_t i = 0; pool->connections && i < pool->count; i++) {
        connection_close(&pool->connections[i]);
    }
    free(pool->connections);
    pool->connections = NULL;
}

/* --- the list of free ones --- */

bool pool_has_free(const struct pool *pool)
{
    return pool->first_free != NULL;
}

void pool_put(struct pool *pool, struct connection *connection, int64_t now_ns)
{
    connection->idle_ns = now_ns;
    connection->is_free = true;
    connection->next_free = NULL;
    connection->previous_free = pool->last_free;
    if (pool->last_free) {
        pool->last_free->next_free = connection;
    } else {
        pool->first_free = connection;
        pool->free_since_ns = now_ns;
    }
    pool->last_free = connection;
}

void pool_remove(struct pool *pool, struct connection *connection)
{
    struct connection *next = connection->next_free, *previous = connection->previous_free;

    *(previous ? &previous->next_free : &pool->first_free) = next;
    *(next ? &next->previous_free : &pool->last_free) = previous;
    connection->next_free = connection->previous_free = NULL;
    connection->is_free = false;
}

struct connection *pool_take(struct pool *pool)
{
    struct connection *connection = pool->first_free;

    pool_remove(pool, connection);
    return connection;
}

/* --- opening and closing --- */

static void open_again(struct pool *pool, struct connection *connection)
{
    if (connection_open(connection)) {
        pool->opening_count++;
    } /* else the sweep tries again */
}

/* With `reconnect` one is opened, and closed again: is there a server? */
bool pool_open_more(struct pool *pool)
{
    const uint32_t wanted = pool->reconnect ? 1 : pool->count;

    while (pool->opened < wanted && pool->opening_count < OPENING_MAX) {
        if (!connection_open(&pool->connections[pool->opened++])) {
            snprintf(pool->trouble, sizeof pool->trouble, "no socket: %s", strerror(errno));
            return false;
        }
        pool->opening_count++;
    }
    return true;
}

bool pool_is_open(const struct pool *pool)
{
    return pool->reconnect ? pool_has_free(pool) : pool->open_count == pool->count;
}

void pool_note_open(struct pool *pool, struct connection *connection, int64_t now_ns)
{
    pool->opening_count--;
    if (!pool->reconnect) {
        pool->open_count++;
        pool_put(pool, connection, now_ns);
        return;
    }
    connection_close(connection);
    for (uint32_t i = 0; i < pool->count; i++) {
        pool_put(pool, &pool->connections[i], now_ns);
    }
}

void pool_renew(struct pool *pool, struct connection *connection, int64_t now_ns)
{
    connection_close(connection);
    if (pool->reconnect) {
        pool_put(pool, connection, now_ns);
    } else {
        pool->open_count--;
        open_again(pool, connection);
    }
}

void pool_note_down(struct pool *pool, struct connection *connection, enum connection_state was,
                    int64_t now_ns)
{
    if (pool->reconnect) {
        pool_put(pool, connection, now_ns);
    } else if (was == CONNECTION_OPENING) {
        pool->opening_count--;
    } else {
        pool->open_count--;
    }
    if (!pool->reconnect && connection->is_free) {
        pool_remove(pool, connection);
    }
}

void pool_refresh(struct pool *pool, struct connection *connection, int64_t now_ns)
{
    if (pool->reconnect) {
        return;
    }
    if (connection->state == CONNECTION_IDLE
        && now_ns - connection->idle_ns > (int64_t)IDLE_MAX_MS * NS_PER_MS) {
        pool_remove(pool, connection);
        connection_close(connection);
        pool->open_count--;
    }
    if (connection->state == CONNECTION_DOWN && pool->opening_count < OPENING_MAX) {
        open_again(pool, connection);
    }
}
