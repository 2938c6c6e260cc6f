/* The notices of Stripe. The first byte chooses: headers and body as they are; or a body, which is
 * signed here, so that what stands behind the signature is reached, too. */
#include <stdio.h>
#include <string.h>

#include "common/assert.h"
#include "payment_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_signed(const uint8_t *data, size_t size)
{
    static const char time_text[] = PAYMENT_FUZZ_NOW_S ".";
    static char message[PAYMENT_FUZZ_TEXT_MAX];
    struct payment_fuzz fuzz = {.header_count = 0};
    char header[128];
    enum provider_result result;

    memcpy(message, time_text, sizeof time_text - 1);
    memcpy(message + sizeof time_text - 1, data, size);
    (void)snprintf(
        header, sizeof header, "t=" PAYMENT_FUZZ_NOW_S ",v1=%s",
        payment_fuzz_mac_hex(payment_fuzz_stripe_key, message, sizeof time_text - 1 + size));
    payment_fuzz_header(&fuzz, "stripe-signature", header, strlen(header));
    result = payment_fuzz_read(&fuzz, "stripe", data, size);
    ASSERT(result == PROVIDER_OK || result == PROVIDER_BAD_BODY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && size < PROVIDER_BODY_SIZE_MAX && data[0] == 's') {
        read_signed(data + 1, size - 1);
    } else if (size > 0) {
        payment_fuzz_raw("stripe", data + 1, size - 1);
    }
    return 0;
}
