/* shooter_state: what the parts of a shooter share.
 * Why:    sending, counting and looking for time-outs are files of their own.
 * Never:  seen outside shooter*.c.
 * Thread: the shooter's. */
#pragma once

#include "connection.h"
#include "pool.h"
#include "retries.h"
#include "schedule.h"
#include "shooter.h"
#include "token_ring.h"

enum { SHOOTER_NS_PER_US = 1000, SHOOTER_NS_PER_MS = 1000000, SHOOTER_NS_PER_S = 1000000000 };

struct shooter {
    const struct run *run;
    struct schedule schedule;
    struct event_base *base;
    struct event *tick, *sweep; /* owned */
    struct pool pool;
    struct retries retries;
    struct retries followups; /* of winners, in the order of their times */
    struct token_ring *ring;  /* owned; NULL: tokens were signed ahead, or there are none */
    uint32_t busy_count;
    uint64_t next, share; /* this thread's attempts: sent so far, and all */
    uint64_t dry_at;      /* the attempt that was last seen without a token, plus 1 */
    int64_t answered_ns;  /* when the last answer came */
    char *buffer;         /* owned */
    char request[REQUEST_SIZE_MAX];
    atomic_int phase;
    struct timeline *timeline; /* owned */
    struct tally tally;
};

/* --- shooter_count.c --- */

/* What such an attempt was told; latency counts from `since_ns`. */
void shooter_count(struct shooter *shooter, const struct attempt *attempt, int64_t since_ns,
                   int64_t now_ns, enum answer answer);
/* For --told; `order_no` 0: none. */
void shooter_record(struct shooter *shooter, const struct attempt *attempt, enum answer answer,
                    uint64_t order_no);
/* The request of a connection has come to an end. */
void shooter_count_busy(struct shooter *shooter, const struct connection *connection,
                        int64_t now_ns, enum answer answer, uint64_t order_no);
/* The thread's next attempt was sent. */
void shooter_count_sent(struct shooter *shooter, int64_t due_ns, int64_t now_ns);

/* --- shooter_send.c --- */

/* The intended time of the thread's nth attempt. */
int64_t shooter_due_ns(const struct shooter *shooter, uint64_t n);
/* No attempt is to be sent any more. */
bool shooter_is_over(const struct shooter *shooter, int64_t now_ns);
/* Sends what is due, as far as connections are free. */
void shooter_send_due(struct shooter *shooter);
void shooter_tick_in(struct shooter *shooter, int64_t wait_us);
void shooter_on_tick(evutil_socket_t fd, short what, void *arg);
/* Gives a connection up whose buyer does not wait for the answer. */
void shooter_drop(struct shooter *shooter, struct connection *connection, int64_t now_ns);

/* --- shooter_followup.c --- */

/* The answer may be a win that is paid or cancelled next; before the connection is used again. */
void shooter_follow_up(struct shooter *shooter, const struct connection *connection,
                       const struct response *response, enum answer answer, int64_t now_ns);
/* One is due. */
bool shooter_has_followup(const struct shooter *shooter, int64_t now_ns);

/* --- shooter_events.c --- */

extern const struct connection_events shooter_events;

/* --- shooter_sweep.c --- */

void shooter_on_sweep(evutil_socket_t fd, short what, void *arg);
