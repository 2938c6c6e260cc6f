/* provider: payment providers, and the notices that they sign.
 * Why:    a notice is what a verified signature says and nothing else; each provider has its own
 *         header, text and answer, which are rows of providers.def and one small file each.
 * Never:  reads a body before its signature is verified on the raw bytes; compares a signature in
 *         a time that depends on it; logs a secret, a signature or a body; reads files after
 *         payments_create(); trusts an amount: the worker compares it with the order.
 * Thread: payments_create() and payments_destroy(): init. The rest: any; what was created does not
 *         change.  Owner: the caller of payments_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct conf;
struct notice;
struct payments; /* all providers that the configuration names keys for */
struct provider; /* one of them; lives as long as its struct payments */

enum {
    PROVIDER_BODY_SIZE_MAX = 16384, /* a larger body is NOT_SIGNED */
    PROVIDER_ERROR_SIZE = 512,
};

/* name, label of metrics and logs, status, what the provider is told */
#define PROVIDER_RESULTS(X)                                                                        \
    X(OK, "ok", 200, "The notice is taken.")                                                       \
    X(NOT_SIGNED, "not_signed", 400, "There is no signature that can be read.")                    \
    X(BAD_SIGNATURE, "bad_signature", 401, "The signature does not fit.")                          \
    X(TOO_OLD, "too_old", 401, "The signed time is too far in the past.")                          \
    X(TOO_NEW, "too_new", 401, "The signed time is too far in the future.")                        \
    X(BAD_BODY, "bad_body", 400, "The body is signed, but cannot be read.")                        \
    X(INTERNAL, "internal", 503, "The signature could not be checked.") /* no memory: try again */
enum provider_result {
#define X(name, label, status, text) PROVIDER_##name,
    PROVIDER_RESULTS(X)
#undef X
        PROVIDER_RESULT_COUNT
};
const char *provider_result_name(enum provider_result result); /* "too_old"; static */
int provider_result_status(enum provider_result result);       /* of HTTP */
const char *provider_result_text(enum provider_result result); /* the sentence; static */

/* Bytes of someone else; `data` is not NUL-terminated. */
struct provider_text {
    const char *data;
    size_t size;
};
/* How often the request has a field of this name (letter case ignored); sets `*ret_value` to the
 * first one's value, without blanks around it, when there is one. */
typedef uint32_t provider_header_fn(const void *arg, const char *name,
                                    struct provider_text *ret_value);
struct provider_request {
    const char *body; /* the raw bytes, transfer coding undone; NULL when there are none */
    size_t body_size;
    provider_header_fn *header;
    const void *header_arg; /* borrowed */
    int64_t now_ms;         /* the wall clock: signed times are compared with it */
};

/* Reads the key files of all providers that the configuration names. ERR_CONFIG: `error` has one
 * line with the setting and the file, never a secret; ERR_NO_MEMORY. Without any provider: ERR_OK,
 * and payments_find() finds none. */
MUST_CHECK enum err payments_create(const struct conf *conf, char error[static PROVIDER_ERROR_SIZE],
                                    struct payments **ret_payments);
void payments_destroy(struct payments *payments); /* wipes the secrets; NULL is fine */

/* The name as in the path ("stripe"). NULL: no such provider, or without keys. */
const struct provider *payments_find(const struct payments *payments, const char *name,
                                     size_t size);
const char *provider_name(const struct provider *provider); /* static */

/* Verifies the signature, then its time, then reads the body. Sets `*ret_notice` on PROVIDER_OK
 * only: it passes notice_check(), received_ms is now_ms, traceparent is "". An event of a kind that
 * we do not know is OTHER; a known one whose order or amount cannot be read has order_no 0 or no
 * amount, and is PROVIDER_OK as well: the worker puts it aside. */
MUST_CHECK enum provider_result provider_read(const struct provider *provider,
                                              const struct provider_request *request,
                                              struct notice *ret_notice);

/* How the provider wants to be answered. */
struct provider_answer {
    int status;               /* 0: that of the failure */
    const char *content_type; /* static; NULL: no body */
    const char *body;         /* static; "" without one */
};
/* Once the notice is in the log. */
struct provider_answer provider_success(const struct provider *provider);
/* For anything else: the body of the provider, with a status of the caller's choice. A content_type
 * of NULL: it understands the status alone, and gets a problem like everybody. */
struct provider_answer provider_failure(const struct provider *provider);
