#include "payments_world.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { RING = 8, RING_TEXT = 4096 };

struct world_rsa {
    EVP_PKEY *key;
};

static char *ring_text(void)
{
    static char texts[RING][RING_TEXT];
    static int at;

    at = (at + 1) % RING;
    return texts[at];
}

void world_begin(struct world *world)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->directory, sizeof world->directory, "/tmp/test-payments-XXXXXX");
    cr_assert_not_null(mkdtemp(world->directory));
    conf_init(&world->conf);
    world->now_ms = WORLD_NOW_S * 1000;
}

void world_end(struct world *world)
{
    char command[128];

    payments_destroy(world->payments);
    (void)snprintf(command, sizeof command, "rm -r %s", world->directory);
    cr_assert_eq(system(command), 0);
}

const char *world_file(struct world *world, const char *name, const void *data, size_t size)
{
    char *path = ring_text();
    FILE *file;

    (void)snprintf(path, RING_TEXT, "%s/%s", world->directory, name);
    file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

const char *world_text_file(struct world *world, const char *name, const char *text)
{
    return world_file(world, name, text, strlen(text));
}

void world_set(struct world *world, const char *format, ...)
{
    char assignment[CONF_TEXT_SIZE * 2], error[CONF_ERROR_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(assignment, sizeof assignment, format, arguments);
    va_end(arguments);
    cr_assert_eq(conf_set(&world->conf, assignment, error), ERR_OK, "%s", error);
}

void world_start(struct world *world)
{
    payments_destroy(world->payments);
    world->payments = NULL;
    cr_assert_eq(payments_create(&world->conf, world->error, &world->payments), ERR_OK, "%s",
                 world->error);
}

const char *world_refused(struct world *world)
{
    world->error[0] = '\0';
    cr_assert_eq(payments_create(&world->conf, world->error, &world->payments), ERR_CONFIG);
    cr_assert_null(world->payments);
    cr_assert_null(strchr(world->error, '\n'));
    return world->error;
}

void world_header(struct world *world, const char *name, const char *format, ...)
{
    va_list arguments;

    cr_assert(world->header_count < WORLD_HEADERS_MAX);
    (void)snprintf(world->headers[world->header_count].name,
                   sizeof world->headers[world->header_count].name, "%s", name);
    va_start(arguments, format);
    (void)vsnprintf(world->headers[world->header_count].value,
                    sizeof world->headers[world->header_count].value, format, arguments);
    va_end(arguments);
    world->header_count++;
}

void world_no_headers(struct world *world)
{
    world->header_count = 0;
}

void world_body(struct world *world, const char *text)
{
    world->body_size = strlen(text);
    cr_assert(world->body_size < sizeof world->body);
    memcpy(world->body, text, world->body_size);
}

/* Header values are copied to places of exactly their size, kept until the read is over. */
struct exact {
    const struct world *world;
    char *values[WORLD_HEADERS_MAX];
};

static uint32_t find_header(const void *arg, const char *name, struct provider_text *ret_value)
{
    const struct exact *exact = arg;
    uint32_t count = 0;

    for (uint32_t i = 0; i < exact->world->header_count; i++) {
        if (strcasecmp(exact->world->headers[i].name, name) == 0 && count++ == 0) {
            *ret_value =
                (struct provider_text){exact->values[i], strlen(exact->world->headers[i].value)};
        }
    }
    return count;
}

static char *exact_copy(const char *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);

    cr_assert_not_null(copy);
    memcpy(copy, data, size);
    return copy;
}

enum provider_result world_read(struct world *world, const char *provider_text)
{
    const struct provider *provider =
        payments_find(world->payments, provider_text, strlen(provider_text));
    struct exact exact = {.world = world};
    char *body = exact_copy(world->body, world->body_size);
    const struct provider_request request = {.body = body,
                                             .body_size = world->body_size,
                                             .header = find_header,
                                             .header_arg = &exact,
                                             .now_ms = world->now_ms};
    enum provider_result result;

    cr_assert_not_null(provider, "%s is configured", provider_text);
    for (uint32_t i = 0; i < world->header_count; i++) {
        exact.values[i] = exact_copy(world->headers[i].value, strlen(world->headers[i].value));
    }
    memset(&world->notice, 0, sizeof world->notice);
    result = provider_read(provider, &request, &world->notice);
    cr_assert((result == PROVIDER_OK) == (world->notice.version == 1),
              "the notice is set on success only");
    for (uint32_t i = 0; i < world->header_count; i++) {
        free(exact.values[i]);
    }
    free(body);
    return result;
}

void world_mac(const void *key, size_t key_size, const char *text, unsigned char mac[static 32])
{
    unsigned size = 32;

    cr_assert_not_null(HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text,
                            strlen(text), mac, &size));
    cr_assert_eq(size, 32);
}

const char *world_base64(const void *bytes, size_t size)
{
    char *text = ring_text();

    cr_assert(size < RING_TEXT / 2 + RING_TEXT / 8);
    (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)size);
    return text;
}

const char *world_hex(const void *bytes, size_t size)
{
    char *text = ring_text();

    for (size_t i = 0; i < size; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    }
    return text;
}

const char *world_seal(const char *key, const char *nonce, const char *associated, const char *text)
{
    unsigned char sealed[2048];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0, more = 0;

    cr_assert(strlen(text) < sizeof sealed - 16);
    cr_assert_eq(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, (const unsigned char *)key,
                                    (const unsigned char *)nonce),
                 1);
    cr_assert_eq(EVP_EncryptUpdate(context, NULL, &size, (const unsigned char *)associated,
                                   (int)strlen(associated)),
                 1);
    cr_assert_eq(
        EVP_EncryptUpdate(context, sealed, &size, (const unsigned char *)text, (int)strlen(text)),
        1);
    cr_assert_eq(EVP_EncryptFinal_ex(context, sealed + size, &more), 1);
    cr_assert_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed + size), 1);
    EVP_CIPHER_CTX_free(context);
    return world_base64(sealed, (size_t)size + 16);
}

/* Of three primes where that is allowed: made in a fifth of the time, and public like any other. */
struct world_rsa *world_rsa_make(unsigned bits)
{
    struct world_rsa *rsa = calloc(1, sizeof *rsa);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    cr_assert_not_null(rsa);
    cr_assert_eq(EVP_PKEY_keygen_init(context), 1);
    cr_assert_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    cr_assert_eq(EVP_PKEY_CTX_set_rsa_keygen_primes(context, bits >= 2048 ? 3 : 2), 1);
    cr_assert_eq(EVP_PKEY_generate(context, &rsa->key), 1);
    EVP_PKEY_CTX_free(context);
    return rsa;
}

void world_rsa_free(struct world_rsa *rsa)
{
    EVP_PKEY_free(rsa->key);
    free(rsa);
}

static const char *save_bio(struct world *world, BIO *bio, const char *name)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);
    const char *path = world_file(world, name, data, (size_t)size);

    BIO_free(bio);
    return path;
}

const char *world_rsa_file(struct world *world, const struct world_rsa *rsa, const char *name)
{
    BIO *bio = BIO_new(BIO_s_mem());

    cr_assert_eq(PEM_write_bio_PUBKEY(bio, rsa->key), 1);
    return save_bio(world, bio, name);
}

const char *world_rsa_certificate(struct world *world, const struct world_rsa *rsa,
                                  const char *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();

    cr_assert_not_null(certificate);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7), 1);
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    cr_assert_not_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    cr_assert_eq(X509_set_pubkey(certificate, rsa->key), 1);
    cr_assert(X509_sign(certificate, rsa->key, EVP_sha256()) > 0);
    cr_assert_eq(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return save_bio(world, bio, name);
}

const char *world_rsa_private_file(struct world *world, const struct world_rsa *rsa,
                                   const char *name)
{
    BIO *bio = BIO_new(BIO_s_mem());

    cr_assert_eq(PEM_write_bio_PrivateKey(bio, rsa->key, NULL, NULL, 0, NULL, NULL), 1);
    return save_bio(world, bio, name);
}

const char *world_ec_file(struct world *world, const char *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *key = EVP_EC_gen("P-256");

    cr_assert_eq(PEM_write_bio_PUBKEY(bio, key), 1);
    EVP_PKEY_free(key);
    return save_bio(world, bio, name);
}

void world_rsa_sign_bytes(const struct world_rsa *rsa, const char *text, unsigned char *bytes,
                          size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t signed_size = size;

    cr_assert_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, rsa->key), 1);
    cr_assert_eq(
        EVP_DigestSign(context, bytes, &signed_size, (const unsigned char *)text, strlen(text)), 1);
    cr_assert_eq(signed_size, size);
    EVP_MD_CTX_free(context);
}

const char *world_rsa_sign(const struct world_rsa *rsa, const char *text)
{
    unsigned char bytes[256];

    world_rsa_sign_bytes(rsa, text, bytes, sizeof bytes);
    return world_base64(bytes, sizeof bytes);
}
