/* api_cancel.c: on_post → on_found (whose order, in which state) → on_told (the log's word). */
#include "api/api_cancel.h"

#include <stdlib.h>

#include "api/api_notices.h"
#include "api/api_own_read.h"
#include "api/api_reply.h"
#include "common/metrics.h"
#include "domain/notice.h"
#include "loop/loop.h"

struct api_cancel {
    struct api_cancel_options with;
};

static void count(const struct api_cancel *cancel, enum label_CANCEL result)
{
    metrics_add(cancel->with.shard, METRIC_cancel_requests_total, result, 1);
}

static void say_away(const struct api_cancel *cancel, struct http_exchange *exchange)
{
    count(cancel, LABEL_CANCEL_UNAVAILABLE);
    api_reply_detail(cancel->with.reply, exchange, OUTCOME_OVERLOADED, api_notices_away_text());
}

/* `mark` is the state that was found. */
static void on_told(void *arg, struct http_exchange *exchange, const struct api_notices_end *end)
{
    const struct api_cancel *cancel = arg;

    if (end->status == ERR_OK) {
        count(cancel, LABEL_CANCEL_TAKEN);
        api_reply_cancelling(cancel->with.reply, exchange, end->order_no, end->mark != 0);
    } else if (end->status == ERR_REFUSED) {
        say_away(cancel, exchange);
    } else {
        count(cancel, LABEL_CANCEL_UNKNOWN);
        api_reply_detail(cancel->with.reply, exchange, OUTCOME_OUTCOME_UNKNOWN,
                         api_notices_unknown_text());
    }
}

static void send(struct api_cancel *cancel, struct http_exchange *exchange,
                 const struct api_own_found *found, bool is_confirming)
{
    struct notice notice;

    notice_make_cancel(found->order_no, &found->buyer, loop_wall_ms(cancel->with.loop),
                       http_exchange_traceparent(exchange), &notice);
    if (api_notices_send(cancel->with.notices, exchange, &notice, is_confirming, on_told, cancel)
        != ERR_OK) {
        say_away(cancel, exchange);
    }
}

static void on_found(void *arg, struct http_exchange *exchange, const struct api_own_found *found)
{
    struct api_cancel *cancel = arg;
    struct api_order order;

    if (!api_own_found_one(found, &order)) {
        count(cancel, LABEL_CANCEL_NOT_FOUND);
        http_reply_refusal(exchange, HTTP_PROBLEM_NOT_FOUND, NULL);
    } else if (!api_reply_is_pending(&order)) {
        count(cancel, LABEL_CANCEL_NOT_PENDING);
        api_reply_not_pending(cancel->with.reply, exchange, &order);
    } else {
        send(cancel, exchange, found, order.is_confirming);
    }
}

static void on_post(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_cancel *cancel = arg;

    if (!api_notices_are_taken(cancel->with.notices)) {
        say_away(cancel, exchange);
        return;
    }
    api_own_read_begin(cancel->with.own_read, exchange, request, on_found, cancel);
}

struct api_cancel *api_cancel_create(const struct api_cancel_options *options)
{
    struct api_cancel *cancel = calloc(1, sizeof *cancel);
    if (cancel != NULL) {
        cancel->with = *options;
    }
    return cancel;
}

void api_cancel_destroy(struct api_cancel *cancel)
{
    free(cancel);
}

void api_cancel_routes(struct api_cancel *cancel,
                       struct http_route routes[static API_CANCEL_ROUTES])
{
    routes[0] = (struct http_route){.method = HTTP_METHOD_POST,
                                    .pattern = "/v1/sales/{sale}/orders/{order_no}/cancel",
                                    .handler = on_post,
                                    .arg = cancel};
}
