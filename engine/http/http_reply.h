/* http_reply: the one answer of an exchange.
 * Why:    replies are templates and memcpy; Date, X-Request-Id, Cache-Control, Content-Length,
 *         Retry-After and Connection are the same everywhere.
 * Never:  a Server header; a second answer; printf on the way.
 * Thread: loop. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_problem.h"
#include "http/http_request.h"

struct http_exchange;

/* Every function below answers exactly once and ends the exchange: the pointer is dead on
 * return. It is allowed inside the handler and in any later turn of the loop. When the client
 * has gone the answer is dropped, but it must still be given. All slices are copied before
 * return. */

struct http_reply {
    int status;                /* 200 to 599 */
    const char *content_type;  /* static; NULL: no Content-Type (empty body) */
    const char *cache;         /* Cache-Control; NULL: no-store */
    struct http_slice headers; /* further complete lines, each with its CRLF; may be empty */
    struct http_slice body;
};
/* 429 and 503 get a Retry-After of 1 to 5 s by chance: `headers` has none. */
void http_reply(struct http_exchange *exchange, const struct http_reply *reply);

/* application/json, no-store. `headers` as above, size 0: none. */
void http_reply_json(struct http_exchange *exchange, int status, struct http_slice body,
                     struct http_slice headers);

struct http_problem_extra {
    uint32_t retry_after_s; /* 0: none, except that every 429 and 503 gets 1 to 5 s by chance */
    const char *detail;     /* replaces the text's detail; escaped here; NULL: keep it */
    /* Further JSON members, written by the caller: `"order":"/v1/…"`, no comma around them. */
    struct http_slice members;
    struct http_slice headers; /* further complete lines */
};
/* application/problem+json: {type, title, status, detail, code, retryable, instance, request_id,
 * members}. instance is "/requests/<request id>". 401 gets WWW-Authenticate: Bearer. `extra` may
 * be NULL. Keep `text` ready from start (http_problem_init); it is only read. */
void http_reply_problem(struct http_exchange *exchange, const struct http_problem_text *text,
                        const struct http_problem_extra *extra);
/* A problem of problem.def, counted in http_problems_total. `extra` may be NULL. */
void http_reply_refusal(struct http_exchange *exchange, enum http_problem problem,
                        const struct http_problem_extra *extra);
