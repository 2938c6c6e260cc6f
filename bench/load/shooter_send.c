/* The next attempts, when they are due and a connection is free. */
#include <stdlib.h>

#include "shooter_state.h"

enum { TICK_MIN_US = 200 };

/* Clicks at once have the time of the first of them. */
int64_t shooter_due_ns(const struct shooter *shooter, uint64_t n)
{
    const uint64_t number = schedule_number(&shooter->schedule, n);

    return schedule_due_ns(&shooter->schedule, number - plan_lead(shooter->run->plan, number));
}

/* In an open loop what was due before the end is sent after it, too: else nobody would see it
 * wait. */
bool shooter_is_over(const struct shooter *shooter, int64_t now_ns)
{
    const struct run *run = shooter->run;

    if (shooter->next >= shooter->share || atomic_load_explicit(&run->stop, memory_order_relaxed)) {
        return true;
    }
    return run->end_ns != INT64_MAX
           && (run->options->closed ? now_ns : shooter_due_ns(shooter, shooter->next))
                  >= run->end_ns;
}

void shooter_tick_in(struct shooter *shooter, int64_t wait_us)
{
    const struct timeval wait = {wait_us / 1000000, wait_us % 1000000};
    event_add(shooter->tick, &wait);
}

/* The token for the next attempt; false: it is not signed yet. */
static bool take_token(struct shooter *shooter, uint32_t buyer, struct token *ret_token)
{
    const struct crowd *crowd = shooter->run->maker->crowd;

    if (!shooter->ring) {
        *ret_token = (struct token){0};
        ret_token->text = crowd ? crowd_token(crowd, buyer, &ret_token->size) : NULL;
        return true;
    }
    ret_token->text = token_ring_peek(shooter->ring, &ret_token->size);
    if (!ret_token->text && shooter->dry_at != shooter->next + 1) {
        shooter->dry_at = shooter->next + 1;
        shooter->tally.dry++;
    }
    return ret_token->text != NULL;
}

/* False: nothing was sent; the connection is free again, or down. */
static bool send_on(struct shooter *shooter, struct connection *connection, const char *request,
                    size_t size)
{
    if (!shooter->pool.reconnect) {
        return connection_send(connection, request, size); /* false: on_down was called */
    }
    if (connection_request(connection, request, size)) {
        return true;
    }
    shooter->tally.portless++;
    pool_put(&shooter->pool, connection, shooter_now_ns());
    return false;
}

/* The buyer closes the connection before the answer, and asks again. */
void shooter_drop(struct shooter *shooter, struct connection *connection, int64_t now_ns)
{
    retries_push(&shooter->retries, connection->retry);
    connection->retry = NULL;
    shooter->busy_count--;
    shooter->tally.dropped++;
    pool_renew(&shooter->pool, connection, now_ns);
}

/* What is sent again when this attempt's connection is given up. False: no memory. */
static bool prepare_drop(struct shooter *shooter, struct connection *connection, size_t size)
{
    if (connection->attempt.kind != KIND_DROP || !shooter->run->maker->has_body) {
        return true;
    }
    connection->retry =
        retry_create(&connection->attempt, connection->due_ns, shooter->request, size);
    return connection->retry != NULL;
}

/* False: it cannot be sent now. */
static bool send_next(struct shooter *shooter, int64_t due_ns, int64_t now_ns)
{
    const struct run *run = shooter->run;
    const uint64_t number = schedule_number(&shooter->schedule, shooter->next);
    const struct attempt attempt = plan_attempt(run->plan, number);
    struct token token;

    if (!take_token(shooter, attempt.buyer, &token)) {
        return false;
    }
    struct connection *connection = pool_take(&shooter->pool);
    const size_t size =
        request_make(run->maker, connection->target_number, &attempt, token, shooter->request);
    connection->attempt = attempt;
    connection->due_ns = due_ns;
    connection->sent_ns = now_ns;
    if (!prepare_drop(shooter, connection, size)) {
        pool_put(&shooter->pool, connection, now_ns);
        return false;
    }
    if (!send_on(shooter, connection, shooter->request, size)) {
        free(connection->retry);
        connection->retry = NULL;
        return !shooter->pool.reconnect; /* the next connection takes the attempt */
    }
    if (shooter->ring) {
        token_ring_pop(shooter->ring);
    }
    shooter->busy_count++;
    shooter_count_sent(shooter, due_ns, now_ns);
    if (connection->retry && connection_is_sent(connection)) {
        shooter_drop(shooter, connection, now_ns);
    }
    return true;
}

static bool send_retry(struct shooter *shooter, struct retries *queue, int64_t now_ns)
{
    const struct retry *retry = queue->first;
    struct connection *connection = pool_take(&shooter->pool);

    connection->attempt = retry->attempt;
    connection->due_ns = retry->due_ns;
    connection->sent_ns = now_ns;
    if (!send_on(shooter, connection, retry->request, retry->size)) {
        return !shooter->pool.reconnect;
    }
    free(retries_take(queue));
    shooter->busy_count++;
    tally_raise(&shooter->tally.sent);
    timeline_sent(shooter->timeline, now_ns, false);
    return true;
}

/* Retries first: their buyers wait for longest. */
void shooter_send_due(struct shooter *shooter)
{
    int64_t now_ns = shooter_now_ns();
    const bool closed = shooter->run->options->closed;
    bool good = true;

    while (good && shooter->retries.first && pool_has_free(&shooter->pool)) {
        good = send_retry(shooter, &shooter->retries, now_ns);
    }
    while (good && shooter_has_followup(shooter, now_ns) && pool_has_free(&shooter->pool)) {
        good = send_retry(shooter, &shooter->followups, now_ns);
    }
    while (good && pool_has_free(&shooter->pool) && !shooter_is_over(shooter, now_ns)) {
        const int64_t due_ns = closed ? now_ns : shooter_due_ns(shooter, shooter->next);
        if (due_ns > now_ns) {
            return;
        }
        good = send_next(shooter, due_ns, now_ns);
        now_ns = shooter_now_ns();
    }
    if (!good) {
        shooter_tick_in(shooter, TICK_MIN_US);
    }
}

void shooter_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct shooter *shooter = arg;
    const int64_t now_ns = shooter_now_ns();

    (void)fd, (void)what;
    shooter_send_due(shooter);
    if (shooter_is_over(shooter, now_ns) || event_pending(shooter->tick, EV_TIMEOUT, NULL)) {
        return;
    }
    const int64_t due_us = (shooter_due_ns(shooter, shooter->next) - now_ns) / SHOOTER_NS_PER_US;
    shooter_tick_in(shooter, due_us > TICK_MIN_US ? due_us : TICK_MIN_US);
}
