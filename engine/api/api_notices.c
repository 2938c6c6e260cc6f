/* api_notices.c: send → on_report or on_deadline, whichever is first, tells; the slot is given back
 * by the report. */
#include "api/api_notices.h"

#include <stdlib.h>

#include "common/assert.h"
#include "common/slab.h"
#include "domain/notice.h"
#include "http/http_server.h"
#include "journal/notice_log.h"
#include "loop/loop.h"
#include "loop/timer.h"

struct api_notices {
    struct api_notices_options with;
    struct slab *slab; /* owned */
    bool is_mute;
};

struct waiting {
    struct api_notices *notices;    /* borrowed */
    struct http_exchange *exchange; /* NULL: told */
    api_notices_told_fn *told;
    void *arg;
    struct order_no order_no;
    uint32_t mark;
    int64_t deadline_us;
    struct timer deadline;
};

static void tell(struct waiting *waiting, enum err status)
{
    struct http_exchange *exchange = waiting->exchange;

    waiting->exchange = NULL;
    if (exchange != NULL && !waiting->notices->is_mute) {
        const struct api_notices_end end = {status, waiting->order_no, waiting->mark};
        waiting->told(waiting->arg, exchange, &end);
    }
}

static void on_deadline(void *arg)
{
    tell(arg, ERR_LOST);
}

/* The clock is read behind the report: one that lay unread while this process stood still is no
 * ground to say "taken" (as PROTOCOL §3.5). */
static void on_report(void *arg, enum err status)
{
    struct waiting *waiting = arg;
    struct api_notices *notices = waiting->notices;

    timer_stop(&waiting->deadline);
    if (status == ERR_OK && loop_clock_us(notices->with.loop) >= waiting->deadline_us) {
        status = ERR_LOST;
    }
    tell(waiting, status);
    slab_give(notices->slab, waiting);
}

bool api_notices_are_taken(const struct api_notices *notices)
{
    const char *why;

    return producer_is_ready(notices->with.producer, &why);
}

const char *api_notices_away_text(void)
{
    return "Kafka, which has the notices, takes none now. Nothing was done.";
}

const char *api_notices_unknown_text(void)
{
    return "It is not known yet whether this was written. Asking again is harmless.";
}

enum err api_notices_send(struct api_notices *notices, struct http_exchange *exchange,
                          const struct notice *notice, uint32_t mark, api_notices_told_fn *told,
                          void *arg)
{
    struct waiting *waiting = slab_take(notices->slab);

    if (waiting == NULL) {
        return ERR_BUSY;
    }
    waiting->notices = notices;
    waiting->exchange = exchange;
    waiting->told = told;
    waiting->arg = arg;
    waiting->order_no = notice->order_no;
    waiting->mark = mark;
    waiting->deadline_us =
        http_exchange_received_us(exchange) + (int64_t)notices->with.answer_ms * 1000;
    enum err err = notice_log_append(notices->with.producer, notice, on_report, waiting);
    if (err != ERR_OK) {
        slab_give(notices->slab, waiting);
        return err;
    }
    timer_init(&waiting->deadline, notices->with.loop, on_deadline, waiting);
    timer_start_at(&waiting->deadline, waiting->deadline_us);
    return ERR_OK;
}

struct api_notices *api_notices_create(const struct api_notices_options *options)
{
    struct api_notices *notices = calloc(1, sizeof *notices);

    if (notices == NULL) {
        return NULL;
    }
    notices->with = *options;
    notices->slab = slab_create(sizeof(struct waiting), options->waits_max);
    if (notices->slab == NULL) {
        free(notices);
        return NULL;
    }
    return notices;
}

void api_notices_destroy(struct api_notices *notices)
{
    if (notices == NULL) {
        return;
    }
    ASSERT(slab_taken_count(notices->slab) == 0); /* the producer has told all: no timer runs */
    slab_destroy(notices->slab);
    free(notices);
}

void api_notices_mute(struct api_notices *notices)
{
    notices->is_mute = true;
}
