/* api_reply: what the public resources answer with.
 * Why:    one shape of an order, of a refusal and of an outcome, whoever tells it
 *         (schemas/openapi.yaml).
 * Never:  decides anything; names a buyer.
 * Thread: loop.  Owner: the reactor. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/metrics.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/outcome.h"
#include "http/http_problem.h"
#include "http/http_reply.h"

struct http_exchange;
struct http_request;
struct redis_link;
struct identity;
struct json_out;

enum { API_REPLY_BODY_MAX = 262144, API_REPLY_HEADERS_MAX = 512 };

/* One a reactor. */
struct api_reply {
    struct http_problem_text outcomes[OUTCOME_COUNT];
    struct buf body, headers; /* owned; used anew by each answer */
};
void api_reply_init(struct api_reply *reply);
void api_reply_finish(struct api_reply *reply);

/* A problem of domain/outcome.def. `retry_after_s` 0: none of its own. */
void api_reply_outcome(struct api_reply *reply, struct http_exchange *exchange,
                       enum outcome outcome, uint32_t retry_after_s);
/* overloaded; its detail names the service that is away or refuses, if one does. */
void api_reply_shed(struct api_reply *reply, struct http_exchange *exchange, enum label_SHED cause);
/* What cannot be known of a sale now: overloaded while Redis is away or refuses, else rebuilding.
 */
void api_reply_unsure(struct api_reply *reply, struct http_exchange *exchange,
                      const struct redis_link *link);
/* A problem of domain/outcome.def with a text of its own. */
void api_reply_detail(struct api_reply *reply, struct http_exchange *exchange, enum outcome outcome,
                      const char *detail);
/* limit-reached with a link to the order that the buyer holds; 0: he holds none. */
void api_reply_limit(struct api_reply *reply, struct http_exchange *exchange, struct order_no held);

/* An order as its buyer sees it. */
struct api_order {
    const struct order_entry *entry;
    bool is_confirming; /* not yet known to be in the order log (PROTOCOL §3.5) */
    uint64_t unit_price;
    const char *currency;
    int64_t pay_by_ms;
};
void api_reply_write_order(struct json_out *out, const struct api_order *order);
/* What its buyer sees as CONFIRMING or PENDING. */
bool api_reply_is_pending(const struct api_order *order);
/* 409 order-not-pending with the state that the order is in. */
void api_reply_not_pending(struct api_reply *reply, struct http_exchange *exchange,
                           const struct api_order *order);
/* 202: the request to cancel is in the log, and the order was CONFIRMING or PENDING. */
void api_reply_cancelling(struct api_reply *reply, struct http_exchange *exchange,
                          struct order_no order_no, bool is_confirming);
/* 201 with Location; `is_replay` adds Idempotent-Replayed: true. */
void api_reply_won(struct api_reply *reply, struct http_exchange *exchange,
                   const struct api_order *order, bool is_replay);
/* 200 with what stands in reply->body, or 500 if it did not fit. */
void api_reply_body(struct api_reply *reply, struct http_exchange *exchange);

/* The buyer of the request's token. False: the refusal has been answered. */
bool api_reply_take_buyer(struct http_exchange *exchange, const struct http_request *request,
                          struct identity *identity, int64_t wall_ms, struct buyer *ret_buyer);
/* The sale of the path, its first parameter. False: the refusal has been answered. */
bool api_reply_take_sale(struct http_exchange *exchange, const struct http_request *request,
                         struct sale_id *ret_sale);
