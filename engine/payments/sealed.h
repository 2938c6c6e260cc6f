/* sealed: AES-256-GCM (RFC 5116, AEAD_AES_256_GCM), opened.
 * Why:    one provider encrypts what it tells; the cipher is OpenSSL's.
 * Never:  gives bytes whose tag does not fit.
 * Thread: init for create and destroy; opening: any.  Owner: the creator. */
#pragma once

#include <stddef.h>

#include "payments/provider.h"

enum { SEALED_KEY_SIZE = 32, SEALED_NONCE_SIZE = 12, SEALED_TAG_SIZE = 16 };

struct sealed_key;
struct sealed_key *sealed_key_create(const void *key); /* SEALED_KEY_SIZE bytes; NULL: no memory */
void sealed_key_destroy(struct sealed_key *key);       /* wipes; NULL is fine */

enum sealed_result {
    SEALED_OPENED,
    SEALED_BROKEN, /* not sealed with this key, nonce and data */
    SEALED_FAILED, /* no memory: it is not known */
};
/* `sealed` is the cipher text and its tag; `plain` has room for as many bytes without the tag. */
enum sealed_result sealed_open(const struct sealed_key *key, struct provider_text nonce,
                               struct provider_text associated, const unsigned char *sealed,
                               size_t size, unsigned char *plain);
