#include "support/fakes/fake_http.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"

struct http_exchange *fake_http_exchange(int64_t received_us, const struct traceparent *traceparent,
                                         fake_answered_fn *answered, void *arg)
{
    struct http_exchange *exchange = calloc(1, sizeof *exchange);

    ASSERT(exchange != NULL);
    exchange->received_us = received_us;
    exchange->traceparent = *traceparent;
    exchange->answered = answered;
    exchange->arg = arg;
    return exchange;
}

static void end(struct http_exchange *exchange, const struct fake_answer *answer)
{
    fake_answered_fn *answered = exchange->answered;
    void *arg = exchange->arg;

    ASSERT(answer->status >= 200 && answer->status <= 599);
    free(exchange);
    answered(arg, answer);
}

/* What stands behind `name` in `text`, up to a quotation mark. */
static bool take_member(const char *text, const char *name, char *value, size_t value_size)
{
    const char *at = strstr(text, name);
    size_t size = at != NULL ? strcspn(at + strlen(name), "\"") : value_size;

    if (size >= value_size) {
        return false;
    }
    memcpy(value, at + strlen(name), size);
    value[size] = '\0';
    return true;
}

static bool contains(struct http_slice slice, const char *text)
{
    return slice.size > 0 && memmem(slice.data, slice.size, text, strlen(text)) != NULL;
}

/* http/http_server.h */

int64_t http_exchange_received_us(const struct http_exchange *exchange)
{
    return exchange->received_us;
}

const struct traceparent *http_exchange_traceparent(const struct http_exchange *exchange)
{
    return &exchange->traceparent;
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
    return exchange->user;
}

/* http/http_reply.h */

void http_reply_json(struct http_exchange *exchange, int status, struct http_slice body,
                     struct http_slice headers)
{
    struct fake_answer answer = {.status = status,
                                 .is_replay = contains(headers, "Idempotent-Replayed: true\r\n")};
    char text[512], number[ORDER_NO_TEXT_SIZE], link[80];

    ASSERT(body.size < sizeof text);
    memcpy(text, body.data, body.size);
    text[body.size] = '\0';
    ASSERT(take_member(text, "{\"order_no\":\"", number, sizeof number));
    ASSERT(order_no_parse(number, strlen(number), &answer.order_no) == ERR_OK);
    ASSERT(strlen(number) + sizeof "/orders/\r\n" < sizeof link);
    memcpy(link, "/orders/", 8);
    memcpy(link + 8, number, strlen(number));
    memcpy(link + 8 + strlen(number), "\r\n", 3);
    ASSERT(status != 201 || contains(headers, link));
    end(exchange, &answer);
}

void http_reply(struct http_exchange *exchange, const struct http_reply *reply)
{
    struct fake_answer answer = {.status = reply->status};

    ASSERT(reply->body.size < sizeof answer.code);
    if (reply->body.size > 0) {
        memcpy(answer.code, reply->body.data, reply->body.size);
    }
    end(exchange, &answer);
}

void http_reply_problem(struct http_exchange *exchange, const struct http_problem_text *text,
                        const struct http_problem_extra *extra)
{
    struct fake_answer answer = {.status = text->status};

    (void)extra;
    ASSERT(take_member(text->text, "\"code\":\"", answer.code, sizeof answer.code));
    end(exchange, &answer);
}

void http_reply_refusal(struct http_exchange *exchange, enum http_problem problem,
                        const struct http_problem_extra *extra)
{
    struct http_problem_text text;

    http_problem_init_table(&text, problem);
    http_reply_problem(exchange, &text, extra);
}
