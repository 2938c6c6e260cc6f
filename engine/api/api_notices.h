/* api_notices: a notice on its way into the log, and the exchange that waits for its report.
 * Why:    a payment notice and a cancel request are told "taken" by the same rule: only after the
 *         delivery report, read before the deadline (PROTOCOL §3.10).
 * Never:  says how an exchange is answered: its caller does; lets more wait than `waits_max`.
 * Thread: loop.  Owner: the reactor; outlives the producer. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct api_notices;
struct http_exchange;
struct loop;
struct notice;
struct producer;

struct api_notices_options {
    struct loop *loop;         /* borrowed, outlives it */
    struct producer *producer; /* borrowed: of the notices' topic */
    uint32_t waits_max;        /* notices unreported at once */
    uint32_t answer_ms;        /* from the request's arrival to its answer */
};
struct api_notices *api_notices_create(
    const struct api_notices_options *options); /* NULL: no memory
                                                                                    */
/* The producer is gone: nothing waits any more. NULL is fine. */
void api_notices_destroy(struct api_notices *notices);
/* The exchanges die: nobody is answered from now on. */
void api_notices_mute(struct api_notices *notices);

/* How a notice ended, for its exchange. */
struct api_notices_end {
    enum err status; /* ERR_OK: reported in time. ERR_REFUSED: surely not written, now or later.
                      * ERR_LOST: it may be written, now or later. */
    struct order_no order_no;
    uint32_t mark; /* the sender's */
};
/* Answers the exchange. */
typedef void api_notices_told_fn(void *arg, struct http_exchange *exchange,
                                 const struct api_notices_end *end);
/* The topic takes records now: where not, nothing should be read or verified for it. */
bool api_notices_are_taken(const struct api_notices *notices);
/* On ERR_OK `told` runs exactly once, in a later turn, unless muted; on any other it never does:
 * ERR_BUSY: too many wait; ERR_UNAVAILABLE; ERR_RANGE: as notice_log_append(). */
MUST_CHECK enum err api_notices_send(struct api_notices *notices, struct http_exchange *exchange,
                                     const struct notice *notice, uint32_t mark,
                                     api_notices_told_fn *told, void *arg);
/* What the ends other than ERR_OK, and a notice that was not sent, are answered with. */
const char *api_notices_away_text(void);    /* overloaded: nothing was done */
const char *api_notices_unknown_text(void); /* outcome-unknown */
