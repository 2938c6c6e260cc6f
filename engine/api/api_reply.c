/* api_reply.c: bodies are written straight into one buffer of the reactor. */
#include "api/api_reply.h"

#include <string.h>

#include "admission/identity.h"
#include "codec/json_out.h"
#include "common/assert.h"
#include "common/clock.h"
#include "http/http_request.h"
#include "inventory/redis_link.h"

/* The longest order: 20 digits of number, 8 of sale, a sku of 32, ... */
enum { ORDER_SIZE_MAX = 400 };

void api_reply_init(struct api_reply *reply)
{
    for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
        if (outcome_http_status((enum outcome)outcome) >= 400) {
            http_problem_init_outcome(&reply->outcomes[outcome], (enum outcome)outcome);
        }
    }
    buf_init(&reply->body, API_REPLY_BODY_MAX);
    buf_init(&reply->headers, API_REPLY_HEADERS_MAX);
}

void api_reply_finish(struct api_reply *reply)
{
    buf_finish(&reply->body);
    buf_finish(&reply->headers);
}

void api_reply_outcome(struct api_reply *reply, struct http_exchange *exchange,
                       enum outcome outcome, uint32_t retry_after_s)
{
    if (retry_after_s == 0) {
        http_reply_problem(exchange, &reply->outcomes[outcome], NULL);
        return;
    }
    struct http_problem_extra extra = {.retry_after_s = retry_after_s};
    http_reply_problem(exchange, &reply->outcomes[outcome], &extra);
}

/* NULL: as domain/outcome.def says. */
static const char *shed_detail(enum label_SHED cause)
{
    switch (cause) {
    case LABEL_SHED_DRAIN: return "This engine is being stopped. Nothing was done.";
    case LABEL_SHED_REDIS_DOWN: return "Redis, which has the stock, is away. Nothing was done.";
    case LABEL_SHED_REDIS_QUEUE:
        return "Redis, which has the stock, does not keep up. Nothing was done.";
    case LABEL_SHED_REDIS_OOM:
        return "Redis, which has the stock, has no memory left. Nothing was done.";
    case LABEL_SHED_REDIS_BUSY:
        return "Redis, which has the stock, is busy with something else. Nothing was done.";
    case LABEL_SHED_REDIS_MISCONF:
        return "Redis, which has the stock, cannot write to its disk. Nothing was done.";
    case LABEL_SHED_REDIS_READONLY:
        return "Redis, which has the stock, is a replica and takes no purchase. Nothing was done.";
    case LABEL_SHED_REDIS_NOREPLICAS:
        return "Redis, which has the stock, misses its replicas. Nothing was done.";
    case LABEL_SHED_REDIS_LOADING:
        return "Redis, which has the stock, is loading its data. Nothing was done.";
    case LABEL_SHED_REDIS_REFUSED:
        return "Redis, which has the stock, takes no purchase. Nothing was done.";
    case LABEL_SHED_KAFKA_DOWN: return "Kafka, which has the order log, is away. Nothing was done.";
    case LABEL_SHED_UNREPORTED:
    case LABEL_SHED_OUTBOX:
        return "Kafka, which has the order log, does not keep up. Nothing was done.";
    case LABEL_SHED_CONNECTIONS:
    case LABEL_SHED_EXCHANGES:
    case LABEL_SHED_PURCHASES:
    case LABEL_SHED_KAFKA_QUEUE:
    case LABEL_SHED_LATE:
    case LABEL_SHED_COUNT: break;
    }
    return NULL;
}

void api_reply_detail(struct api_reply *reply, struct http_exchange *exchange, enum outcome outcome,
                      const char *detail)
{
    struct http_problem_extra extra = {.detail = detail};

    http_reply_problem(exchange, &reply->outcomes[outcome], &extra);
}

void api_reply_shed(struct api_reply *reply, struct http_exchange *exchange, enum label_SHED cause)
{
    api_reply_detail(reply, exchange, OUTCOME_OVERLOADED, shed_detail(cause));
}

void api_reply_unsure(struct api_reply *reply, struct http_exchange *exchange,
                      const struct redis_link *link)
{
    if (redis_link_trouble(link)[0] == '\0') {
        api_reply_outcome(reply, exchange, OUTCOME_REBUILDING, 0);
    } else {
        api_reply_shed(reply, exchange, redis_link_shed(link));
    }
}

static void append_order_path(struct buf *out, struct order_no order_no)
{
    char text[ORDER_NO_TEXT_SIZE];

    buf_append_text(out, "/v1/sales/");
    buf_append_u64(out, order_no_sale(order_no).value);
    buf_append_text(out, "/orders/");
    buf_append_text(out, order_no_format(order_no, text));
}

void api_reply_limit(struct api_reply *reply, struct http_exchange *exchange, struct order_no held)
{
    if (held.value == 0) {
        api_reply_outcome(reply, exchange, OUTCOME_LIMIT_REACHED, 0);
        return;
    }
    char text[ORDER_NO_TEXT_SIZE];
    buf_clear(&reply->body);
    buf_append_text(&reply->body, "\"order_no\":\"");
    buf_append_text(&reply->body, order_no_format(held, text));
    buf_append_text(&reply->body, "\",\"order\":\"");
    append_order_path(&reply->body, held);
    buf_append_char(&reply->body, '"');
    ASSERT(!reply->body.failed);
    struct http_problem_extra extra = {
        .detail = "With what you hold already, this is more than one buyer may order in this sale.",
        .members = {reply->body.data, reply->body.size}};
    http_reply_problem(exchange, &reply->outcomes[OUTCOME_LIMIT_REACHED], &extra);
}

/* QUARANTINED is ours to mend: the buyer sees PENDING. */
static const char *state_text(const struct api_order *order)
{
    if (order->is_confirming) {
        return "CONFIRMING";
    }
    if (order->entry->state == ORDER_STATE_QUARANTINED) {
        return order_state_name(ORDER_STATE_PENDING);
    }
    return order_state_name(order->entry->state);
}

static char *put(char *at, const char *text, size_t size)
{
    memcpy(at, text, size);
    return at + size;
}

static char *put_u64(char *at, uint64_t value)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[sizeof digits - ++count] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(at, digits + sizeof digits - count, count);
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

/* A template: nothing in an order needs an escape (domain/ids.h: order numbers, skus; three
 * capitals). */
void api_reply_write_order(struct json_out *out, const struct api_order *order)
{
    const struct order_entry *entry = order->entry;
    const char *state = state_text(order);
    char text[ORDER_SIZE_MAX], number[ORDER_NO_TEXT_SIZE], time[CLOCK_TEXT_SIZE];
    char *at = text;

    at = PUT(at, "{\"order_no\":\"");
    at = put(at, number, strlen(order_no_format(entry->order_no, number)));
    at = PUT(at, "\",\"sale\":");
    at = put_u64(at, order_no_sale(entry->order_no).value);
    at = PUT(at, ",\"sku\":\"");
    at = put(at, entry->sku.text, entry->sku.size);
    at = PUT(at, "\",\"quantity\":");
    at = put_u64(at, entry->quantity);
    at = PUT(at, ",\"unit_price\":");
    at = put_u64(at, order->unit_price);
    at = PUT(at, ",\"currency\":\"");
    at = put(at, order->currency, CURRENCY_SIZE);
    at = PUT(at, "\",\"state\":\"");
    at = put(at, state, strlen(state));
    at = PUT(at, "\",\"won_at\":\"");
    at = put(at, clock_format_rfc3339(entry->won_at_ms, time), CLOCK_TEXT_SIZE - 1);
    at = PUT(at, "\",\"pay_by\":\"");
    at = put(at, clock_format_rfc3339(order->pay_by_ms, time), CLOCK_TEXT_SIZE - 1);
    at = PUT(at, "\"}");
    ASSERT(at <= text + sizeof text);
    json_out_raw(out, text, (size_t)(at - text));
}

bool api_reply_is_pending(const struct api_order *order)
{
    return order->entry->state == ORDER_STATE_PENDING
           || order->entry->state == ORDER_STATE_QUARANTINED;
}

static void write_state(struct api_reply *reply, const char *state)
{
    buf_append_text(&reply->body, "\"state\":\"");
    buf_append_text(&reply->body, state);
    buf_append_char(&reply->body, '"');
}

void api_reply_not_pending(struct api_reply *reply, struct http_exchange *exchange,
                           const struct api_order *order)
{
    buf_clear(&reply->body);
    write_state(reply, state_text(order));
    struct http_problem_extra extra = {.members = {reply->body.data, reply->body.size}};
    http_reply_refusal(exchange, HTTP_PROBLEM_ORDER_NOT_PENDING,
                       reply->body.failed ? NULL : &extra);
}

void api_reply_cancelling(struct api_reply *reply, struct http_exchange *exchange,
                          struct order_no order_no, bool is_confirming)
{
    char text[ORDER_NO_TEXT_SIZE];

    buf_clear(&reply->body);
    buf_append_text(&reply->body, "{\"order_no\":\"");
    buf_append_text(&reply->body, order_no_format(order_no, text));
    buf_append_text(&reply->body, "\",");
    write_state(reply, is_confirming ? "CONFIRMING" : order_state_name(ORDER_STATE_PENDING));
    buf_append_char(&reply->body, '}');
    if (reply->body.failed) {
        api_reply_outcome(reply, exchange, OUTCOME_OUTCOME_UNKNOWN, 0);
        return;
    }
    http_reply_json(exchange, 202, (struct http_slice){reply->body.data, reply->body.size},
                    (struct http_slice){NULL, 0});
}

void api_reply_won(struct api_reply *reply, struct http_exchange *exchange,
                   const struct api_order *order, bool is_replay)
{
    struct json_out out;

    buf_clear(&reply->body);
    json_out_init(&out, &reply->body);
    api_reply_write_order(&out, order);
    buf_clear(&reply->headers);
    buf_append_text(&reply->headers, "Location: ");
    append_order_path(&reply->headers, order->entry->order_no);
    buf_append_text(&reply->headers, is_replay ? "\r\nIdempotent-Replayed: true\r\n" : "\r\n");
    if (reply->body.failed || reply->headers.failed) { /* no memory */
        api_reply_outcome(reply, exchange, OUTCOME_OUTCOME_UNKNOWN, 0);
        return;
    }
    http_reply_json(exchange, 201, (struct http_slice){reply->body.data, reply->body.size},
                    (struct http_slice){reply->headers.data, reply->headers.size});
}

void api_reply_body(struct api_reply *reply, struct http_exchange *exchange)
{
    if (reply->body.failed) {
        http_reply_refusal(exchange, HTTP_PROBLEM_INTERNAL, NULL);
        return;
    }
    http_reply_json(exchange, 200, (struct http_slice){reply->body.data, reply->body.size},
                    (struct http_slice){NULL, 0});
}

static enum http_problem token_problem(enum identity_result result)
{
    switch (result) {
    case IDENTITY_MISSING: return HTTP_PROBLEM_TOKEN_MISSING;
    case IDENTITY_EXPIRED:
    case IDENTITY_NOT_YET_VALID: return HTTP_PROBLEM_TOKEN_EXPIRED;
    case IDENTITY_INTERNAL: return HTTP_PROBLEM_INTERNAL;
    case IDENTITY_MALFORMED:
    case IDENTITY_TOO_LARGE:
    case IDENTITY_BAD_TYPE:
    case IDENTITY_ASKS_TOO_MUCH:
    case IDENTITY_UNSIGNED:
    case IDENTITY_BAD_ALGORITHM:
    case IDENTITY_NO_KID:
    case IDENTITY_UNKNOWN_KID:
    case IDENTITY_NO_EXPIRY:
    case IDENTITY_BAD_SIGNATURE:
    case IDENTITY_BAD_ISSUER:
    case IDENTITY_BAD_AUDIENCE:
    case IDENTITY_BAD_SUBJECT: return HTTP_PROBLEM_TOKEN_BAD;
    case IDENTITY_OK:
    case IDENTITY_RESULT_COUNT: break;
    }
    UNREACHABLE();
}

bool api_reply_take_buyer(struct http_exchange *exchange, const struct http_request *request,
                          struct identity *identity, int64_t wall_ms, struct buyer *ret_buyer)
{
    struct http_slice value = http_request_known(request, HTTP_HEADER_AUTHORIZATION);
    enum identity_result result =
        identity_verify_header(identity, value.data, value.size, wall_ms, ret_buyer);

    if (result == IDENTITY_OK) {
        return true;
    }
    struct http_problem_extra extra = {.detail = identity_result_text(result)};
    http_reply_refusal(exchange, token_problem(result), &extra);
    return false;
}

bool api_reply_take_sale(struct http_exchange *exchange, const struct http_request *request,
                         struct sale_id *ret_sale)
{
    ASSERT(request->param_count > 0);
    if (sale_id_parse(request->params[0].data, request->params[0].size, ret_sale) != ERR_OK) {
        http_reply_refusal(exchange, HTTP_PROBLEM_BAD_SALE, NULL);
        return false;
    }
    return true;
}
