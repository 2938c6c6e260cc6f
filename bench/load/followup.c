#include "followup.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    BODY_MAX = 512,
    ID_SIZE = 40,
    SIGNED_MAX = BODY_MAX + 96,
    MAC_SIZE = 32,
    SECRET_LINE_MAX = 256
};
static const char secret_mark[] = "whsec_";

static bool decode(struct followup *followup, const char *text)
{
    unsigned char raw[SECRET_LINE_MAX];
    size_t size = strlen(text);
    const size_t padding =
        size >= 2 ? (size_t)(text[size - 1] == '=') + (text[size - 2] == '=') : 0;
    const int decoded = size % 4 == 0 && size > 0
                            ? EVP_DecodeBlock(raw, (const unsigned char *)text, (int)size)
                            : -1;

    if (decoded < 0 || (size_t)decoded - padding > sizeof followup->secret) {
        return false;
    }
    followup->secret_size = (size_t)decoded - padding;
    memcpy(followup->secret, raw, followup->secret_size);
    return followup->secret_size > 0;
}

bool followup_init(struct followup *followup, const struct options *options)
{
    char line[SECRET_LINE_MAX] = "";

    *followup = (struct followup){.options = options};
    if (!options->payment_secret_file) {
        return true;
    }
    FILE *file = fopen(options->payment_secret_file, "r");
    const bool read = file && fgets(line, sizeof line, file);
    if (file) {
        fclose(file);
    }
    if (!read) {
        fprintf(stderr, "seckill-bench: %s: %s\n", options->payment_secret_file,
                file ? "it is empty" : strerror(errno));
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (strncmp(line, secret_mark, sizeof secret_mark - 1) != 0
        || !decode(followup, line + sizeof secret_mark - 1)) {
        fprintf(stderr, "seckill-bench: %s: it is no whsec_ and base64\n",
                options->payment_secret_file);
        return false;
    }
    return true;
}

bool followup_sign(const struct followup *followup, const char *id, int64_t at_s, const char *body,
                   char signature[static FOLLOWUP_SIGNATURE_SIZE])
{
    char text[SIGNED_MAX];
    unsigned char mac[MAC_SIZE];
    unsigned int mac_size = 0;
    const int size = snprintf(text, sizeof text, "%s.%" PRId64 ".%s", id, at_s, body);

    if (size < 0 || size >= (int)sizeof text
        || !HMAC(EVP_sha256(), followup->secret, (int)followup->secret_size,
                 (const unsigned char *)text, (size_t)size, mac, &mac_size)) {
        return false;
    }
    memcpy(signature, "v1,", 3);
    EVP_EncodeBlock((unsigned char *)signature + 3, mac, MAC_SIZE);
    return true;
}

static size_t fitting(int size)
{
    return size > 0 && size < REQUEST_SIZE_MAX ? (size_t)size : 0;
}

size_t followup_pay(const struct followup *followup, const struct response *won, const char *host,
                    int64_t at_s, char request[static REQUEST_SIZE_MAX])
{
    const uint64_t order_no = response_order_no(won);
    const time_t at = (time_t)at_s;
    uint64_t price = 0;
    const char *currency = NULL;
    size_t currency_size = 0;
    char id[ID_SIZE], body[BODY_MAX], stamp[32], signature[FOLLOWUP_SIGNATURE_SIZE];
    struct tm parts;

    if (!response_number(won, "unit_price", &price)
        || !response_member(won, "currency", &currency, &currency_size)) {
        return 0;
    }
    gmtime_r(&at, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    snprintf(id, sizeof id, "bench-%" PRIu64, order_no);
    const int body_size = snprintf(
        body, sizeof body,
        "{\"type\":\"payment.succeeded\",\"timestamp\":\"%s\",\"data\":{\"order_no\":\"%" PRIu64
        "\",\"transaction_id\":\"%s\",\"amount\":%" PRIu64 ",\"currency\":\"%.*s\"}}",
        stamp, order_no, id, price * followup->options->quantity, (int)currency_size, currency);
    if (body_size >= BODY_MAX || !followup_sign(followup, id, at_s, body, signature)) {
        return 0;
    }
    return fitting(snprintf(request, REQUEST_SIZE_MAX,
                            "POST /v1/payments/standard HTTP/1.1\r\nHost: %s\r\n%s"
                            "Content-Type: application/json\r\nwebhook-id: %s\r\n"
                            "webhook-timestamp: %" PRId64 "\r\nwebhook-signature: %s\r\n"
                            "Content-Length: %d\r\n\r\n%s",
                            host, followup->options->reconnect ? "Connection: close\r\n" : "", id,
                            at_s, signature, body_size, body));
}

size_t followup_cancel(const struct followup *followup, const struct response *won,
                       const char *host, struct token token, char request[static REQUEST_SIZE_MAX])
{
    return fitting(snprintf(request, REQUEST_SIZE_MAX,
                            "POST /v1/sales/%u/orders/%" PRIu64 "/cancel HTTP/1.1\r\nHost: %s\r\n%s"
                            "Authorization: Bearer %.*s\r\nContent-Length: 0\r\n\r\n",
                            followup->options->sale, response_order_no(won), host,
                            followup->options->reconnect ? "Connection: close\r\n" : "",
                            (int)token.size, token.text));
}
