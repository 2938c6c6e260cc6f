/* What connections tell. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shooter_state.h"

static void on_open(void *arg, struct connection *connection)
{
    struct shooter *shooter = arg;

    pool_note_open(&shooter->pool, connection, shooter_now_ns());
    if (atomic_load(&shooter->phase) == SHOOTER_RUNNING) {
        shooter_send_due(shooter);
    }
}

static void on_sent(void *arg, struct connection *connection)
{
    struct shooter *shooter = arg;

    if (connection->retry) {
        shooter_drop(shooter, connection, shooter_now_ns());
        shooter_send_due(shooter);
    }
}

static void on_answer(void *arg, struct connection *connection, const struct response *response)
{
    struct shooter *shooter = arg;
    const enum answer answer = answer_of(response);
    const int64_t now_ns = shooter_now_ns();

    shooter->answered_ns = now_ns;
    shooter_follow_up(shooter, connection, response, answer, now_ns);
    shooter_count_busy(shooter, connection, now_ns, answer,
                       answer_is_win(answer) ? response_order_no(response) : 0);
    if (shooter->pool.reconnect) {
        pool_renew(&shooter->pool, connection, now_ns);
    } else if (response->closes) {
        shooter->tally.reopened++;
        pool_renew(&shooter->pool, connection, now_ns);
    } else {
        pool_put(&shooter->pool, connection, now_ns);
    }
    shooter_send_due(shooter);
}

/* Before the start a refused connection ends the run; later it is opened again by the sweep. */
static void on_down(void *arg, struct connection *connection, enum connection_state was,
                    bool malformed)
{
    struct shooter *shooter = arg;
    struct pool *pool = &shooter->pool;
    const int64_t now_ns = shooter_now_ns();

    if (atomic_load(&shooter->phase) == SHOOTER_OPENING) {
        snprintf(pool->trouble, sizeof pool->trouble, "no connection to %s: %s",
                 shooter->run->options->targets[connection->target_number].host, strerror(errno));
        event_base_loopbreak(shooter->base);
        pool_note_down(pool, connection, was, now_ns);
        return;
    }
    pool_note_down(pool, connection, was, now_ns);
    shooter->tally.reopened++;
    if (was == CONNECTION_BUSY || (pool->reconnect && was == CONNECTION_OPENING)) {
        free(connection->retry);
        connection->retry = NULL;
        shooter_count_busy(shooter, connection, now_ns, malformed ? ANSWER_MALFORMED : ANSWER_LOST,
                           0);
    }
}

const struct connection_events shooter_events = {on_open, on_sent, on_answer, on_down};
