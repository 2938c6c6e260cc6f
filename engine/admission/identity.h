/* identity: who the buyer is, from a signed token (JWT).
 * Why:    the buyer's id comes from a verified signature and from nothing else (PROTOCOL §3.2).
 * Never:  takes the algorithm from the token: it is that of our key; logs a token; does I/O.
 * Thread: that of its creator, one per reactor.  Owner: the caller of identity_create(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct identity;

enum {
    IDENTITY_TOKEN_SIZE_MAX = 4096,
    IDENTITY_KEYS_MAX = 8,
    IDENTITY_KID_SIZE_MAX = 64,
    IDENTITY_HS256_SECRET_SIZE_MIN = 32,
    IDENTITY_ERROR_SIZE = 160,
};

/* Signature algorithms: text in the token, is it built in? Others are refused by identity_create().
 */
#define IDENTITY_ALGORITHMS(X)                                                                     \
    X(HS256, "HS256")                                                                              \
    X(RS256, "RS256")                                                                              \
    X(ES256, "ES256")                                                                              \
    X(EDDSA, "EdDSA")
enum identity_algorithm {
#define X(name, text) IDENTITY_ALGORITHM_##name,
    IDENTITY_ALGORITHMS(X)
#undef X
        IDENTITY_ALGORITHM_COUNT
};

struct identity_key {
    const char *kid; /* 1 to IDENTITY_KID_SIZE_MAX visible ASCII, no two alike */
    enum identity_algorithm algorithm;
    const void *key; /* HS256: the secret, 32 bytes or more; copied, wiped at the end */
    size_t key_size;
};
struct identity_options {
    const struct identity_key *keys; /* borrowed for the call; 1 to IDENTITY_KEYS_MAX */
    uint32_t key_count;
    const char *issuer, *audience; /* exact; copied */
    uint32_t leeway_s;             /* for nbf and iat; never for exp */
};

/* name, label of metrics and logs, what the client is told */
#define IDENTITY_RESULTS(X)                                                                        \
    X(OK, "ok", "The token is good.")                                                              \
    X(MISSING, "missing", "There is no bearer token.")                                             \
    X(MALFORMED, "malformed", "The token is not a well-formed JWT.")                               \
    X(TOO_LARGE, "too_large", "The token is larger than 4096 bytes.")                              \
    X(BAD_TYPE, "bad_type", "The token's typ is neither JWT nor at+jwt.")                          \
    X(ASKS_TOO_MUCH, "asks_too_much", "The token's header has crit, or brings a key.")             \
    X(UNSIGNED, "unsigned", "The token is not signed.")                                            \
    X(BAD_ALGORITHM, "bad_algorithm", "The token's algorithm is not that of its key.")             \
    X(NO_KID, "no_kid", "The token's header has no kid: it must name the key.")                    \
    X(UNKNOWN_KID, "unknown_kid", "The token names no key of ours.")                               \
    X(BAD_SIGNATURE, "bad_signature", "The token's signature does not fit.")                       \
    X(NO_EXPIRY, "no_expiry", "The token has no exp: it would never expire.")                      \
    X(EXPIRED, "expired", "The token has expired.")                                                \
    X(NOT_YET_VALID, "not_yet_valid", "The token is not valid yet.")                               \
    X(BAD_ISSUER, "bad_issuer", "The token is of another issuer.")                                 \
    X(BAD_AUDIENCE, "bad_audience", "The token is for another audience.")                          \
    X(BAD_SUBJECT, "bad_subject", "The token's subject is not a buyer id.")                        \
    X(INTERNAL, "internal", "The token could not be checked.") /* no memory: a 503, not a 401 */
enum identity_result {
#define X(name, label, text) IDENTITY_##name,
    IDENTITY_RESULTS(X)
#undef X
        IDENTITY_RESULT_COUNT
};
const char *identity_result_name(enum identity_result result); /* "expired"; static */
const char *identity_result_text(enum identity_result result); /* the sentence; static */

/* ERR_CONFIG: a key or setting cannot be used, `error` says which and why in one line (never the
 * secret). ERR_NO_MEMORY. Thread: init. */
MUST_CHECK enum err identity_create(const struct identity_options *options,
                                    char error[static IDENTITY_ERROR_SIZE],
                                    struct identity **ret_identity);
void identity_destroy(struct identity *identity); /* NULL is fine */

/* `token` is the compact form, without "Bearer". `wall_ms` is loop_wall_ms(). Sets `*ret_buyer` on
 * IDENTITY_OK only. The signature is checked before any claim is read. */
MUST_CHECK enum identity_result identity_verify(struct identity *identity, const char *token,
                                                size_t size, int64_t wall_ms,
                                                struct buyer *ret_buyer);
/* The same for the value of the Authorization header (NULL: none): "Bearer", any case, one or more
 * spaces, the token. Another scheme is MISSING. */
MUST_CHECK enum identity_result identity_verify_header(struct identity *identity, const char *value,
                                                       size_t size, int64_t wall_ms,
                                                       struct buyer *ret_buyer);
