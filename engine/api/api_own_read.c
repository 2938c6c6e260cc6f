/* api_own_read.c: begin → on_read or on_deadline, whichever is first, has the exchange. */
#include "api/api_own_read.h"

#include <stdlib.h>

#include "common/assert.h"
#include "common/slab.h"
#include "http/http_server.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "purchase/sale_board.h"

struct api_own_read {
    struct api_own_read_options with;
    struct slab *slab; /* owned */
    bool is_mute;
};

struct read {
    struct api_own_read *own;       /* borrowed */
    struct http_exchange *exchange; /* NULL: answered */
    api_own_found_fn *found;
    void *arg;
    struct sale_id sale;
    struct buyer buyer;
    struct order_no order_no;
    struct timer deadline;
};

static void on_deadline(void *arg)
{
    struct read *read = arg;
    struct http_exchange *exchange = read->exchange;

    read->exchange = NULL;
    if (exchange != NULL) {
        api_reply_shed(read->own->with.reply, exchange, LABEL_SHED_LATE);
    }
}

static void pass_on(struct read *read, enum err status, const struct own_orders *orders)
{
    const struct api_own_read_options *with = &read->own->with;
    const struct board_sale *sale = sale_board_look(with->board, read->sale);

    if (status == ERR_FENCED || sale == NULL) {
        api_reply_outcome(with->reply, read->exchange, OUTCOME_REBUILDING, 0);
    } else if (status == ERR_REFUSED || status == ERR_LOST) {
        api_reply_shed(with->reply, read->exchange, redis_link_shed(with->link));
    } else if (status != ERR_OK) {
        api_reply_shed(with->reply, read->exchange, LABEL_SHED_LATE);
    } else {
        const struct api_own_found found = {.buyer = read->buyer,
                                            .order_no = read->order_no,
                                            .definition = &sale->definition,
                                            .orders = orders};
        read->found(read->arg, read->exchange, &found);
    }
}

static void on_read(void *arg, enum err status, const struct own_orders *orders)
{
    struct read *read = arg;
    struct api_own_read *own = read->own;

    timer_stop(&read->deadline);
    if (read->exchange != NULL && !own->is_mute) {
        pass_on(read, status, orders);
    }
    slab_give(own->slab, read);
}

static void start(struct api_own_read *own, struct http_exchange *exchange,
                  const struct board_sale *sale, const struct read *asked)
{
    struct read *read = slab_take(own->slab);
    if (read == NULL) {
        api_reply_outcome(own->with.reply, exchange, OUTCOME_OVERLOADED, 0);
        return;
    }
    *read = *asked;
    enum err err =
        stock_own_orders(own->with.stock, read->sale, sale->epoch, &read->buyer, on_read, read);
    if (err != ERR_OK) {
        slab_give(own->slab, read);
        api_reply_shed(own->with.reply, exchange,
                       err == ERR_UNAVAILABLE ? redis_link_shed(own->with.link)
                                              : LABEL_SHED_REDIS_QUEUE);
        return;
    }
    timer_init(&read->deadline, own->with.loop, on_deadline, read);
    timer_start_at(&read->deadline, http_exchange_received_us(exchange)
                                        + (int64_t)sale->definition.times.deadline_ms * 1000);
}

static bool take_order_no(struct http_exchange *exchange, const struct http_request *request,
                          struct order_no *ret_order_no)
{
    *ret_order_no = (struct order_no){0};
    if (request->param_count > 1
        && order_no_parse(request->params[1].data, request->params[1].size, ret_order_no)
               != ERR_OK) {
        http_reply_refusal(exchange, HTTP_PROBLEM_BAD_ORDER_NO, NULL);
        return false;
    }
    return true;
}

void api_own_read_begin(struct api_own_read *own, struct http_exchange *exchange,
                        const struct http_request *request, api_own_found_fn *found, void *arg)
{
    struct read asked = {.own = own, .exchange = exchange, .found = found, .arg = arg};
    struct board_sale *sale = NULL;

    if (!take_order_no(exchange, request, &asked.order_no)
        || !api_reply_take_sale(exchange, request, &asked.sale)
        || !api_reply_take_buyer(exchange, request, own->with.identity,
                                 loop_wall_ms(own->with.loop), &asked.buyer)) {
        return;
    }
    switch (sale_board_ask(own->with.board, asked.sale, &sale)) {
    case GATE_SALE_KNOWN: break;
    case GATE_SALE_ABSENT:
        api_reply_outcome(own->with.reply, exchange, OUTCOME_UNKNOWN_SALE, 0);
        return;
    case GATE_SALE_UNSURE: api_reply_unsure(own->with.reply, exchange, own->with.link); return;
    }
    start(own, exchange, sale, &asked);
}

bool api_own_found_fill(const struct api_own_found *found, const struct order_entry *entry,
                        struct api_order *ret_order)
{
    const struct own_orders *orders = found->orders;
    int sku = sale_find_sku(found->definition, &entry->sku);

    if (sku < 0) {
        return false;
    }
    *ret_order = (struct api_order){
        .entry = entry,
        .is_confirming = entry->state == ORDER_STATE_PENDING && orders->outbox_first != 0
                         && order_no_epoch(entry->order_no) == orders->epoch
                         && order_no_seq(entry->order_no) >= orders->outbox_first,
        .unit_price = found->definition->skus[sku].price,
        .currency = found->definition->currency,
        .pay_by_ms = entry->won_at_ms + found->definition->pay_window_ms};
    return true;
}

bool api_own_found_one(const struct api_own_found *found, struct api_order *ret_order)
{
    for (uint32_t i = 0; i < found->orders->count; i++) {
        const struct order_entry *entry = &found->orders->entries[i];

        if (entry->order_no.value == found->order_no.value) {
            return api_own_found_fill(found, entry, ret_order);
        }
    }
    return false;
}

struct api_own_read *api_own_read_create(const struct api_own_read_options *options)
{
    struct api_own_read *own = calloc(1, sizeof *own);
    if (own == NULL) {
        return NULL;
    }
    own->with = *options;
    own->slab = slab_create(sizeof(struct read), options->reads_max);
    if (own->slab == NULL) {
        free(own);
        return NULL;
    }
    return own;
}

void api_own_read_destroy(struct api_own_read *own)
{
    if (own == NULL) {
        return;
    }
    ASSERT(slab_taken_count(own->slab) == 0); /* stock has answered all: no timer runs */
    slab_destroy(own->slab);
    free(own);
}

void api_own_read_mute(struct api_own_read *own)
{
    own->is_mute = true;
}
