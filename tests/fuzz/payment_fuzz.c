#include "payment_fuzz.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/assert.h"
#include "common/conf.h"

const char payment_fuzz_standard_key[] = "123456789012345678901234";
const char payment_fuzz_stripe_key[] = "whsec_0123456789abcdef0123456789";
static const char api_key[] = "0123456789abcdef0123456789abcdef";
static const int64_t now_ms = INT64_C(1800000000000);

/* --- keys, made once: libFuzzer keeps the process */

static EVP_PKEY *rsa_key(void)
{
    static EVP_PKEY *key;

    if (!key) {
        key = EVP_RSA_gen(2048);
    }
    ASSERT(key);
    return key;
}

/* libFuzzer calls it before it looks at the time of inputs: making the key takes seconds when the
 * machine is busy. */
int LLVMFuzzerInitialize(int *argument_count, char ***arguments);

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
    (void)argument_count;
    (void)arguments;
    (void)rsa_key();
    return 0;
}

static void write_file(const char *directory, const char *name, const void *data, size_t size)
{
    char path[128];
    FILE *file;

    ASSERT(snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path);
    file = fopen(path, "wb");
    ASSERT(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void write_rsa(const char *directory)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long size;

    ASSERT(bio && PEM_write_bio_PUBKEY(bio, rsa_key()) == 1);
    size = BIO_get_mem_data(bio, &pem);
    write_file(directory, "rsa", pem, (size_t)size);
    BIO_free(bio);
}

static void write_keys(const char *directory)
{
    char text[128] = "whsec_";

    (void)EVP_EncodeBlock((unsigned char *)text + strlen(text),
                          (const unsigned char *)payment_fuzz_standard_key,
                          (int)strlen(payment_fuzz_standard_key));
    write_file(directory, "standard", text, strlen(text));
    write_file(directory, "stripe", payment_fuzz_stripe_key, strlen(payment_fuzz_stripe_key));
    write_file(directory, "api", api_key, strlen(api_key));
    write_rsa(directory);
}

static void set(struct conf *conf, const char *key, const char *before, const char *directory,
                const char *name)
{
    char assignment[256], error[CONF_ERROR_SIZE];

    (void)snprintf(assignment, sizeof assignment, "%s=%s%s/%s", key, before, directory, name);
    ASSERT(conf_set(conf, assignment, error) == ERR_OK);
}

static void remove_files(const char *directory)
{
    static const char *const names[] = {"standard", "stripe", "api", "rsa"};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static struct payments *payments_of(void)
{
    static struct payments *payments;
    char directory[] = "/tmp/fuzz-payments-XXXXXX", error[CONF_ERROR_SIZE];
    struct conf conf;

    if (payments) {
        return payments;
    }
    ASSERT(mkdtemp(directory));
    write_keys(directory);
    conf_init(&conf);
    set(&conf, "payments.standard_secret_files", "", directory, "standard");
    set(&conf, "payments.stripe_secret_files", "", directory, "stripe");
    set(&conf, "payments.alipay_key_files", "", directory, "rsa");
    set(&conf, "payments.wechatpay_key_files", PAYMENT_FUZZ_SERIAL "=", directory, "rsa");
    set(&conf, "payments.wechatpay_api_key_file", "", directory, "api");
    ASSERT(conf_set(&conf, "payments.alipay_app_id=" PAYMENT_FUZZ_APP_ID, error) == ERR_OK);
    ASSERT(payments_create(&conf, error, &payments) == ERR_OK);
    remove_files(directory);
    return payments;
}

/* --- requests */

static void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    ASSERT(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

void payment_fuzz_header(struct payment_fuzz *fuzz, const char *name, const void *value,
                         size_t size)
{
    if (fuzz->header_count == PAYMENT_FUZZ_HEADERS_MAX) {
        return;
    }
    (void)snprintf(fuzz->headers[fuzz->header_count].name,
                   sizeof fuzz->headers[fuzz->header_count].name, "%s", name);
    fuzz->headers[fuzz->header_count].value = exact_copy(value, size);
    fuzz->headers[fuzz->header_count].size = size;
    fuzz->header_count++;
}

static uint32_t find_header(const void *arg, const char *name, struct provider_text *ret_value)
{
    const struct payment_fuzz *fuzz = arg;
    uint32_t count = 0;

    for (uint32_t i = 0; i < fuzz->header_count; i++) {
        if (strcasecmp(fuzz->headers[i].name, name) == 0 && count++ == 0) {
            *ret_value = (struct provider_text){fuzz->headers[i].value, fuzz->headers[i].size};
        }
    }
    return count;
}

enum provider_result payment_fuzz_read(struct payment_fuzz *fuzz, const char *name,
                                       const void *body, size_t size)
{
    const struct provider *provider = payments_find(payments_of(), name, strlen(name));
    char *exact = exact_copy(body, size);
    const struct provider_request request = {.body = exact,
                                             .body_size = size,
                                             .header = find_header,
                                             .header_arg = fuzz,
                                             .now_ms = now_ms};
    struct notice notices[2];
    enum provider_result result;

    ASSERT(provider);
    memset(notices, 0, sizeof notices);
    result = provider_read(provider, &request, &notices[0]);
    ASSERT(provider_read(provider, &request, &notices[1]) == result);
    ASSERT(result != PROVIDER_INTERNAL);
    ASSERT((result == PROVIDER_OK) == (notices[0].version == 1));
    if (result == PROVIDER_OK) {
        ASSERT(notice_check(&notices[0]) == ERR_OK);
        ASSERT(strcmp(notices[0].provider, name) == 0);
        ASSERT(strcmp(notices[0].event_id, notices[1].event_id) == 0);
        ASSERT(notices[0].order_no.value == notices[1].order_no.value);
        ASSERT(notices[0].amount == notices[1].amount && notices[0].kind == notices[1].kind);
    }
    free(exact);
    for (uint32_t i = 0; i < fuzz->header_count; i++) {
        free(fuzz->headers[i].value);
    }
    fuzz->header_count = 0;
    return result;
}

/* The name, without what the edge would not have let in. */
static bool header_name(const uint8_t *line, size_t size, char name[static 64])
{
    if (size < 1 || size > 63) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (line[i] <= ' ' || line[i] > '~') {
            return false;
        }
    }
    memcpy(name, line, size);
    name[size] = '\0';
    return true;
}

void payment_fuzz_raw(const char *provider, const uint8_t *data, size_t size)
{
    struct payment_fuzz fuzz = {.header_count = 0};
    const uint8_t *end = data + size, *at = data;

    while (at < end && *at != '\n') {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        const uint8_t *stop = line_end ? line_end : end;
        const uint8_t *colon = memchr(at, ':', (size_t)(stop - at));
        char name[64];

        if (colon && stop - colon > 1 && colon[1] == ' '
            && header_name(at, (size_t)(colon - at), name)) {
            payment_fuzz_header(&fuzz, name, colon + 2, (size_t)(stop - colon - 2));
        }
        at = line_end ? line_end + 1 : end;
    }
    at += at < end ? 1 : 0;
    (void)payment_fuzz_read(&fuzz, provider, at, (size_t)(end - at));
}

/* --- signatures */

static char *text_place(void)
{
    static char text[PAYMENT_FUZZ_TEXT_MAX];

    return text;
}

static void mac_of(const char *key, const void *text, size_t size, unsigned char mac[static 32])
{
    unsigned mac_size = 32;

    ASSERT(HMAC(EVP_sha256(), key, (int)strlen(key), text, size, mac, &mac_size));
}

const char *payment_fuzz_mac_base64(const char *key, const void *text, size_t size)
{
    unsigned char mac[32];

    mac_of(key, text, size, mac);
    (void)EVP_EncodeBlock((unsigned char *)text_place(), mac, sizeof mac);
    return text_place();
}

const char *payment_fuzz_mac_hex(const char *key, const void *text, size_t size)
{
    unsigned char mac[32];

    mac_of(key, text, size, mac);
    for (size_t i = 0; i < sizeof mac; i++) {
        (void)snprintf(text_place() + 2 * i, 3, "%02x", mac[i]);
    }
    return text_place();
}

const char *payment_fuzz_rsa(const void *text, size_t size)
{
    unsigned char signature[256];
    size_t signature_size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    ASSERT(context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, rsa_key()) == 1);
    ASSERT(EVP_DigestSign(context, signature, &signature_size, text, size) == 1);
    EVP_MD_CTX_free(context);
    (void)EVP_EncodeBlock((unsigned char *)text_place(), signature, (int)signature_size);
    return text_place();
}

const char *payment_fuzz_sealed(const char *nonce, const void *text, size_t size)
{
    static unsigned char sealed[PAYMENT_FUZZ_TEXT_MAX / 2];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int sealed_size = 0, more = 0;

    ASSERT(context && size < sizeof sealed - 16);
    ASSERT(EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, (const unsigned char *)api_key,
                              (const unsigned char *)nonce)
           == 1);
    ASSERT(size == 0 || EVP_EncryptUpdate(context, sealed, &sealed_size, text, (int)size) == 1);
    ASSERT(EVP_EncryptFinal_ex(context, sealed + sealed_size, &more) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, sealed + sealed_size) == 1);
    EVP_CIPHER_CTX_free(context);
    (void)EVP_EncodeBlock((unsigned char *)text_place(), sealed, sealed_size + 16);
    return text_place();
}
