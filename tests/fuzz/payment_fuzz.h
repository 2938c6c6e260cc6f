/* What the fuzz targets of the payment providers share: keys of all four, and requests in memory of
 * exactly their size. Keys are made at the start; what they sign is found by each run anew. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "domain/notice.h"
#include "payments/provider.h"

#define PAYMENT_FUZZ_NOW_S "1800000000"
#define PAYMENT_FUZZ_APP_ID "2015102700040153"
#define PAYMENT_FUZZ_SERIAL "SERIAL1"

enum { PAYMENT_FUZZ_HEADERS_MAX = 16, PAYMENT_FUZZ_TEXT_MAX = 40000 };

struct payment_fuzz {
    uint32_t header_count;
    struct {
        char name[64];
        char *value; /* owned, of exactly its size */
        size_t size;
    } headers[PAYMENT_FUZZ_HEADERS_MAX];
};

/* A header more; a zeroed struct has none. */
void payment_fuzz_header(struct payment_fuzz *fuzz, const char *name, const void *value,
                         size_t size);
/* Reads twice, asserts that both say the same and that what is OK is whole; frees the headers. */
enum provider_result payment_fuzz_read(struct payment_fuzz *fuzz, const char *provider,
                                       const void *body, size_t size);
/* Lines "name: value", an empty one, the body: as they are, with whatever signature. */
void payment_fuzz_raw(const char *provider, const uint8_t *data, size_t size);

/* Texts with a NUL behind them, until the next call: base64 or hex of the MAC of a text by a key,
 * base64 of its RSA signature, base64 of it sealed. */
extern const char payment_fuzz_standard_key[];
extern const char payment_fuzz_stripe_key[];
const char *payment_fuzz_mac_base64(const char *key, const void *text, size_t size);
const char *payment_fuzz_mac_hex(const char *key, const void *text, size_t size);
const char *payment_fuzz_rsa(const void *text, size_t size);
const char *payment_fuzz_sealed(const char *nonce, const void *text, size_t size);
