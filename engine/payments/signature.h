/* signature: HMAC-SHA256 and RSA with SHA-256 over parts of a message.
 * Why:    the one place where a signature is compared: every candidate with every key, whichever
 *         fits, and MACs by CRYPTO_memcmp() alone, so that time tells nothing.
 * Never:  ends at the first one that fits or differs; takes RSA below 2048 bits; copies a body.
 * Thread: init for create, add, read and destroy; checking: any.  Owner: the creator. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
    SIGNATURE_KEYS_MAX = 8, /* of one provider: several while they are changed */
    SIGNATURE_MACS_MAX = 8, /* of one request */
    SIGNATURE_MAC_SIZE = 32,
    SIGNATURE_RSA_BITS_MIN = 2048,
    SIGNATURE_RSA_BITS_MAX = 8192,
    SIGNATURE_RSA_SIZE_MAX = SIGNATURE_RSA_BITS_MAX / 8,
};

/* The message is its parts, one behind the other; borrowed. */
struct signature_part {
    const void *data; /* NULL when size is 0 */
    size_t size;
};

enum signature_result {
    SIGNATURE_FITS,
    SIGNATURE_DIFFERS,
    SIGNATURE_FAILED, /* no memory: it is not known */
};

/* What a request offers as MACs of its message. */
struct signature_macs {
    uint32_t count;
    unsigned char bytes[SIGNATURE_MACS_MAX][SIGNATURE_MAC_SIZE];
};

struct signature_hmac;                                    /* up to SIGNATURE_KEYS_MAX secrets */
struct signature_hmac *signature_hmac_create(void);       /* NULL: no memory */
void signature_hmac_destroy(struct signature_hmac *hmac); /* wipes; NULL is fine */
/* ERR_RANGE: there are SIGNATURE_KEYS_MAX already; ERR_NO_MEMORY. `key` is copied; not empty. */
MUST_CHECK enum err signature_hmac_add(struct signature_hmac *hmac, const void *key, size_t size);
/* FITS: one of the MACs is that of the message under one of the keys. */
enum signature_result signature_hmac_check(const struct signature_hmac *hmac,
                                           const struct signature_part *parts, uint32_t part_count,
                                           const struct signature_macs *macs);

struct signature_rsa; /* a public key */
/* PEM: a public key (SubjectPublicKeyInfo) or a certificate, of which only the key is used. NULL:
 * cannot be used, `*ret_why` is a part of a sentence, static. */
struct signature_rsa *signature_rsa_read(const char *pem, size_t size, const char **ret_why);
void signature_rsa_destroy(struct signature_rsa *key); /* NULL is fine */
/* RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2). */
enum signature_result signature_rsa_check(const struct signature_rsa *key,
                                          const struct signature_part *parts, uint32_t part_count,
                                          const unsigned char *signature, size_t size);
