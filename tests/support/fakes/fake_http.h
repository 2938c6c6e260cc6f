/* fake_http: the exchanges of http/http_server.h and the answers of http/http_reply.h, without a
 * socket.
 * Why:    the resources of api/ are driven by the parser's requests, on a clock that a test moves.
 * Never:  sends anything; keeps an exchange that was answered: whoever answers twice uses memory
 *         that is gone.
 * Thread: the test's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/ids.h"
#include "http/http_server.h"

enum { FAKE_HTTP_CODE_SIZE = 48 };

struct fake_answer {
    int status;
    char code[FAKE_HTTP_CODE_SIZE]; /* of a problem; the body of http_reply(); "" for the others */
    struct order_no order_no;       /* of a 201 */
    bool is_replay;                 /* says Idempotent-Replayed */
};
typedef void fake_answered_fn(void *arg, const struct fake_answer *answer);

struct http_exchange {
    void *user;
    int64_t received_us;
    struct traceparent traceparent;
    fake_answered_fn *answered;
    void *arg;
};

/* As http_server would: freed by its answer, which `answered` is told of. */
struct http_exchange *fake_http_exchange(int64_t received_us, const struct traceparent *traceparent,
                                         fake_answered_fn *answered, void *arg);
