#include "admission/identity.h"

#include "codec/base64url.h"
#include "codec/json.h"
#include "common/assert.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    HEADER_TEXT_SIZE_MAX = 512, /* of the encoded header */
    HEADER_DEPTH_MAX = 4,
    CLAIMS_DEPTH_MAX = 16,
    TEXT_SIZE_MAX = 256, /* issuer, audience */
    AUDIENCES_MAX = 32,
    SIGNATURE_SIZE_MAX = 512,
    HS256_SIZE = 32,
};

struct part {
    const char *text;
    size_t size;
};
/* header.claims.signature, still encoded; `input` is what was signed. */
struct token {
    struct part header, claims, signature, input;
};

struct key {
    char kid[IDENTITY_KID_SIZE_MAX + 1];
    enum identity_algorithm algorithm;
    EVP_MAC_CTX *mac; /* owned; has the key, started anew for each token */
    /* The encoded header that was read last for this key: issuers repeat it in every token. */
    char header[HEADER_TEXT_SIZE_MAX];
    size_t header_size; /* 0: none yet */
};

struct identity {
    struct key keys[IDENTITY_KEYS_MAX];
    uint32_t key_count;
    uint32_t last_key; /* that verified last: looked at first for a known header */
    EVP_MAC *hmac;     /* owned */
    char issuer[TEXT_SIZE_MAX + 1], audience[TEXT_SIZE_MAX + 1];
    size_t issuer_size, audience_size;
    int64_t leeway_s;
    unsigned char header_bytes[HEADER_TEXT_SIZE_MAX];
    unsigned char claims_bytes[IDENTITY_TOKEN_SIZE_MAX];
};

static const struct {
    const char *name, *text;
} results[IDENTITY_RESULT_COUNT] = {
#define X(name, label, text) [IDENTITY_##name] = {label, text},
    IDENTITY_RESULTS(X)
#undef X
};

static const char *const algorithm_texts[IDENTITY_ALGORITHM_COUNT] = {
#define X(name, text) [IDENTITY_ALGORITHM_##name] = text,
    IDENTITY_ALGORITHMS(X)
#undef X
};

const char *identity_result_name(enum identity_result result)
{
    ASSERT((unsigned)result < IDENTITY_RESULT_COUNT);
    return results[result].name;
}

const char *identity_result_text(enum identity_result result)
{
    ASSERT((unsigned)result < IDENTITY_RESULT_COUNT);
    return results[result].text;
}

/* --- algorithms: how a key is prepared and a signature checked. One without functions is refused
 * at start. */

static bool hs256_prepare(struct identity *identity, struct key *key, const void *secret,
                          size_t size)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    if (!identity->hmac) {
        identity->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    }
    if (!identity->hmac) {
        return false;
    }
    key->mac = EVP_MAC_CTX_new(identity->hmac);
    return key->mac && EVP_MAC_init(key->mac, secret, size, params) == 1;
}

static enum identity_result hs256_verify(struct key *key, const struct part *input,
                                         const unsigned char *signature, size_t size)
{
    unsigned char mac[HS256_SIZE];
    size_t mac_size = 0;

    if (size != HS256_SIZE) {
        return IDENTITY_BAD_SIGNATURE;
    }
    /* No key given: the context keeps its own and begins a new message. */
    if (EVP_MAC_init(key->mac, NULL, 0, NULL) != 1
        || EVP_MAC_update(key->mac, (const unsigned char *)input->text, input->size) != 1
        || EVP_MAC_final(key->mac, mac, &mac_size, sizeof mac) != 1 || mac_size != HS256_SIZE) {
        return IDENTITY_INTERNAL;
    }
    return CRYPTO_memcmp(mac, signature, HS256_SIZE) == 0 ? IDENTITY_OK : IDENTITY_BAD_SIGNATURE;
}

static const struct {
    bool (*prepare)(struct identity *identity, struct key *key, const void *secret, size_t size);
    enum identity_result (*verify)(struct key *key, const struct part *input,
                                   const unsigned char *signature, size_t size);
    size_t secret_size_min;
} algorithms[IDENTITY_ALGORITHM_COUNT] = {
    [IDENTITY_ALGORITHM_HS256] = {hs256_prepare, hs256_verify, IDENTITY_HS256_SECRET_SIZE_MIN},
};

/* --- creation */

static bool kid_is_good(const char *kid)
{
    size_t size = strlen(kid);

    for (size_t i = 0; i < size; i++) {
        if (kid[i] <= ' ' || kid[i] > '~') {
            return false;
        }
    }
    return size >= 1 && size <= IDENTITY_KID_SIZE_MAX;
}

static struct key *find_key(struct identity *identity, const char *kid)
{
    for (uint32_t i = 0; i < identity->key_count; i++) {
        if (strcmp(identity->keys[i].kid, kid) == 0) {
            return &identity->keys[i];
        }
    }
    return NULL;
}

static enum err refuse(char error[static IDENTITY_ERROR_SIZE], const char *kid, const char *what)
{
    (void)snprintf(error, IDENTITY_ERROR_SIZE, "jwt key \"%.64s\": %s", kid, what);
    return ERR_CONFIG;
}

static enum err add_key(struct identity *identity, const struct identity_key *from,
                        char error[static IDENTITY_ERROR_SIZE])
{
    struct key *key = &identity->keys[identity->key_count];
    char what[80];

    if (!kid_is_good(from->kid)) {
        return refuse(error, "", "a key id is 1 to 64 visible ASCII characters");
    }
    if (find_key(identity, from->kid)) {
        return refuse(error, from->kid, "this key id is there twice");
    }
    if ((unsigned)from->algorithm >= IDENTITY_ALGORITHM_COUNT
        || !algorithms[from->algorithm].prepare) {
        return refuse(error, from->kid, "its algorithm is not supported");
    }
    if (from->key_size < algorithms[from->algorithm].secret_size_min) {
        (void)snprintf(what, sizeof what, "the secret has %zu bytes, %zu are the least",
                       from->key_size, algorithms[from->algorithm].secret_size_min);
        return refuse(error, from->kid, what);
    }
    memcpy(key->kid, from->kid, strlen(from->kid) + 1);
    key->algorithm = from->algorithm;
    identity->key_count++;
    if (!algorithms[from->algorithm].prepare(identity, key, from->key, from->key_size)) {
        return refuse(error, from->kid, "OpenSSL cannot use it");
    }
    return ERR_OK;
}

static enum err set_text(char *to, size_t *ret_size, const char *from, const char *what,
                         char error[static IDENTITY_ERROR_SIZE])
{
    size_t size = strlen(from);

    if (size < 1 || size > TEXT_SIZE_MAX) {
        (void)snprintf(error, IDENTITY_ERROR_SIZE, "jwt %s must be 1 to %d bytes", what,
                       TEXT_SIZE_MAX);
        return ERR_CONFIG;
    }
    memcpy(to, from, size + 1);
    *ret_size = size;
    return ERR_OK;
}

enum err identity_create(const struct identity_options *options,
                         char error[static IDENTITY_ERROR_SIZE], struct identity **ret_identity)
{
    struct identity *identity;
    enum err err;

    if (options->key_count < 1 || options->key_count > IDENTITY_KEYS_MAX) {
        (void)snprintf(error, IDENTITY_ERROR_SIZE, "jwt: 1 to %d keys are needed",
                       IDENTITY_KEYS_MAX);
        return ERR_CONFIG;
    }
    identity = calloc(1, sizeof *identity);
    if (!identity) {
        (void)snprintf(error, IDENTITY_ERROR_SIZE, "out of memory");
        return ERR_NO_MEMORY;
    }
    identity->leeway_s = options->leeway_s;
    err = set_text(identity->issuer, &identity->issuer_size, options->issuer, "issuer", error);
    if (err == ERR_OK) {
        err = set_text(identity->audience, &identity->audience_size, options->audience, "audience",
                       error);
    }
    for (uint32_t i = 0; err == ERR_OK && i < options->key_count; i++) {
        err = add_key(identity, &options->keys[i], error);
    }
    if (err != ERR_OK) {
        identity_destroy(identity);
        return err;
    }
    *ret_identity = identity;
    return ERR_OK;
}

void identity_destroy(struct identity *identity)
{
    if (!identity) {
        return;
    }
    for (uint32_t i = 0; i < identity->key_count; i++) {
        EVP_MAC_CTX_free(identity->keys[i].mac); /* wipes its key */
    }
    EVP_MAC_free(identity->hmac);
    free(identity);
}

/* --- verification */

static bool split(const char *text, size_t size, struct token *token)
{
    const char *first = memchr(text, '.', size), *second;

    if (!first) {
        return false;
    }
    second = memchr(first + 1, '.', size - (size_t)(first + 1 - text));
    if (!second || memchr(second + 1, '.', size - (size_t)(second + 1 - text))) {
        return false;
    }
    token->header = (struct part){text, (size_t)(first - text)};
    token->claims = (struct part){first + 1, (size_t)(second - first - 1)};
    token->signature = (struct part){second + 1, size - (size_t)(second + 1 - text)};
    token->input = (struct part){text, (size_t)(second - text)};
    return true;
}

static bool is_text(const char *text, size_t size, const char *expected, size_t expected_size)
{
    return size == expected_size && memcmp(text, expected, size) == 0;
}

/* A token that wants more understanding than ours, or brings its own key. Others are ignored, as
 * RFC 7515 §4 asks. */
static bool asks_too_much(struct json_take *take)
{
    static const char *const names[] = {"crit", "jku", "jwk", "x5u", "x5c"};
    struct json_in value;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (json_take_any(take, names[i], JSON_OPTIONAL, &value)) {
            return true;
        }
    }
    return false;
}

static enum identity_result read_header_members(struct identity *identity, struct json_in root,
                                                struct key **ret_key)
{
    struct json_take take;
    const char *alg = NULL, *kid = NULL, *typ = "JWT";
    size_t alg_size, kid_size, typ_size;
    bool too_much;
    struct key *key;

    json_take_begin(&take, root);
    (void)json_take_text(&take, "alg", JSON_REQUIRED, 1, 16, &alg, &alg_size);
    (void)json_take_text(&take, "kid", JSON_OPTIONAL, 1, IDENTITY_KID_SIZE_MAX, &kid, &kid_size);
    (void)json_take_text(&take, "typ", JSON_OPTIONAL, 1, 16, &typ, &typ_size);
    too_much = asks_too_much(&take);
    if (json_take_end_open(&take, NULL) != ERR_OK) {
        return IDENTITY_MALFORMED;
    }
    if (too_much) {
        return IDENTITY_ASKS_TOO_MUCH;
    }
    if (strcasecmp(typ, "JWT") != 0 && strcasecmp(typ, "at+jwt") != 0) {
        return IDENTITY_BAD_TYPE;
    }
    if (strcmp(alg, "none") == 0) {
        return IDENTITY_UNSIGNED;
    }
    if (!kid) {
        return IDENTITY_NO_KID;
    }
    key = find_key(identity, kid);
    if (!key) {
        return IDENTITY_UNKNOWN_KID;
    }
    if (strcmp(alg, algorithm_texts[key->algorithm]) != 0) {
        return IDENTITY_BAD_ALGORITHM;
    }
    *ret_key = key;
    return IDENTITY_OK;
}

static enum identity_result read_header(struct identity *identity, const struct part *header,
                                        struct key **ret_key)
{
    static const struct json_limits limits = {HEADER_TEXT_SIZE_MAX, HEADER_DEPTH_MAX};
    struct json_doc doc = {0};
    enum identity_result result;
    size_t size;
    enum err err;

    for (uint32_t i = 0; i < identity->key_count; i++) {
        struct key *key = &identity->keys[(identity->last_key + i) % identity->key_count];

        if (key->header_size > 0
            && is_text(header->text, header->size, key->header, key->header_size)) {
            *ret_key = key;
            return IDENTITY_OK;
        }
    }
    if (header->size > HEADER_TEXT_SIZE_MAX
        || !base64url_decode(header->text, header->size, identity->header_bytes,
                             sizeof identity->header_bytes, &size)) {
        return IDENTITY_MALFORMED;
    }
    err = json_doc_read(identity->header_bytes, size, &limits, &doc, NULL);
    if (err != ERR_OK) {
        return err == ERR_NO_MEMORY ? IDENTITY_INTERNAL : IDENTITY_MALFORMED;
    }
    result = read_header_members(identity, json_doc_root(&doc), ret_key);
    json_doc_finish(&doc);
    return result;
}

static void remember_header(struct identity *identity, struct key *key, const struct part *header)
{
    if (key->header_size == 0) {
        memcpy(key->header, header->text, header->size);
        key->header_size = header->size;
    }
    identity->last_key = (uint32_t)(key - identity->keys);
}

static bool has_audience(const struct identity *identity, struct json_in audience)
{
    const char *text;
    size_t size;
    uint32_t count;

    if (json_in_is_text(audience, &text, &size)) {
        return is_text(text, size, identity->audience, identity->audience_size);
    }
    if (!json_in_is_array(audience, &count) || count > AUDIENCES_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (json_in_is_text(json_item(audience, i), &text, &size)
            && is_text(text, size, identity->audience, identity->audience_size)) {
            return true;
        }
    }
    return false;
}

static enum identity_result read_claims(const struct identity *identity, struct json_in root,
                                        int64_t now_s, struct buyer *ret_buyer)
{
    struct json_take take;
    int64_t expires_s = 0, not_before_s = 0, issued_s = 0;
    const char *issuer = "", *subject = "";
    size_t issuer_size = 0, subject_size = 0;
    struct json_in audience = {0};
    bool has_expiry, has_audience_claim, has_issuer, has_subject;

    json_take_begin(&take, root);
    has_expiry = json_take_i64(&take, "exp", JSON_OPTIONAL, 0, INT64_MAX / 2, &expires_s);
    (void)json_take_i64(&take, "nbf", JSON_OPTIONAL, 0, INT64_MAX / 2, &not_before_s);
    (void)json_take_i64(&take, "iat", JSON_OPTIONAL, 0, INT64_MAX / 2, &issued_s);
    if (json_take_end_open(&take, NULL) != ERR_OK) {
        return IDENTITY_MALFORMED;
    }
    /* In the order in which they are judged: a wrong type fails whatever is taken behind it. */
    has_issuer = json_take_text(&take, "iss", JSON_OPTIONAL, 0, SIZE_MAX, &issuer, &issuer_size);
    has_audience_claim = json_take_any(&take, "aud", JSON_OPTIONAL, &audience);
    has_subject = json_take_text(&take, "sub", JSON_OPTIONAL, 0, SIZE_MAX, &subject, &subject_size);
    if (!has_expiry) {
        return IDENTITY_NO_EXPIRY;
    }
    if (now_s >= expires_s) {
        return IDENTITY_EXPIRED;
    }
    if (not_before_s > now_s + identity->leeway_s || issued_s > now_s + identity->leeway_s) {
        return IDENTITY_NOT_YET_VALID;
    }
    if (!has_issuer || !is_text(issuer, issuer_size, identity->issuer, identity->issuer_size)) {
        return IDENTITY_BAD_ISSUER;
    }
    if (!has_audience_claim || !has_audience(identity, audience)) {
        return IDENTITY_BAD_AUDIENCE;
    }
    if (!has_subject || buyer_parse(subject, subject_size, ret_buyer) != ERR_OK) {
        return IDENTITY_BAD_SUBJECT;
    }
    return IDENTITY_OK;
}

enum identity_result identity_verify(struct identity *identity, const char *token, size_t size,
                                     int64_t wall_ms, struct buyer *ret_buyer)
{
    static const struct json_limits limits = {IDENTITY_TOKEN_SIZE_MAX, CLAIMS_DEPTH_MAX};
    unsigned char signature[SIGNATURE_SIZE_MAX];
    struct token parts;
    struct key *key = NULL;
    struct json_doc doc = {0};
    struct buyer buyer;
    size_t signature_size = 0, claims_size;
    enum identity_result result;
    enum err err;

    if (size > IDENTITY_TOKEN_SIZE_MAX) {
        return IDENTITY_TOO_LARGE;
    }
    if (size == 0) {
        return IDENTITY_MISSING;
    }
    if (!split(token, size, &parts)
        || (parts.signature.size > 0
            && !base64url_decode(parts.signature.text, parts.signature.size, signature,
                                 sizeof signature, &signature_size))
        || !base64url_decode(parts.claims.text, parts.claims.size, identity->claims_bytes,
                             sizeof identity->claims_bytes, &claims_size)) {
        return IDENTITY_MALFORMED;
    }
    result = read_header(identity, &parts.header, &key);
    if (result != IDENTITY_OK) {
        return result;
    }
    if (signature_size == 0) {
        return IDENTITY_UNSIGNED;
    }
    result = algorithms[key->algorithm].verify(key, &parts.input, signature, signature_size);
    if (result != IDENTITY_OK) {
        return result;
    }
    remember_header(identity, key, &parts.header);
    err = json_doc_read(identity->claims_bytes, claims_size, &limits, &doc, NULL);
    if (err != ERR_OK) {
        return err == ERR_NO_MEMORY ? IDENTITY_INTERNAL : IDENTITY_MALFORMED;
    }
    result = read_claims(identity, json_doc_root(&doc), wall_ms / 1000, &buyer);
    json_doc_finish(&doc);
    if (result == IDENTITY_OK) {
        *ret_buyer = buyer;
    }
    return result;
}

enum identity_result identity_verify_header(struct identity *identity, const char *value,
                                            size_t size, int64_t wall_ms, struct buyer *ret_buyer)
{
    static const char scheme[] = "Bearer";
    size_t at = sizeof scheme - 1;

    if (!value || size <= at || strncasecmp(value, scheme, at) != 0 || value[at] != ' ') {
        return IDENTITY_MISSING;
    }
    while (at < size && value[at] == ' ') {
        at++;
    }
    return identity_verify(identity, value + at, size - at, wall_ms, ret_buyer);
}
