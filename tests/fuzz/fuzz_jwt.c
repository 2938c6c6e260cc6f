/* The token reader. The first byte chooses: a whole token as it is; or header and claims in the
 * clear (a newline between them), which are encoded and signed here, so that what stands behind
 * the signature is reached, too. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "admission/identity.h"
#include "common/assert.h"

enum { NOW_S = 1800000000, TOKEN_ROOM = 6000, TEXT_MAX = 2900 };

static const char secret[] = "0123456789abcdef0123456789abcdef";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity *identity_of(void)
{
    const struct identity_key key = {"k1", IDENTITY_ALGORITHM_HS256, secret, sizeof secret - 1};
    const struct identity_options options = {
        .keys = &key, .key_count = 1, .issuer = "shop", .audience = "seckill", .leeway_s = 60};
    char error[IDENTITY_ERROR_SIZE];
    struct identity *identity = NULL;

    ASSERT(identity_create(&options, error, &identity) == ERR_OK);
    return identity;
}

static size_t encode(const uint8_t *bytes, size_t size, char *to)
{
    size_t length = (size_t)EVP_EncodeBlock((unsigned char *)to, bytes, (int)size);

    while (length > 0 && to[length - 1] == '=') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
    }
    return length;
}

static size_t sign(const uint8_t *data, size_t size, char token[static TOKEN_ROOM])
{
    const uint8_t *line = memchr(data, '\n', size);
    size_t header_size = line ? (size_t)(line - data) : size, at;
    unsigned char mac[32];
    unsigned mac_size = sizeof mac;

    at = encode(data, header_size, token);
    token[at++] = '.';
    at += line ? encode(line + 1, size - header_size - 1, token + at) : 0;
    ASSERT(HMAC(EVP_sha256(), secret, (int)sizeof secret - 1, (unsigned char *)token, at, mac,
                &mac_size));
    token[at++] = '.';
    return at + encode(mac, sizeof mac, token + at);
}

static void verify(struct identity *identity, const char *token, size_t size)
{
    struct buyer buyer = {.size = 0};
    enum identity_result result =
        identity_verify(identity, token, size, (int64_t)NOW_S * 1000, &buyer);

    ASSERT((unsigned)result < IDENTITY_RESULT_COUNT && result != IDENTITY_INTERNAL);
    ASSERT((result == IDENTITY_OK) == (buyer.size > 0));
    /* The header of a good token is remembered: the second look must say the same. */
    ASSERT(identity_verify(identity, token, size, (int64_t)NOW_S * 1000, &buyer) == result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char token[TOKEN_ROOM];
    struct identity *identity = identity_of();
    struct buyer buyer;

    if (size > 0 && data[0] == 's' && size <= TEXT_MAX) {
        verify(identity, token, sign(data + 1, size - 1, token));
    } else if (size > 0 && data[0] == 'h') {
        (void)!identity_verify_header(identity, (const char *)data + 1, size - 1, 0, &buyer);
    } else if (size > 0) {
        verify(identity, (const char *)data + 1, size - 1);
    }
    identity_destroy(identity);
    return 0;
}
