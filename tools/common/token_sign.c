#include "token_sign.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_SIZE_MIN = 32, TEXTS_SIZE_MAX = 512, MAC_SIZE = 32, BUYER_BYTES_MAX = 64 };

struct token_signer {
    EVP_MAC *hmac;           /* owned */
    EVP_MAC_CTX *mac;        /* owned; has the key */
    char *issuer, *audience; /* owned; with their quotes */
    char *header;            /* owned; encoded, with its dot */
};

/* --- texts */

/* `text` as a JSON string; control characters as escapes, UTF-8 as it is. */
static size_t quote(const char *text, char *to, size_t room)
{
    size_t at = 0;

    if (room < 6 * strlen(text) + 3) {
        return 0;
    }
    to[at++] = '"';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == '"' || c == '\\') {
            at += (size_t)snprintf(to + at, room - at, "\\u%04x", c);
        } else {
            to[at++] = (char)c;
        }
    }
    to[at++] = '"';
    to[at] = '\0';
    return at;
}

static char *quoted_copy(const char *text)
{
    size_t room = 6 * strlen(text) + 3;
    char *copy = malloc(room);

    if (copy) {
        (void)quote(text, copy, room);
    }
    return copy;
}

/* base64url without padding; `to` has room for size * 4 / 3 + 3 bytes. Returns the length. */
static size_t encode(const unsigned char *bytes, size_t size, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t at = 0;

    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        size_t left = size - i;

        bits |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= left > 2 ? bytes[i + 2] : 0;
        to[at++] = digits[bits >> 18 & 63];
        to[at++] = digits[bits >> 12 & 63];
        if (left > 1) {
            to[at++] = digits[bits >> 6 & 63];
        }
        if (left > 2) {
            to[at++] = digits[bits & 63];
        }
    }
    to[at] = '\0';
    return at;
}

/* --- the signer */

static bool prepare_mac(struct token_signer *signer, const void *secret, size_t size)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    signer->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    signer->mac = signer->hmac ? EVP_MAC_CTX_new(signer->hmac) : NULL;
    return signer->mac && EVP_MAC_init(signer->mac, secret, size, params) == 1;
}

static bool prepare_header(struct token_signer *signer, const char *kid)
{
    char *quoted = quoted_copy(kid), *text = NULL;
    int size =
        quoted ? asprintf(&text, "{\"alg\":\"HS256\",\"kid\":%s,\"typ\":\"JWT\"}", quoted) : -1;

    free(quoted);
    if (size < 0) {
        return false;
    }
    signer->header = malloc((size_t)size * 4 / 3 + 5);
    if (signer->header) {
        size_t at = encode((const unsigned char *)text, (size_t)size, signer->header);

        memcpy(signer->header + at, ".", 2);
    }
    free(text);
    return signer->header != NULL;
}

struct token_signer *token_signer_create(const struct token_signer_options *options)
{
    struct token_signer *signer;

    if (options->secret_size < SECRET_SIZE_MIN
        || strlen(options->kid) + strlen(options->issuer) + strlen(options->audience)
               > TEXTS_SIZE_MAX) {
        return NULL;
    }
    signer = calloc(1, sizeof *signer);
    if (!signer) {
        return NULL;
    }
    signer->issuer = quoted_copy(options->issuer);
    signer->audience = quoted_copy(options->audience);
    if (!signer->issuer || !signer->audience || !prepare_header(signer, options->kid)
        || !prepare_mac(signer, options->secret, options->secret_size)) {
        token_signer_destroy(signer);
        return NULL;
    }
    return signer;
}

void token_signer_destroy(struct token_signer *signer)
{
    if (!signer) {
        return;
    }
    EVP_MAC_CTX_free(signer->mac); /* wipes its key */
    EVP_MAC_free(signer->hmac);
    free(signer->issuer);
    free(signer->audience);
    free(signer->header);
    free(signer);
}

size_t token_sign(struct token_signer *signer, const char *buyer, int64_t issued_s,
                  int64_t expires_s, char token[static TOKEN_SIGN_SIZE_MAX])
{
    char subject[6 * BUYER_BYTES_MAX + 3], claims[TOKEN_SIGN_SIZE_MAX];
    unsigned char mac[MAC_SIZE];
    size_t at = strlen(signer->header), mac_size = 0;
    int size;

    if (strlen(buyer) > BUYER_BYTES_MAX) {
        return 0;
    }
    (void)quote(buyer, subject, sizeof subject);
    size = snprintf(claims, sizeof claims,
                    "{\"iss\":%s,\"aud\":%s,\"sub\":%s,\"iat\":%lld,\"exp\":%lld}", signer->issuer,
                    signer->audience, subject, (long long)issued_s, (long long)expires_s);
    if (size < 0 || (size_t)size >= sizeof claims
        || at + (size_t)size * 4 / 3 + MAC_SIZE * 4 / 3 + 8 > TOKEN_SIGN_SIZE_MAX) {
        return 0;
    }
    memcpy(token, signer->header, at);
    at += encode((const unsigned char *)claims, (size_t)size, token + at);
    if (EVP_MAC_init(signer->mac, NULL, 0, NULL) != 1
        || EVP_MAC_update(signer->mac, (const unsigned char *)token, at) != 1
        || EVP_MAC_final(signer->mac, mac, &mac_size, sizeof mac) != 1) {
        return 0;
    }
    token[at++] = '.';
    return at + encode(mac, mac_size, token + at);
}
