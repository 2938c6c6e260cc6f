/* api_orders.c: on_post → take_* (what is asked, by whom) → judge (without I/O) → start →
 * on_answer. */
#include "api/api_orders.h"

#include <stdlib.h>
#include <string.h>

#include "admission/gate.h"
#include "api/api_reply.h"
#include "codec/json.h"
#include "common/assert.h"
#include "common/hash.h"
#include "common/metrics.h"
#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "journal/order_log.h"
#include "loop/loop.h"
#include "purchase/purchase.h"
#include "purchase/sale_board.h"

/* Bodies that were read before: in a rush nearly all are the same few, and the same bytes mean the
 * same. */
enum { KNOWN_BODIES = 64, KNOWN_BODY_SIZE_MAX = 96 };
struct known_body {
    uint32_t size; /* 0: none */
    uint32_t quantity;
    struct sku sku;
    char text[KNOWN_BODY_SIZE_MAX];
};

struct api_orders {
    struct api_orders_options with;
    struct known_body known[KNOWN_BODIES]; /* by hash */
};

/* What the buyer asks for. */
struct wanted {
    struct sale_id sale;
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    struct key_hash key_hash;
};

static void refuse(struct http_exchange *exchange, enum http_problem problem, const char *detail)
{
    struct http_problem_extra extra = {.detail = detail};

    http_reply_refusal(exchange, problem, &extra);
}

static bool take_key(struct http_exchange *exchange, const struct http_request *request,
                     struct wanted *wanted)
{
    struct http_slice value = http_request_known(request, HTTP_HEADER_IDEMPOTENCY_KEY);

    if (value.data == NULL) {
        wanted->key_hash.hex[0] = '\0';
        return true;
    }
    if (idempotency_key_parse(value.data, value.size, &wanted->key_hash) != ERR_OK) {
        http_reply_refusal(exchange, HTTP_PROBLEM_BAD_IDEMPOTENCY_KEY, NULL);
        return false;
    }
    return true;
}

static bool take_members(struct http_exchange *exchange, const struct json_doc *doc,
                         struct wanted *wanted)
{
    struct json_take take;
    struct json_error error;
    struct json_in sku = {0};
    const char *text = NULL;
    size_t size = 0;

    wanted->quantity = 1;
    json_take_begin(&take, json_doc_root(doc));
    if (json_take_any(&take, "sku", JSON_REQUIRED, &sku)) {
        if (!json_in_is_text(sku, &text, &size)) {
            json_take_fault(&take, "sku", "must be a text");
        } else if (sku_parse(text, size, &wanted->sku) != ERR_OK) {
            http_reply_refusal(exchange, HTTP_PROBLEM_BAD_SKU, NULL);
            return false;
        }
    }
    bool is_sku_good = !take.failed;
    (void)json_take_u32(&take, "quantity", JSON_OPTIONAL, 1, QUANTITY_MAX, &wanted->quantity);
    bool is_quantity_bad = is_sku_good && take.failed;
    if (json_take_end(&take, &error) != ERR_OK) {
        refuse(exchange, is_quantity_bad ? HTTP_PROBLEM_BAD_QUANTITY : HTTP_PROBLEM_BAD_BODY,
               error.text);
        return false;
    }
    return true;
}

/* Where this body is remembered, or is to be; NULL: too large for that. */
static struct known_body *known_body_of(struct api_orders *orders, struct http_slice body)
{
    if (body.size == 0 || body.size > KNOWN_BODY_SIZE_MAX) {
        return NULL;
    }
    return &orders->known[hash64(body.data, body.size, 0) % KNOWN_BODIES];
}

static bool recall_body(const struct known_body *known, struct http_slice body,
                        struct wanted *wanted)
{
    if (known == NULL || known->size != body.size
        || memcmp(known->text, body.data, body.size) != 0) {
        return false;
    }
    wanted->sku = known->sku;
    wanted->quantity = known->quantity;
    return true;
}

static void remember_body(struct known_body *known, struct http_slice body,
                          const struct wanted *wanted)
{
    if (known != NULL) {
        known->size = (uint32_t)body.size;
        memcpy(known->text, body.data, body.size);
        known->sku = wanted->sku;
        known->quantity = wanted->quantity;
    }
}

static bool take_body(struct api_orders *orders, struct http_exchange *exchange,
                      const struct http_request *request, struct wanted *wanted)
{
    struct known_body *known = known_body_of(orders, request->body);
    static const struct json_limits limits = {.size_max = HTTP_BODY_MAX, .depth_max = 4};
    struct json_doc doc = {0};
    struct json_error error;

    if (recall_body(known, request->body, wanted)) {
        return true;
    }
    enum err err = json_doc_read(request->body.data, request->body.size, &limits, &doc, &error);
    if (err != ERR_OK) {
        refuse(exchange, HTTP_PROBLEM_BAD_JSON, error.text);
        return false;
    }
    bool taken = take_members(exchange, &doc, wanted);
    json_doc_finish(&doc);
    if (taken) {
        remember_body(known, request->body, wanted);
    }
    return taken;
}

/* For what is answered here: no script was called, no slot was taken. */
static void count(struct api_orders *orders, struct http_exchange *exchange, enum outcome outcome)
{
    struct metrics_shard *shard = orders->with.shard;
    int64_t since_us = loop_clock_us(orders->with.loop) - http_exchange_received_us(exchange);

    metrics_add(shard, METRIC_purchases_total, outcome, 1);
    metrics_add(shard, METRIC_purchases_from_memory_total, outcome, 1);
    metrics_observe_us(shard, METRIC_purchase_duration_seconds, outcome, (uint64_t)since_us);
}

static void say(struct api_orders *orders, struct http_exchange *exchange, enum outcome outcome,
                uint32_t retry_after_s)
{
    count(orders, exchange, outcome);
    api_reply_outcome(orders->with.reply, exchange, outcome, retry_after_s);
}

static void say_shed(struct api_orders *orders, struct http_exchange *exchange,
                     enum label_SHED cause)
{
    count(orders, exchange, OUTCOME_OVERLOADED);
    api_reply_shed(orders->with.reply, exchange, cause);
}

/* Outcomes that are no 503, but pass by themselves: a herd must not come back at once. */
static uint32_t retry_after_s(struct api_orders *orders, enum outcome outcome, uint32_t known_s)
{
    bool passes = outcome == OUTCOME_NOT_OPEN || outcome == OUTCOME_PAUSED;

    return passes && known_s == 0 ? 1 + (uint32_t)(loop_random(orders->with.loop) % 5) : known_s;
}

static void shed(struct api_orders *orders, struct http_exchange *exchange, enum label_SHED cause)
{
    metrics_add(orders->with.shard, METRIC_shed_total, cause, 1);
    say_shed(orders, exchange, cause);
}

static uint32_t opening_in_s(struct api_orders *orders, struct sale_id sale_id)
{
    const struct board_sale *sale = sale_board_look(orders->with.board, sale_id);

    if (sale == NULL) {
        return 0;
    }
    return gate_retry_after_s(
        gate_opens_in_ms(&sale->definition, &sale->opening, loop_clock_us(orders->with.loop)));
}

static void on_answer(void *arg, const struct purchase_answer *answer)
{
    struct http_exchange *exchange = arg;
    struct api_orders *orders = http_exchange_user(exchange);
    struct api_reply *reply = orders->with.reply;

    switch (answer->outcome) {
    case OUTCOME_ACCEPTED:
    case OUTCOME_REPLAYED: {
        struct api_order order = {.entry = answer->order,
                                  .unit_price = answer->unit_price,
                                  .currency = answer->currency,
                                  .pay_by_ms = answer->pay_by_ms};
        api_reply_won(reply, exchange, &order, answer->outcome == OUTCOME_REPLAYED);
        return;
    }
    case OUTCOME_LIMIT_REACHED: api_reply_limit(reply, exchange, answer->held); return;
    case OUTCOME_OVERLOADED: api_reply_shed(reply, exchange, answer->shed); return;
    case OUTCOME_NOT_OPEN:
    case OUTCOME_PAUSED:
        api_reply_outcome(reply, exchange, answer->outcome,
                          retry_after_s(orders, answer->outcome,
                                        answer->outcome == OUTCOME_NOT_OPEN
                                            ? opening_in_s(orders, answer->sale)
                                            : 0));
        return;
    case OUTCOME_SOLD_OUT:
    case OUTCOME_ENDED:
    case OUTCOME_NOT_ELIGIBLE:
    case OUTCOME_UNKNOWN_SALE:
    case OUTCOME_UNKNOWN_SKU:
    case OUTCOME_KEY_REUSED:
    case OUTCOME_RATE_LIMITED:
    case OUTCOME_REBUILDING:
    case OUTCOME_OUTCOME_UNKNOWN: api_reply_outcome(reply, exchange, answer->outcome, 0); return;
    case OUTCOME_COUNT: break;
    }
    UNREACHABLE();
}

static void start(struct api_orders *orders, struct http_exchange *exchange,
                  const struct wanted *wanted, const struct board_sale *sale, int sku)
{
    const struct sale_definition *definition = &sale->definition;
    struct purchase_request request = {.sale = wanted->sale,
                                       .epoch = sale->epoch,
                                       .buyer = wanted->buyer,
                                       .sku = wanted->sku,
                                       .quantity = wanted->quantity,
                                       .key_hash = wanted->key_hash,
                                       .traceparent = *http_exchange_traceparent(exchange),
                                       .received_us = http_exchange_received_us(exchange),
                                       .deadline_ms = definition->times.deadline_ms,
                                       .pay_window_ms = definition->pay_window_ms,
                                       .unit_price = definition->skus[sku].price};
    memcpy(request.currency, definition->currency, sizeof request.currency);
    http_exchange_set_user(exchange, orders);
    enum err err = purchase_start(orders->with.purchases, &request, on_answer, exchange);
    if (err != ERR_OK) { /* purchase_start() counted the cause */
        say_shed(orders, exchange,
                 err == ERR_BUSY ? LABEL_SHED_PURCHASES : redis_link_shed(orders->with.link));
    }
}

/* Back-pressure before harm: when a win could not be told, none is made (PROTOCOL §3.2). */
static bool has_room(struct api_orders *orders, int64_t now_us, enum label_SHED *ret_cause)
{
    const char *why = NULL;
    struct gate_room room = {
        .has_link = redis_link_is_up(orders->with.link),
        .link_shed = redis_link_shed(orders->with.link),
        .log_is_ready = order_log_is_ready(orders->with.order_log, &why),
        .outbox_is_full = outbox_is_full(orders->with.outbox),
        .log_is_doubted = order_log_is_doubted(orders->with.order_log),
        .purchases = purchases_count(orders->with.purchases),
        .log_oldest_us = order_log_oldest_us(orders->with.order_log),
        .now_us = now_us,
        .unreported_max_us = (int64_t)orders->with.unreported_max_ms * 1000,
    };

    return gate_has_room(&room, ret_cause);
}

static void judge(struct api_orders *orders, struct http_exchange *exchange,
                  const struct wanted *wanted)
{
    struct board_sale *sale = NULL;
    struct gate_request request = {.is_draining = *orders->with.is_draining,
                                   .buyer = &wanted->buyer,
                                   .now_us = http_exchange_received_us(exchange),
                                   .sku = -1};
    enum label_SHED cause;

    request.sale = sale_board_ask(orders->with.board, wanted->sale, &sale);
    if (request.sale == GATE_SALE_KNOWN) {
        request.definition = &sale->definition;
        request.view = &sale->opening;
        request.memory = &sale->memory;
        request.sku = sale_board_find_sku(orders->with.board, sale, &wanted->sku);
    }
    struct gate_answer answer = gate_judge(&request);
    if (answer.may_be_winner) {
        metrics_add(orders->with.shard, METRIC_bloom_maybe_total, LABEL_BLOOM_WINNERS, 1);
    }
    if (!answer.passes) {
        if (answer.outcome == OUTCOME_OVERLOADED) {
            shed(orders, exchange, LABEL_SHED_DRAIN);
        } else if (answer.outcome == OUTCOME_REBUILDING
                   && redis_link_trouble(orders->with.link)[0] != '\0') {
            shed(orders, exchange, redis_link_shed(orders->with.link));
        } else {
            say(orders, exchange, answer.outcome,
                retry_after_s(orders, answer.outcome, answer.retry_after_s));
        }
    } else if (!has_room(orders, request.now_us, &cause)) {
        shed(orders, exchange, cause);
    } else {
        start(orders, exchange, wanted, sale, request.sku);
    }
}

static void on_post(void *arg, struct http_exchange *exchange, const struct http_request *request)
{
    struct api_orders *orders = arg;
    struct wanted wanted;

    if (api_reply_take_sale(exchange, request, &wanted.sale)
        && api_reply_take_buyer(exchange, request, orders->with.identity,
                                loop_wall_ms(orders->with.loop), &wanted.buyer)
        && take_key(exchange, request, &wanted) && take_body(orders, exchange, request, &wanted)) {
        judge(orders, exchange, &wanted);
    }
}

struct api_orders *api_orders_create(const struct api_orders_options *options)
{
    struct api_orders *orders = calloc(1, sizeof *orders);

    if (orders != NULL) {
        orders->with = *options;
    }
    return orders;
}

void api_orders_destroy(struct api_orders *orders)
{
    free(orders);
}

void api_orders_routes(struct api_orders *orders,
                       struct http_route routes[static API_ORDERS_ROUTES])
{
    routes[0] = (struct http_route){.method = HTTP_METHOD_POST,
                                    .pattern = "/v1/sales/{sale}/orders",
                                    .handler = on_post,
                                    .arg = orders,
                                    .flags = HTTP_ROUTE_JSON};
}
