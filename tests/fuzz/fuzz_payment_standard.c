/* The notices of Standard Webhooks. The first byte chooses: headers and body as they are; or an id
 * on the first line and a body behind it, which are signed here, so that what stands behind the
 * signature is reached, too. */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "payment_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* id.time.body */
static size_t message_of(const uint8_t *data, size_t id_size, size_t size, char *message)
{
    static const char time_text[] = "." PAYMENT_FUZZ_NOW_S ".";
    size_t body_at = id_size < size ? id_size + 1 : size;

    memcpy(message, data, id_size);
    memcpy(message + id_size, time_text, sizeof time_text - 1);
    memcpy(message + id_size + sizeof time_text - 1, data + body_at, size - body_at);
    return id_size + sizeof time_text - 1 + size - body_at;
}

static void read_signed(const uint8_t *data, size_t size)
{
    static char message[PAYMENT_FUZZ_TEXT_MAX];
    const uint8_t *line = memchr(data, '\n', size);
    size_t id_size = line ? (size_t)(line - data) : size;
    size_t body_at = line ? id_size + 1 : size;
    size_t message_size = message_of(data, id_size, size, message);
    struct payment_fuzz fuzz = {.header_count = 0};
    char signature[64];
    enum provider_result result;

    (void)snprintf(signature, sizeof signature, "v1,%s",
                   payment_fuzz_mac_base64(payment_fuzz_standard_key, message, message_size));
    payment_fuzz_header(&fuzz, "webhook-id", data, id_size);
    payment_fuzz_header(&fuzz, "webhook-timestamp", PAYMENT_FUZZ_NOW_S, strlen(PAYMENT_FUZZ_NOW_S));
    payment_fuzz_header(&fuzz, "webhook-signature", signature, strlen(signature));
    result = payment_fuzz_read(&fuzz, "standard", data + body_at, size - body_at);
    ASSERT(result == PROVIDER_OK || result == PROVIDER_BAD_BODY || result == PROVIDER_NOT_SIGNED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && size < PROVIDER_BODY_SIZE_MAX && data[0] == 's') {
        read_signed(data + 1, size - 1);
    } else if (size > 0) {
        payment_fuzz_raw("standard", data + 1, size - 1);
    }
    return 0;
}
