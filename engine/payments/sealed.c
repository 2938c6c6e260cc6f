#include "payments/sealed.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct sealed_key {
    unsigned char bytes[SEALED_KEY_SIZE];
};

struct sealed_key *sealed_key_create(const void *key)
{
    struct sealed_key *sealed = malloc(sizeof *sealed);

    if (sealed) {
        memcpy(sealed->bytes, key, SEALED_KEY_SIZE);
    }
    return sealed;
}

void sealed_key_destroy(struct sealed_key *key)
{
    if (!key) {
        return;
    }
    OPENSSL_cleanse(key, sizeof *key);
    free(key);
}

static bool begin(EVP_CIPHER_CTX *context, const struct sealed_key *key, struct provider_text nonce,
                  struct provider_text associated)
{
    int size;

    return EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes,
                              (const unsigned char *)nonce.data)
               == 1
           && (associated.size == 0
               || EVP_DecryptUpdate(context, NULL, &size, (const unsigned char *)associated.data,
                                    (int)associated.size)
                      == 1);
}

/* The tag is judged by the last call: OpenSSL compares it in constant time. */
static enum sealed_result finish(EVP_CIPHER_CTX *context, const unsigned char *sealed, size_t size,
                                 unsigned char *plain)
{
    unsigned char tag[SEALED_TAG_SIZE], nothing[16];
    int done;

    memcpy(tag, sealed + size, SEALED_TAG_SIZE);
    if ((size > 0 && EVP_DecryptUpdate(context, plain, &done, sealed, (int)size) != 1)
        || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, SEALED_TAG_SIZE, tag) != 1) {
        return SEALED_FAILED;
    }
    return EVP_DecryptFinal_ex(context, nothing, &done) == 1 ? SEALED_OPENED : SEALED_BROKEN;
}

enum sealed_result sealed_open(const struct sealed_key *key, struct provider_text nonce,
                               struct provider_text associated, const unsigned char *sealed,
                               size_t size, unsigned char *plain)
{
    enum sealed_result result = SEALED_FAILED;
    EVP_CIPHER_CTX *context;

    if (nonce.size != SEALED_NONCE_SIZE || size < SEALED_TAG_SIZE || size > INT_MAX
        || associated.size > INT_MAX) {
        return SEALED_BROKEN;
    }
    size -= SEALED_TAG_SIZE;
    context = EVP_CIPHER_CTX_new();
    if (context && begin(context, key, nonce, associated)) {
        result = finish(context, sealed, size, plain);
    }
    EVP_CIPHER_CTX_free(context); /* wipes its key */
    ERR_clear_error();
    if (result != SEALED_OPENED) {
        OPENSSL_cleanse(plain, size);
    }
    return result;
}
