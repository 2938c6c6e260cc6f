/* An attempt waits in its sale's queue, then rides in a call, then is decided:
 *
 * stock_decide -> queue -> flush (end of the turn) -> send_call -> on_reply -> decide
 *                   ^                                                 |
 *                   +---------------- "late", once -------------------+
 *
 * A sale with no call on its way sends what waits at the end of the turn. While one is on its way
 * the next is sent only when half a batch waits, so that calls grow under load instead of chasing
 * each other with a few purchases in each. */
#include "inventory/stock.h"

#include "common/assert.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/slab.h"
#include "inventory/outbox.h"
#include "inventory/purchase_call.h"
#include "inventory/redis_link.h"
#include "inventory/script.h"
#include "inventory/stock_queue.h"
#include "loop/loop.h"
#include "loop/timer.h"

#include <stdlib.h>

enum { CALLS_TOTAL_MAX = 256, WIRE_SIZE_MAX = 64 * 1024 };
/* One that is this near to its deadline is not put into a call (PROTOCOL §3.4). */
enum { TOO_LATE_US = 20 * 1000 };

struct call {
    struct call *next_free;
    struct stock *stock; /* borrowed */
    struct stock_sale
        *sale; /* borrowed; it stays while the call is on its way. NULL: a free call */
    struct purchase_call call;
    struct stock_waiting *waiting[PURCHASE_CALL_MAX];
    const struct attempt *attempts[PURCHASE_CALL_MAX];
    uint32_t acks[PURCHASE_ACKS_MAX];
    struct buf wire; /* owned; kept from call to call */
    int64_t sent_us;
};

struct stock {
    struct stock_options options;
    struct slab *waiting; /* owned */
    struct stock_sales sales;
    struct call *calls; /* owned; CALLS_TOTAL_MAX of them */
    struct call *free_call;
    struct timer late_timer; /* the first deadline of those that wait */
    bool is_flush_due;
    bool is_destroyed;           /* flush() frees it */
    struct purchase_reply reply; /* scratch of on_reply() */
    struct sale_view view;       /* scratch of on_answer() */
};

static void on_reply(void *arg, enum err status, const struct redis_reply *reply);

static void flush(void *arg);

static void make_ready(struct stock *stock, struct stock_sale *sale)
{
    stock_sales_make_ready(&stock->sales, sale);
    if (!stock->is_flush_due) {
        stock->is_flush_due = true;
        loop_defer(stock->options.loop, flush, stock);
    }
}

/* --- deciding --- */

/* The slot is given back first: the callback may bring the next attempt. */
static void decide(struct stock *stock, struct stock_waiting *waiting, enum decision decision,
                   const struct win *win)
{
    stock_decided_fn *done = waiting->done;
    void *arg = waiting->arg;

    slab_give(stock->waiting, waiting);
    done(arg, decision, win);
}

static void decide_call(struct stock *stock, struct call *call, enum decision decision)
{
    for (uint32_t i = 0; i < call->call.attempt_count; i++) {
        decide(stock, call->waiting[i], decision, NULL);
    }
}

static void decide_queue(struct stock *stock, struct stock_queue queue, enum decision decision)
{
    while (queue.count > 0) {
        decide(stock, stock_queue_pop(&queue), decision, NULL);
    }
}

/* --- sending --- */

/* Fills the call with what waits of one epoch, first come first; too late ones go to `late`. */
static void fill_call(struct stock *stock, struct call *call, struct stock_queue *late)
{
    struct stock_queue *queue = &call->sale->queue;
    int64_t now_us = call->sent_us, deadline_us = INT64_MAX;
    uint32_t count = 0;

    while (queue->count > 0 && count < stock->options.batch_max) {
        struct stock_waiting *waiting = queue->first;

        if (waiting->attempt.deadline_us - now_us < TOO_LATE_US) {
            stock_queue_append(late, stock_queue_pop(queue));
            continue;
        }
        if (count > 0 && waiting->attempt.epoch != call->call.epoch) {
            break;
        }
        call->call.epoch = waiting->attempt.epoch;
        call->waiting[count] = waiting;
        call->attempts[count] = &waiting->attempt;
        count++;
        if (waiting->attempt.deadline_us < deadline_us) {
            deadline_us = waiting->attempt.deadline_us;
        }
        (void)stock_queue_pop(queue);
    }
    call->call.attempt_count = count;
    if (count > 0) {
        int64_t offset_us = redis_link_clock_offset_us(stock->options.link);

        call->call.sent_ms = (now_us + offset_us) / 1000;
        call->call.deadline_ms = (deadline_us + offset_us) / 1000;
    }
}

static enum err send_filled(struct stock *stock, struct call *call)
{
    struct redis_link_call wire = {.script = script_get(LUA_SCRIPT_PURCHASE), .wire = &call->wire};

    call->call.request_id = redis_link_next_id(stock->options.link);
    call->call.ack_count = outbox_take_acks(stock->options.outbox, call->call.sale,
                                            call->call.epoch, call->acks, PURCHASE_ACKS_MAX);
    buf_clear(&call->wire);
    wire.tail = purchase_call_encode(&call->call, &call->wire, &wire.bulk_count);
    return call->wire.failed ? ERR_NO_MEMORY
                             : redis_link_send(stock->options.link, &wire, on_reply, call);
}

static struct call *take_call(struct stock *stock, struct stock_sale *sale)
{
    struct call *call = stock->free_call;

    stock->free_call = call->next_free;
    call->sale = sale;
    call->call =
        (struct purchase_call){.sale = sale->sale, .acks = call->acks, .attempts = call->attempts};
    call->sent_us = loop_clock_us(stock->options.loop);
    return call;
}

static void give_call(struct stock *stock, struct call *call)
{
    call->sale = NULL;
    call->next_free = stock->free_call;
    stock->free_call = call;
}

static void return_acks(struct stock *stock, const struct call *call)
{
    outbox_return_acks(stock->options.outbox, call->call.sale, call->call.epoch, call->acks,
                       call->call.ack_count);
}

/* One call of what waits, or the poll that is wanted. */
static void send_call(struct stock *stock, struct stock_sale *sale)
{
    struct call *call = take_call(stock, sale);
    struct stock_queue late = {0};
    enum err err = ERR_OK;

    fill_call(stock, call, &late);
    if (call->call.attempt_count == 0) {
        call->call.epoch = sale->poll_epoch;
    }
    sale->poll_epoch = 0;
    if (call->call.epoch != 0) {
        err = send_filled(stock, call);
    }
    if (call->call.epoch == 0 || err != ERR_OK) {
        /* Nothing to send, or the link is full or gone: nothing happened. */
        return_acks(stock, call);
        decide_call(stock, call, err == ERR_BUSY ? DECISION_LINK_FULL : DECISION_NOT_DONE);
        give_call(stock, call);
    } else {
        sale->calls++;
        if (call->call.attempt_count > 0) {
            metrics_observe_count(stock->options.shard, METRIC_script_batch_purchases, 0,
                                  call->call.attempt_count);
        }
    }
    decide_queue(stock, late, DECISION_LATE);
}

static bool may_send(const struct stock *stock, const struct stock_sale *sale)
{
    uint32_t waiting = sale->queue.count, fill = (stock->options.batch_max + 1) / 2;

    if (sale->calls == 0) {
        return waiting > 0 || sale->poll_epoch != 0;
    }
    return sale->calls < stock->options.calls_max && waiting >= fill;
}

/* Who waits behind a call that is not answered is told so while the buyer still waits. */
static void watch_deadline(struct stock *stock, const struct stock_sale *sale)
{
    int64_t due_us;

    if (sale->queue.count > 0) {
        due_us = sale->queue.first->attempt.deadline_us - TOO_LATE_US;
        if (!timer_is_running(&stock->late_timer) || due_us < stock->late_timer.due_us) {
            timer_start_at(&stock->late_timer, due_us);
        }
    }
}

/* Behind calls that are not answered, or in the line for a free one. */
static void on_late_timer(void *arg)
{
    struct stock *stock = arg;
    struct stock_queue late = {0};
    int64_t limit_us = loop_clock_us(stock->options.loop) + TOO_LATE_US;
    int64_t next_us = stock_sales_take_late(&stock->sales, limit_us, &late);

    if (next_us != INT64_MAX) {
        timer_start_at(&stock->late_timer, next_us - TOO_LATE_US);
    }
    decide_queue(stock, late, DECISION_LATE);
}

/* Round robin: a sale with more than one call's worth goes behind the others. What is made ready by
 * a decision told in here is sent in here, too. */
static void flush(void *arg)
{
    struct stock *stock = arg;
    struct stock_sale *sale;

    if (stock->is_destroyed) {
        free(stock);
        return;
    }
    while (stock->free_call && (sale = stock_sales_pop_ready(&stock->sales)) != NULL) {
        if (may_send(stock, sale)) {
            send_call(stock, sale);
        }
        if (may_send(stock, sale)) {
            make_ready(stock, sale);
        } else {
            watch_deadline(stock, sale);
            stock_sales_drop_if_idle(&stock->sales, sale);
        }
    }
    for (sale = stock->sales.first_ready; sale; sale = sale->next) { /* no call is free */
        watch_deadline(stock, sale);
    }
    stock->is_flush_due = false;
    redis_link_flush(stock->options.link);
}

/* --- replies --- */

static void on_decided(struct stock *stock, struct call *call)
{
    struct purchase_reply *reply = &stock->reply;
    uint64_t handle = 0;

    if (reply->win_count > 0) {
        handle = outbox_won(stock->options.outbox, call->call.sale, call->call.epoch,
                            reply->first_win, reply->win_count);
    }
    for (uint32_t i = 0; i < reply->result_count; i++) {
        struct purchase_result *result = &reply->results[i];

        if (result->decision == DECISION_WON) {
            result->win.outbox_handle = handle;
        }
        decide(stock, call->waiting[i], result->decision, result->has_win ? &result->win : NULL);
    }
}

/* The clock was learnt anew from this reply; those with time left are sent once more, before what
 * came after them. */
static void on_late(struct stock *stock, struct call *call, int64_t now_us)
{
    struct stock_queue late = {0};

    metrics_add(stock->options.shard, METRIC_script_late_total, 0, 1);
    for (uint32_t i = call->call.attempt_count; i-- > 0;) {
        struct stock_waiting *waiting = call->waiting[i];

        if (waiting->was_late || waiting->attempt.deadline_us - now_us < TOO_LATE_US) {
            stock_queue_prepend(&late, waiting);
        } else {
            waiting->was_late = true;
            stock_queue_prepend(&call->sale->queue, waiting);
        }
    }
    decide_queue(stock, late, DECISION_LATE);
}

static void on_answer(struct stock *stock, struct call *call, int64_t received_us)
{
    enum sale_answer answer = stock->reply.answer;

    if (answer == SALE_ANSWER_OK || answer == SALE_ANSWER_LATE) {
        redis_link_learn_time(stock->options.link, stock->reply.head.redis_time_ms, received_us);
        metrics_add(stock->options.shard, METRIC_acknowledgements_total, 0, call->call.ack_count);
    } else if (answer != SALE_ANSWER_GONE && answer != SALE_ANSWER_EPOCH) {
        return_acks(stock, call); /* after the other two a load takes care of the entries */
    }
    if (answer != SALE_ANSWER_ARGS) {
        purchase_call_view(&call->call, &stock->reply, &stock->view);
        stock->view.sent_us = call->sent_us;
        stock->view.received_us = received_us;
        stock->options.on_view(stock->options.view_arg, &stock->view);
    }
    if (answer == SALE_ANSWER_OK) {
        on_decided(stock, call);
    } else if (answer == SALE_ANSWER_LATE) {
        on_late(stock, call, received_us);
    } else if (answer == SALE_ANSWER_TYPE || answer == SALE_ANSWER_ARGS) {
        LOG_ERROR("purchase_call_broken", KV_U64("sale", call->call.sale.value),
                  KV_STR("status", sale_answer_name(answer)));
        metrics_add(stock->options.shard, METRIC_redis_errors_total,
                    answer == SALE_ANSWER_TYPE ? LABEL_REDIS_TYPE : LABEL_REDIS_ARGS, 1);
        decide_call(stock, call, DECISION_BROKEN);
    } else {
        decide_call(stock, call, DECISION_REBUILDING);
    }
}

/* A reply that cannot be read tells nothing, not even that nothing happened. */
static enum err read_reply(struct stock *stock, const struct call *call,
                           const struct redis_reply *reply)
{
    struct purchase_text items[PURCHASE_REPLY_ITEMS];
    size_t count = redis_reply_count(reply);
    enum err err;

    for (size_t i = 0; i < count && i < PURCHASE_REPLY_ITEMS; i++) {
        items[i].text = redis_reply_string(redis_reply_item(reply, i), &items[i].size);
    }
    err = purchase_call_decode(&call->call, items, count, &stock->reply);
    if (err != ERR_OK) {
        redis_link_distrust(stock->options.link, err == ERR_FENCED
                                                     ? "purchase: the reply of another request"
                                                     : "purchase: a malformed reply");
        return ERR_LOST;
    }
    return ERR_OK;
}

static void on_reply(void *arg, enum err status, const struct redis_reply *reply)
{
    struct call *call = arg;
    struct stock *stock = call->stock;
    struct stock_sale *sale = call->sale;
    int64_t now_us = loop_clock_us(stock->options.loop);

    sale->calls--;
    if (status == ERR_OK) {
        metrics_observe_us(stock->options.shard, METRIC_script_call_duration_seconds, 0,
                           (uint64_t)(now_us - call->sent_us));
        status = read_reply(stock, call, reply);
    }
    if (status == ERR_OK) {
        on_answer(stock, call, now_us);
    } else if (status == ERR_REFUSED) {
        return_acks(stock, call);
        decide_call(stock, call, DECISION_NOT_DONE);
    } else {
        /* Lost; or the script failed in the middle, which the link counted as an alarm. */
        decide_call(stock, call, DECISION_LOST_REPLY);
    }
    give_call(stock, call);
    make_ready(stock, sale);
}

/* --- the outside --- */

struct stock *stock_create(const struct stock_options *options)
{
    struct stock *stock = calloc(1, sizeof *stock);

    ASSERT(options->batch_max >= 1 && options->batch_max <= PURCHASE_CALL_MAX);
    ASSERT(options->calls_max >= 1 && options->on_view);
    if (!stock) {
        return NULL;
    }
    stock->options = *options;
    timer_init(&stock->late_timer, options->loop, on_late_timer, stock);
    stock->waiting = slab_create(sizeof(struct stock_waiting), options->attempts_max);
    stock->calls = calloc(CALLS_TOTAL_MAX, sizeof *stock->calls);
    if (!stock_sales_init(&stock->sales, options->sales_max) || !stock->waiting || !stock->calls) {
        stock_destroy(stock);
        return NULL;
    }
    for (uint32_t i = 0; i < CALLS_TOTAL_MAX; i++) {
        stock->calls[i].stock = stock;
        buf_init(&stock->calls[i].wire, WIRE_SIZE_MAX);
        give_call(stock, &stock->calls[i]);
    }
    return stock;
}

void stock_destroy(struct stock *stock)
{
    struct stock_queue waiting = {0};

    if (!stock) {
        return;
    }
    if (stock->sales.buckets) { /* nothing of them was sent */
        (void)stock_sales_take_late(&stock->sales, INT64_MAX, &waiting);
        decide_queue(stock, waiting, DECISION_NOT_DONE);
    }
    for (uint32_t i = 0; stock->calls && i < CALLS_TOTAL_MAX; i++) {
        buf_finish(&stock->calls[i].wire);
    }
    free(stock->calls);
    timer_stop(&stock->late_timer);
    ASSERT(!stock->waiting || slab_taken_count(stock->waiting) == 0);
    slab_destroy(stock->waiting);
    stock_sales_finish(&stock->sales);
    stock->is_destroyed = true;
    if (!stock->is_flush_due) {
        free(stock);
    }
}

enum err stock_decide(struct stock *stock, const struct attempt *attempt, stock_decided_fn *done,
                      void *arg)
{
    struct stock_waiting *waiting;
    struct stock_sale *sale;

    loop_assert_owner(stock->options.loop);
    ASSERT(attempt->epoch >= 1 && attempt->epoch <= EPOCH_MAX && done);
    if (!redis_link_is_up(stock->options.link)) {
        return ERR_UNAVAILABLE;
    }
    waiting = slab_take(stock->waiting);
    if (!waiting) {
        return ERR_BUSY;
    }
    sale = stock_sales_find_or_add(&stock->sales, attempt->sale);
    if (!sale) {
        slab_give(stock->waiting, waiting);
        return ERR_BUSY;
    }
    waiting->attempt = *attempt;
    waiting->done = done;
    waiting->arg = arg;
    stock_queue_append(&sale->queue, waiting);
    make_ready(stock, sale);
    return ERR_OK;
}

enum err stock_poll(struct stock *stock, struct sale_id id, uint32_t epoch)
{
    struct stock_sale *sale;

    loop_assert_owner(stock->options.loop);
    ASSERT(epoch >= 1 && epoch <= EPOCH_MAX);
    if (!redis_link_is_up(stock->options.link)) {
        return ERR_UNAVAILABLE;
    }
    sale = stock_sales_find_or_add(&stock->sales, id);
    if (!sale) {
        return ERR_BUSY;
    }
    if (sale->calls == 0 && sale->queue.count == 0) {
        sale->poll_epoch = epoch;
        make_ready(stock, sale);
    }
    return ERR_OK;
}

enum err stock_own_orders(struct stock *stock, struct sale_id sale, uint32_t epoch,
                          const struct buyer *buyer, stock_own_orders_fn *done, void *arg)
{
    return own_orders_read(stock->options.link, sale, epoch, buyer, done, arg);
}

enum err stock_scan_buyers(struct stock *stock, struct sale_id sale, const struct buyer_scan *scan)
{
    return buyer_scan_start(stock->options.link, sale, scan);
}

uint32_t stock_inflight_count(const struct stock *stock)
{
    return slab_taken_count(stock->waiting);
}
