/* One request to a provider whose keys are files of a directory of the test's own. Bodies and
 * header values are handed over in memory of exactly their size. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "domain/notice.h"
#include "payments/provider.h"

#define WORLD_NOW_S INT64_C(1800000000)
#define WORLD_ORDER "1099578736641" /* sale 1, epoch 1, seq 1 */
#define WORLD_ORDER_NO UINT64_C(1099578736641)

enum { WORLD_HEADERS_MAX = 16, WORLD_TEXT_MAX = 20000 };

struct world {
    char directory[64];
    struct conf conf;
    struct payments *payments;
    char error[PROVIDER_ERROR_SIZE];
    struct {
        char name[64];
        char value[4096];
    } headers[WORLD_HEADERS_MAX];
    uint32_t header_count;
    char body[WORLD_TEXT_MAX];
    size_t body_size;
    int64_t now_ms;
    struct notice notice; /* of the last read that was OK */
};

void world_begin(struct world *world);
void world_end(struct world *world);
/* Writes a file; its path, until the next call but seven. */
const char *world_file(struct world *world, const char *name, const void *data, size_t size);
const char *world_text_file(struct world *world, const char *name, const char *text);
/* conf_set("key=value"). */
void world_set(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* payments_create(); asserts that it works. */
void world_start(struct world *world);
/* The line of payments_create(), which must refuse. */
const char *world_refused(struct world *world);

void world_header(struct world *world, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void world_no_headers(struct world *world);
void world_body(struct world *world, const char *text);
/* Asserts that the notice is set on OK only. */
enum provider_result world_read(struct world *world, const char *provider);

/* HMAC-SHA256 of a text. */
void world_mac(const void *key, size_t key_size, const char *text, unsigned char mac[static 32]);
/* Text of bytes; until the next call but seven. */
const char *world_base64(const void *bytes, size_t size);
const char *world_hex(const void *bytes, size_t size);
/* Base64 of a text sealed with AES-256-GCM, the tag behind it. */
const char *world_seal(const char *key, const char *nonce, const char *associated,
                       const char *text);

/* An RSA key (EVP_PKEY) of this test, and its public half as a PEM file. */
struct world_rsa;
struct world_rsa *world_rsa_make(unsigned bits);
void world_rsa_free(struct world_rsa *rsa);
const char *world_rsa_file(struct world *world, const struct world_rsa *rsa, const char *name);
const char *world_rsa_certificate(struct world *world, const struct world_rsa *rsa,
                                  const char *name);
const char *world_rsa_private_file(struct world *world, const struct world_rsa *rsa,
                                   const char *name);
/* A public key of another kind. */
const char *world_ec_file(struct world *world, const char *name);
/* Signature of a text, of exactly `size` bytes. */
void world_rsa_sign_bytes(const struct world_rsa *rsa, const char *text, unsigned char *bytes,
                          size_t size);
/* Base64 of the signature of a text; a key of 2048 bits. */
const char *world_rsa_sign(const struct world_rsa *rsa, const char *text);
