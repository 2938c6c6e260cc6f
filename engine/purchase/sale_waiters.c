/* sale_waiters.c: one short list; a wake walks it. */
#include "purchase/sale_waiters.h"

#include <stdlib.h>

#include "common/slab.h"
#include "loop/loop.h"
#include "loop/timer.h"

struct waiting {
    struct waiting *next, **prev;
    struct sale_waiters *home; /* borrowed */
    struct sale_id sale;
    struct timer deadline;
    sale_waiters_fn *done;
    void *arg;
};

struct sale_waiters {
    struct loop *loop; /* borrowed */
    struct slab *slab; /* owned */
    struct waiting *first;
};

struct sale_waiters *sale_waiters_create(struct loop *loop, uint32_t waiters_max)
{
    struct sale_waiters *waiters = calloc(1, sizeof *waiters);
    if (waiters == NULL) {
        return NULL;
    }
    waiters->loop = loop;
    waiters->slab = slab_create(sizeof(struct waiting), waiters_max);
    if (waiters->slab == NULL) {
        free(waiters);
        return NULL;
    }
    return waiters;
}

void sale_waiters_destroy(struct sale_waiters *waiters)
{
    if (waiters == NULL) {
        return;
    }
    for (struct waiting *waiting = waiters->first; waiting != NULL; waiting = waiting->next) {
        timer_stop(&waiting->deadline);
    }
    slab_destroy(waiters->slab);
    free(waiters);
}

static void put_into(struct waiting **list, struct waiting *waiting)
{
    waiting->next = *list;
    waiting->prev = list;
    if (waiting->next != NULL) {
        waiting->next->prev = &waiting->next;
    }
    *list = waiting;
}

static void take_out(struct waiting *waiting)
{
    *waiting->prev = waiting->next;
    if (waiting->next != NULL) {
        waiting->next->prev = waiting->prev;
    }
}

static void end_wait(struct waiting *waiting, bool in_time)
{
    sale_waiters_fn *done = waiting->done;
    void *arg = waiting->arg;

    take_out(waiting);
    timer_stop(&waiting->deadline);
    slab_give(waiting->home->slab, waiting);
    done(arg, in_time);
}

static void on_deadline(void *arg)
{
    end_wait(arg, false);
}

enum err sale_waiters_add(struct sale_waiters *waiters, struct sale_id sale, int64_t deadline_us,
                          sale_waiters_fn *done, void *arg)
{
    struct waiting *waiting = slab_take(waiters->slab);
    if (waiting == NULL) {
        return ERR_BUSY;
    }
    waiting->home = waiters;
    waiting->sale = sale;
    waiting->done = done;
    waiting->arg = arg;
    put_into(&waiters->first, waiting);
    timer_init(&waiting->deadline, waiters->loop, on_deadline, waiting);
    timer_start_at(&waiting->deadline, deadline_us);
    return ERR_OK;
}

void sale_waiters_wake(struct sale_waiters *waiters, struct sale_id sale)
{
    struct waiting *woken = NULL;

    /* First all are moved: those who are told may begin to wait again. */
    for (struct waiting *waiting = waiters->first, *next; waiting != NULL; waiting = next) {
        next = waiting->next;
        if (waiting->sale.value == sale.value) {
            take_out(waiting);
            put_into(&woken, waiting);
        }
    }
    while (woken != NULL) {
        end_wait(woken, true);
    }
}
