#include "payments/signature.h"

#include "common/assert.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

struct signature_hmac {
    EVP_MAC *algorithm;                     /* owned */
    EVP_MAC_CTX *begun[SIGNATURE_KEYS_MAX]; /* owned; has its key, no byte of a message yet */
    uint32_t count;
};
struct signature_rsa {
    EVP_PKEY *key; /* owned */
};

struct signature_hmac *signature_hmac_create(void)
{
    struct signature_hmac *hmac = calloc(1, sizeof *hmac);

    if (hmac) {
        hmac->algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    }
    if (hmac && !hmac->algorithm) {
        free(hmac);
        return NULL;
    }
    return hmac;
}

void signature_hmac_destroy(struct signature_hmac *hmac)
{
    if (!hmac) {
        return;
    }
    for (uint32_t i = 0; i < hmac->count; i++) {
        EVP_MAC_CTX_free(hmac->begun[i]); /* wipes its key */
    }
    EVP_MAC_free(hmac->algorithm);
    free(hmac);
}

enum err signature_hmac_add(struct signature_hmac *hmac, const void *key, size_t size)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *context;

    ASSERT(size > 0);
    if (hmac->count == SIGNATURE_KEYS_MAX) {
        return ERR_RANGE;
    }
    context = EVP_MAC_CTX_new(hmac->algorithm);
    if (!context || EVP_MAC_init(context, key, size, params) != 1) {
        EVP_MAC_CTX_free(context);
        return ERR_NO_MEMORY;
    }
    hmac->begun[hmac->count++] = context;
    return ERR_OK;
}

/* The MAC of the message under one key; a copy of the context is used, so that the key's own stays
 * as it is. */
static bool mac_of(const EVP_MAC_CTX *begun, const struct signature_part *parts,
                   uint32_t part_count, unsigned char mac[static SIGNATURE_MAC_SIZE])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(begun);
    bool good = context != NULL;
    size_t size = 0;

    for (uint32_t i = 0; good && i < part_count; i++) {
        good = parts[i].size == 0 || EVP_MAC_update(context, parts[i].data, parts[i].size) == 1;
    }
    good = good && EVP_MAC_final(context, mac, &size, SIGNATURE_MAC_SIZE) == 1
           && size == SIGNATURE_MAC_SIZE;
    EVP_MAC_CTX_free(context);
    return good;
}

enum signature_result signature_hmac_check(const struct signature_hmac *hmac,
                                           const struct signature_part *parts, uint32_t part_count,
                                           const struct signature_macs *macs)
{
    unsigned char mac[SIGNATURE_MAC_SIZE];
    unsigned fits = 0, fails = 0;

    ASSERT(macs->count <= SIGNATURE_MACS_MAX);
    for (uint32_t i = 0; i < hmac->count; i++) {
        fails |= !mac_of(hmac->begun[i], parts, part_count, mac);
        for (uint32_t j = 0; j < macs->count; j++) {
            fits |= CRYPTO_memcmp(mac, macs->bytes[j], SIGNATURE_MAC_SIZE) == 0;
        }
    }
    OPENSSL_cleanse(mac, sizeof mac); /* it would sign this message */
    if (fails) {
        return SIGNATURE_FAILED;
    }
    return fits ? SIGNATURE_FITS : SIGNATURE_DIFFERS;
}

/* No pass phrase is ever asked for at the terminal. */
static int no_password(char *text, int size, int is_for_writing, void *arg)
{
    (void)text, (void)size, (void)is_for_writing, (void)arg;
    return 0;
}

static EVP_PKEY *read_public_key(const char *pem, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    return key;
}

static EVP_PKEY *read_certificate(const char *pem, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)size);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    BIO_free(bio);
    return key;
}

static const char *why_not(const EVP_PKEY *key)
{
    if (!key) {
        return "is neither a public key nor a certificate in PEM";
    }
    if (!EVP_PKEY_is_a(key, "RSA")) {
        return "is not an RSA key";
    }
    if (EVP_PKEY_get_bits(key) < SIGNATURE_RSA_BITS_MIN) {
        return "is an RSA key of less than 2048 bits";
    }
    if (EVP_PKEY_get_bits(key) > SIGNATURE_RSA_BITS_MAX) {
        return "is an RSA key of more than 8192 bits";
    }
    return NULL;
}

struct signature_rsa *signature_rsa_read(const char *pem, size_t size, const char **ret_why)
{
    struct signature_rsa *rsa;
    EVP_PKEY *key;
    const char *why;

    ASSERT(size <= INT32_MAX);
    key = read_public_key(pem, size);
    if (!key) {
        key = read_certificate(pem, size);
    }
    ERR_clear_error(); /* of the reading that did not fit */
    why = why_not(key);
    rsa = why ? NULL : calloc(1, sizeof *rsa);
    if (!rsa) {
        *ret_why = why ? why : "cannot be kept: out of memory";
        EVP_PKEY_free(key);
        return NULL;
    }
    rsa->key = key;
    return rsa;
}

void signature_rsa_destroy(struct signature_rsa *key)
{
    if (!key) {
        return;
    }
    EVP_PKEY_free(key->key);
    free(key);
}

enum signature_result signature_rsa_check(const struct signature_rsa *key,
                                          const struct signature_part *parts, uint32_t part_count,
                                          const unsigned char *signature, size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->key) == 1;
    int verified = 0;

    for (uint32_t i = 0; good && i < part_count; i++) {
        good = parts[i].size == 0
               || EVP_DigestVerifyUpdate(context, parts[i].data, parts[i].size) == 1;
    }
    if (good) {
        verified = EVP_DigestVerifyFinal(context, signature, size);
    }
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!good) {
        return SIGNATURE_FAILED;
    }
    return verified == 1 ? SIGNATURE_FITS : SIGNATURE_DIFFERS;
}
