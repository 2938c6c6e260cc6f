/* The notices of WeChat Pay. The first byte chooses: headers and body as they are; a body, which is
 * signed here; or an event type on the first line and a resource behind it, which is sealed and
 * signed here, so that what stands behind signature and seal is reached, too. */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "payment_fuzz.h"

#define NONCE "fdasflkja484"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header(struct payment_fuzz *fuzz, const char *name, const char *value)
{
    payment_fuzz_header(fuzz, name, value, strlen(value));
}

static enum provider_result read_signed(const void *body, size_t size)
{
    static const char before[] = PAYMENT_FUZZ_NOW_S "\n" NONCE "\n";
    static char message[PAYMENT_FUZZ_TEXT_MAX];
    struct payment_fuzz fuzz = {.header_count = 0};

    memcpy(message, before, sizeof before - 1);
    memcpy(message + sizeof before - 1, body, size);
    message[sizeof before - 1 + size] = '\n';
    header(&fuzz, "wechatpay-signature", payment_fuzz_rsa(message, sizeof before + size));
    header(&fuzz, "wechatpay-serial", PAYMENT_FUZZ_SERIAL);
    header(&fuzz, "wechatpay-timestamp", PAYMENT_FUZZ_NOW_S);
    header(&fuzz, "wechatpay-nonce", NONCE);
    return payment_fuzz_read(&fuzz, "wechatpay", body, size);
}

static void read_sealed(const uint8_t *data, size_t size)
{
    static char body[PAYMENT_FUZZ_TEXT_MAX];
    const uint8_t *line = memchr(data, '\n', size);
    size_t type_size = line ? (size_t)(line - data) : size;
    size_t text_at = line ? type_size + 1 : size;
    int body_size = snprintf(body, sizeof body,
                             "{\"id\":\"EV-1\",\"event_type\":\"%.*s\",\"resource\":{\"algorithm\":"
                             "\"AEAD_AES_256_GCM\",\"nonce\":\"" NONCE "\",\"ciphertext\":\"%s\"}}",
                             (int)type_size, (const char *)data,
                             payment_fuzz_sealed(NONCE, data + text_at, size - text_at));

    ASSERT(body_size > 0 && body_size < (int)sizeof body);
    (void)read_signed(body, (size_t)body_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && size < PROVIDER_BODY_SIZE_MAX && data[0] == 's') {
        enum provider_result result = read_signed(data + 1, size - 1);

        ASSERT(result == PROVIDER_OK || result == PROVIDER_BAD_BODY);
    } else if (size > 0 && size < PROVIDER_BODY_SIZE_MAX && data[0] == 'e') {
        read_sealed(data + 1, size - 1);
    } else if (size > 0) {
        payment_fuzz_raw("wechatpay", data + 1, size - 1);
    }
    return 0;
}
