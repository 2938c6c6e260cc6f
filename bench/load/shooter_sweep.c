/* Time-outs, connections that are down or idle for long, the end. */
#include <stdlib.h>

#include "shooter_state.h"

enum { PATIENCE = 2 }; /* time-outs without any answer, until what waits is given up */

static int64_t timeout_ns(const struct shooter *shooter)
{
    return (int64_t)shooter->run->options->timeout_ms * SHOOTER_NS_PER_MS;
}

static bool is_asked(const struct shooter *shooter, const struct connection *connection)
{
    return connection->state == CONNECTION_BUSY
           || (shooter->pool.reconnect && connection->state == CONNECTION_OPENING);
}

static void refresh(struct shooter *shooter, struct connection *connection, int64_t now_ns)
{
    if (is_asked(shooter, connection) && now_ns - connection->sent_ns > timeout_ns(shooter)) {
        free(connection->retry);
        connection->retry = NULL;
        shooter->tally.reopened++;
        shooter_count_busy(shooter, connection, now_ns, ANSWER_TIMEOUT, 0);
        pool_renew(&shooter->pool, connection, now_ns);
    }
    pool_refresh(&shooter->pool, connection, now_ns);
}

/* Until when what waits for a connection is worth waiting for. */
static int64_t give_up_ns(const struct shooter *shooter)
{
    const struct run *run = shooter->run;
    int64_t last_ns = run->start_ns;

    if (run->end_ns != INT64_MAX) {
        return run->end_ns + timeout_ns(shooter);
    }
    if (!run->options->closed) {
        last_ns = shooter_due_ns(shooter, shooter->share - 1);
    }
    last_ns = shooter->answered_ns > last_ns ? shooter->answered_ns : last_ns;
    return last_ns + PATIENCE * timeout_ns(shooter);
}

/* Something waits that nobody will answer. */
static bool is_stuck(const struct shooter *shooter, int64_t now_ns)
{
    if (atomic_load_explicit(&shooter->run->stop, memory_order_relaxed)) {
        return shooter->retries.first || shooter->followups.first;
    }
    return (shooter->retries.first || shooter_has_followup(shooter, now_ns)
            || !shooter_is_over(shooter, now_ns))
           && now_ns > give_up_ns(shooter);
}

/* The server is gone, or far too slow: what waits is told as the time-outs that its buyers see. */
static void give_up_all(struct shooter *shooter, struct retries *queue, int64_t now_ns)
{
    while (queue->first) {
        struct retry *retry = retries_take(queue);
        shooter_count(shooter, &retry->attempt, retry->due_ns, now_ns, ANSWER_TIMEOUT);
        shooter_record(shooter, &retry->attempt, ANSWER_TIMEOUT, 0);
        free(retry);
    }
}

static void give_up(struct shooter *shooter, int64_t now_ns)
{
    const bool closed = shooter->run->options->closed;

    give_up_all(shooter, &shooter->retries, now_ns);
    give_up_all(shooter, &shooter->followups, now_ns);
    while (!shooter_is_over(shooter, now_ns)) {
        const int64_t due_ns = closed ? now_ns : shooter_due_ns(shooter, shooter->next);
        const struct attempt attempt =
            plan_attempt(shooter->run->plan, schedule_number(&shooter->schedule, shooter->next++));
        shooter_count(shooter, &attempt, due_ns, now_ns, ANSWER_TIMEOUT);
        shooter->tally.unsent++;
    }
}

void shooter_on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct shooter *shooter = arg;
    const int64_t now_ns = shooter_now_ns();

    (void)fd, (void)what;
    if (atomic_load(&shooter->phase) != SHOOTER_RUNNING) {
        return;
    }
    timeline_turn(shooter->timeline, now_ns);
    if (is_stuck(shooter, now_ns)) {
        give_up(shooter, now_ns);
    }
    if (shooter_is_over(shooter, now_ns) && shooter->busy_count == 0 && !shooter->retries.first
        && !shooter->followups.first) {
        event_base_loopbreak(shooter->base);
        return;
    }
    for (uint32_t i = 0; i < shooter->pool.count; i++) {
        refresh(shooter, &shooter->pool.connections[i], now_ns);
    }
    shooter_send_due(shooter);
}
