/* One thread, in time order:
 *
 * open        all connections; each that fails tells why, and the start is given up
 * wait        for `go`, the same for all threads
 * on_tick     sends what is due, as far as connections are free
 * on_answer   counts, then sends what is due already (open loop), or the next one (closed loop)
 * on_sweep    each 50 ms: time-outs, connections that are down or idle for long, the end */
#include "shooter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "schedule.h"

enum {
    NS_PER_US = 1000,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    SWEEP_US = 50000,
    TICK_MIN_US = 200,
    OPENING_MAX = 512,
    IDLE_MAX_MS =
        4000, /* below any server's own time-out: who closes first is not left to chance */
    OPEN_TIMEOUT_S = 15,
    TROUBLE_SIZE = 160,
    RESERVED_MAX = 4 << 20,
};

struct shooter {
    const struct run *run;
    uint32_t thread;
    struct schedule schedule;
    struct event_base *base;
    struct event *tick, *sweep; /* owned */
    struct connection_group group;
    struct connection *connections; /* owned */
    uint32_t connection_count;
    uint32_t opened; /* connections that were opened once */
    uint32_t open_count, opening_count;
    struct connection **idle; /* owned; a stack, so that few connections stay warm */
    uint32_t idle_count;
    uint32_t busy_count;
    uint64_t next, share; /* this thread's attempts: sent so far, and all */
    char *buffer;         /* owned */
    char request[REQUEST_SIZE_MAX];
    char trouble[TROUBLE_SIZE];
    atomic_int phase;
    struct timeline *timeline; /* owned */
    struct tally tally;
};

int64_t shooter_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- counting --- */

static void count(struct shooter *shooter, struct connection *connection, enum answer answer,
                  uint64_t order_no)
{
    const struct run *run = shooter->run;
    const int64_t now_ns = shooter_now_ns();
    const int64_t since_ns = run->options->closed ? connection->sent_ns : connection->due_ns;

    const uint64_t latency_us = (uint64_t)(now_ns - since_ns) / NS_PER_US;

    shooter->busy_count--;
    connection->idle_ns = now_ns;
    timeline_answered(shooter->timeline, now_ns, answer, latency_us);
    tally_raise(&shooter->tally.answers[answer]);
    if (now_ns >= run->measure_ns && now_ns < run->end_ns) {
        tally_raise(&shooter->tally.in_window);
    }
    if (since_ns >= run->measure_ns) {
        tally_measure(&shooter->tally, answer, latency_us);
    }
    if (run->options->told) {
        tally_record(&shooter->tally, connection->buyer, answer, order_no);
    }
}

/* --- sending --- */

static bool is_over(const struct shooter *shooter, int64_t now_ns)
{
    return shooter->next >= shooter->share || now_ns >= shooter->run->end_ns
           || atomic_load_explicit(&shooter->run->stop, memory_order_relaxed);
}

/* Clicks at once have the time of the first of them. */
static int64_t next_due_ns(const struct shooter *shooter)
{
    const uint64_t number = schedule_number(&shooter->schedule, shooter->next);

    return schedule_due_ns(&shooter->schedule, number - plan_lead(shooter->run->plan, number));
}

static void send_next(struct shooter *shooter, int64_t due_ns, int64_t now_ns)
{
    const struct run *run = shooter->run;
    const uint64_t number = schedule_number(&shooter->schedule, shooter->next);
    const struct attempt attempt = plan_attempt(run->plan, number);
    struct connection *connection = shooter->idle[--shooter->idle_count];
    const size_t size =
        request_make(run->maker, connection->target_number, &attempt, shooter->request);

    connection->buyer = attempt.buyer;
    connection->due_ns = due_ns;
    connection->sent_ns = now_ns;
    if (!connection_send(connection, shooter->request, size)) {
        return; /* it was down and nothing was sent: another connection takes the attempt */
    }
    shooter->next++;
    shooter->busy_count++;
    const bool late = now_ns - due_ns > (int64_t)run->options->late_ms * NS_PER_MS;
    timeline_sent(shooter->timeline, now_ns, late);
    tally_raise(&shooter->tally.sent);
    if (late) {
        tally_raise(&shooter->tally.late);
        shooter->tally.measured_late += due_ns >= run->measure_ns;
    }
}

static void send_due(struct shooter *shooter)
{
    int64_t now_ns = shooter_now_ns();
    const bool closed = shooter->run->options->closed;

    while (shooter->idle_count > 0 && !is_over(shooter, now_ns)) {
        const int64_t due_ns = closed ? now_ns : next_due_ns(shooter);
        if (due_ns > now_ns) {
            return;
        }
        send_next(shooter, due_ns, now_ns);
        now_ns = shooter_now_ns();
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct shooter *shooter = arg;
    const int64_t now_ns = shooter_now_ns();
    int64_t wait_us = TICK_MIN_US;

    (void)fd, (void)what;
    send_due(shooter);
    if (is_over(shooter, now_ns)) {
        return;
    }
    const int64_t due_us = (next_due_ns(shooter) - now_ns) / NS_PER_US;
    wait_us = due_us > wait_us ? due_us : wait_us;
    const struct timeval wait = {wait_us / 1000000, wait_us % 1000000};
    event_add(shooter->tick, &wait);
}

/* --- what connections tell --- */

static void reopen(struct shooter *shooter, struct connection *connection)
{
    if (connection_open(connection)) {
        shooter->opening_count++;
    } /* else the sweep tries again */
}

static void on_open(void *arg, struct connection *connection)
{
    struct shooter *shooter = arg;

    shooter->opening_count--;
    shooter->open_count++;
    connection->idle_ns = shooter_now_ns();
    shooter->idle[shooter->idle_count++] = connection;
    if (atomic_load(&shooter->phase) == SHOOTER_RUNNING) {
        send_due(shooter);
    }
}

static void on_answer(void *arg, struct connection *connection, const struct response *response)
{
    struct shooter *shooter = arg;
    const enum answer answer = answer_of(response);

    count(shooter, connection, answer, answer_is_win(answer) ? response_order_no(response) : 0);
    if (response->closes) {
        connection_close(connection);
        shooter->open_count--;
        shooter->tally.reopened++;
        reopen(shooter, connection);
    } else {
        shooter->idle[shooter->idle_count++] = connection;
        send_due(shooter);
    }
}

static void forget_idle(struct shooter *shooter, const struct connection *connection)
{
    for (uint32_t i = 0; i < shooter->idle_count; i++) {
        if (shooter->idle[i] == connection) {
            shooter->idle[i] = shooter->idle[--shooter->idle_count];
            return;
        }
    }
}

/* Before the start a refused connection ends the run; later it is opened again by the sweep. */
static void on_down(void *arg, struct connection *connection, enum connection_state was,
                    bool malformed)
{
    struct shooter *shooter = arg;

    if (was == CONNECTION_OPENING) {
        shooter->opening_count--;
    } else {
        shooter->open_count--;
    }
    if (was == CONNECTION_IDLE) {
        forget_idle(shooter, connection);
    }
    shooter->tally.reopened++;
    if (was == CONNECTION_BUSY) {
        count(shooter, connection, malformed ? ANSWER_MALFORMED : ANSWER_LOST, 0);
    }
    if (atomic_load(&shooter->phase) == SHOOTER_OPENING) {
        snprintf(shooter->trouble, sizeof shooter->trouble, "no connection to %s: %s",
                 shooter->run->options->targets[connection->target_number].host, strerror(errno));
        event_base_loopbreak(shooter->base);
    }
}

/* --- opening --- */

/* At most OPENING_MAX at once: a listener's queue is short. False: a connection cannot be made. */
static bool open_more(struct shooter *shooter)
{
    while (shooter->opened < shooter->connection_count && shooter->opening_count < OPENING_MAX) {
        struct connection *connection = &shooter->connections[shooter->opened++];
        if (!connection_open(connection)) {
            snprintf(shooter->trouble, sizeof shooter->trouble, "no socket: %s", strerror(errno));
            return false;
        }
        shooter->opening_count++;
    }
    return true;
}

/* True: all are open. */
static bool open_all(struct shooter *shooter)
{
    const int64_t until_ns = shooter_now_ns() + (int64_t)OPEN_TIMEOUT_S * NS_PER_S;

    while (shooter->open_count < shooter->connection_count) {
        if (!open_more(shooter)) {
            return false;
        }
        event_base_loop(shooter->base, EVLOOP_ONCE);
        if (shooter->trouble[0]) {
            return false;
        }
        if (shooter_now_ns() > until_ns) {
            snprintf(shooter->trouble, sizeof shooter->trouble, "only %u of %u connections opened",
                     shooter->open_count, shooter->connection_count);
            return false;
        }
    }
    return true;
}

/* --- time-outs, the end --- */

static void refresh(struct shooter *shooter, struct connection *connection, int64_t now_ns)
{
    const int64_t timeout_ns = (int64_t)shooter->run->options->timeout_ms * NS_PER_MS;

    if (connection->state == CONNECTION_BUSY && now_ns - connection->sent_ns > timeout_ns) {
        connection_close(connection);
        shooter->open_count--;
        shooter->tally.reopened++;
        count(shooter, connection, ANSWER_TIMEOUT, 0);
    }
    if (connection->state == CONNECTION_IDLE
        && now_ns - connection->idle_ns > (int64_t)IDLE_MAX_MS * NS_PER_MS) {
        forget_idle(shooter, connection);
        connection_close(connection);
        shooter->open_count--;
    }
    if (connection->state == CONNECTION_DOWN && shooter->opening_count < OPENING_MAX) {
        reopen(shooter, connection);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct shooter *shooter = arg;
    const int64_t now_ns = shooter_now_ns();

    (void)fd, (void)what;
    if (atomic_load(&shooter->phase) != SHOOTER_RUNNING) {
        return;
    }
    timeline_turn(shooter->timeline, now_ns);
    if (is_over(shooter, now_ns) && shooter->busy_count == 0) {
        event_base_loopbreak(shooter->base);
        return;
    }
    for (uint32_t i = 0; i < shooter->connection_count; i++) {
        refresh(shooter, &shooter->connections[i], now_ns);
    }
    send_due(shooter);
}

/* --- the thread --- */

static void begin(struct shooter *shooter)
{
    const struct run *run = shooter->run;
    const int64_t wait_us = (run->start_ns - shooter_now_ns()) / NS_PER_US;
    const struct timeval wait = {0, wait_us > 0 ? wait_us : 0};

    shooter->schedule.start_ns = run->start_ns;
    timeline_begin(shooter->timeline, run->start_ns);
    atomic_store(&shooter->phase, SHOOTER_RUNNING);
    event_add(shooter->tick, &wait);
    event_base_dispatch(shooter->base);
    timeline_end(shooter->timeline);
}

void *shooter_run(void *arg)
{
    struct shooter *shooter = arg;
    const struct timeval pause = {0, SWEEP_US};

    event_add(shooter->sweep, &pause);
    if (!open_all(shooter)) {
        atomic_store(&shooter->phase, SHOOTER_FAILED);
        return NULL;
    }
    atomic_store(&shooter->phase, SHOOTER_READY);
    while (!atomic_load(&shooter->run->go) && !atomic_load(&shooter->run->stop)) {
        event_base_loop(shooter->base, EVLOOP_ONCE); /* the sweep's timer wakes it */
    }
    begin(shooter);
    atomic_store(&shooter->phase, SHOOTER_DONE);
    return NULL;
}

enum shooter_phase shooter_phase(const struct shooter *shooter)
{
    return (enum shooter_phase)atomic_load(&shooter->phase);
}

const char *shooter_trouble(const struct shooter *shooter)
{
    return shooter->trouble;
}

struct tally *shooter_tally(struct shooter *shooter)
{
    return &shooter->tally;
}

struct timeline *shooter_timeline(struct shooter *shooter)
{
    return shooter->timeline;
}

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

static bool make_connections(struct shooter *shooter)
{
    const struct options *options = shooter->run->options;
    const struct schedule *schedule = &shooter->schedule;

    shooter->connection_count = (uint32_t)schedule_share(schedule, options->connections);
    shooter->connections = calloc(shooter->connection_count, sizeof *shooter->connections);
    shooter->idle = calloc(shooter->connection_count, sizeof *shooter->idle);
    if (!shooter->connections || !shooter->idle) {
        return false;
    }
    for (uint32_t i = 0; i < shooter->connection_count; i++) {
        struct connection *connection = &shooter->connections[i];
        const uint32_t number = (uint32_t)schedule_number(schedule, i);
        connection->group = &shooter->group;
        connection->target_number = number % options->target_count;
        connection->target = &options->targets[connection->target_number].address;
        choose_source(options, connection, number);
    }
    return true;
}

static bool make_loop(struct shooter *shooter)
{
    struct event_config *config = event_config_new();

    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NOLOCK);
        shooter->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!shooter->base) {
        return false;
    }
    shooter->tick = event_new(shooter->base, -1, 0, on_tick, shooter);
    shooter->sweep = event_new(shooter->base, -1, EV_PERSIST, on_sweep, shooter);
    shooter->buffer = malloc(CONNECTION_BUFFER_SIZE);
    shooter->group = (struct connection_group){
        .base = shooter->base,
        .events = {on_open, on_answer, on_down},
        .arg = shooter,
        .buffer = shooter->buffer,
    };
    return shooter->tick && shooter->sweep && shooter->buffer;
}

/* Of the whole profile; a constant rate has no end. */
static uint64_t profile_attempts(const struct run *run)
{
    const struct options *options = run->options;

    return run->attempts != UINT64_MAX
               ? run->attempts
               : schedule_attempts_in(options->profile, options->rate, options->duration_s);
}

struct shooter *shooter_create(const struct run *run, uint32_t thread)
{
    struct shooter *shooter = calloc(1, sizeof *shooter);
    const struct options *options = run->options;

    if (!shooter) {
        return NULL;
    }
    shooter->run = run;
    schedule_init(&shooter->schedule, options->profile, options->rate, profile_attempts(run),
                  thread, options->threads);
    shooter->share = run->attempts == UINT64_MAX
                         ? UINT64_MAX
                         : schedule_share(&shooter->schedule, run->attempts);
    const uint64_t expected = shooter->share < RESERVED_MAX ? shooter->share : RESERVED_MAX;
    shooter->timeline = timeline_create();
    if (!shooter->timeline || !make_loop(shooter) || !make_connections(shooter)
        || (options->told && !tally_reserve(&shooter->tally, (size_t)expected + 1))) {
        shooter_destroy(shooter);
        return NULL;
    }
    return shooter;
}

void shooter_destroy(struct shooter *shooter)
{
    if (!shooter) {
        return;
    }
    for (uint32_t i = 0; shooter->connections && i < shooter->connection_count; i++) {
        connection_close(&shooter->connections[i]);
    }
    if (shooter->tick) {
        event_free(shooter->tick);
    }
    if (shooter->sweep) {
        event_free(shooter->sweep);
    }
    if (shooter->base) {
        event_base_free(shooter->base);
    }
    timeline_destroy(shooter->timeline);
    tally_finish(&shooter->tally);
    free(shooter->connections);
    free(shooter->idle);
    free(shooter->buffer);
    free(shooter);
}
