#include "request.h"

#include <stdio.h>
#include <string.h>

enum { REQUEST_SALE_AT = sizeof "POST /v1/sales/" - 1, SPOILT_BEFORE_END = 20 };

static bool make_head(struct request_maker *maker, const struct options *options, uint32_t target)
{
    const char *host = options->targets[target].host;
    const char *close = options->reconnect ? "Connection: close\r\n" : "";
    char *head = maker->heads[target];
    int size = -1;

    switch (options->mode) {
    case MODE_PURCHASE:
    case MODE_REPLAY:
    case MODE_BAD_TOKEN:
        size = snprintf(head, REQUEST_HEAD_MAX,
                        "POST /v1/sales/%u/orders HTTP/1.1\r\nHost: %s\r\n%s"
                        "Content-Type: application/json\r\nAuthorization: Bearer ",
                        options->sale, host, close);
        break;
    case MODE_ORDERS:
        size = snprintf(head, REQUEST_HEAD_MAX,
                        "GET /v1/sales/%u/orders HTTP/1.1\r\nHost: %s\r\n%sAuthorization: Bearer ",
                        options->sale, host, close);
        break;
    case MODE_GET:
        size = snprintf(head, REQUEST_HEAD_MAX, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
                        options->path, host, close);
        break;
    }
    maker->head_sizes[target] = (size_t)size;
    return size > 0 && size < REQUEST_HEAD_MAX;
}

static bool make_body(struct request_maker *maker, const struct options *options, uint32_t sku)
{
    char json[REQUEST_BODY_MAX];
    const int json_size = snprintf(json, sizeof json, "{\"sku\":\"%s\",\"quantity\":%u}",
                                   options->skus[sku], options->quantity);
    const int size = snprintf(maker->bodies[sku], REQUEST_BODY_MAX, "Content-Length: %d\r\n\r\n%s",
                              json_size, json);

    maker->body_sizes[sku] = (size_t)size;
    return json_size < (int)sizeof json && size < REQUEST_BODY_MAX;
}

bool request_maker_init(struct request_maker *maker, const struct options *options,
                        const struct crowd *crowd)
{
    bool good = true;

    *maker = (struct request_maker){.crowd = crowd, .sale = options->sale};
    maker->has_body = options->mode != MODE_ORDERS && options->mode != MODE_GET;
    for (uint32_t i = 0; good && i < options->target_count; i++) {
        good = make_head(maker, options, i);
    }
    for (uint32_t i = 0; good && i < options->sku_count; i++) {
        good = make_body(maker, options, i);
    }
    const size_t token_size = crowd ? crowd_token_size(crowd) : 0;
    return good
           && REQUEST_HEAD_MAX + REQUEST_BODY_MAX + CROWD_NAME_SIZE + 32 + token_size
                  < REQUEST_SIZE_MAX;
}

/* The number of a sale that is not there, in place of the sale's own. */
static size_t append_unknown_head(const struct request_maker *maker, uint32_t target,
                                  uint32_t buyer, char *request)
{
    const char *head = maker->heads[target];
    const size_t number_end = REQUEST_SALE_AT + strcspn(head + REQUEST_SALE_AT, "/");
    uint32_t sale =
        REQUEST_UNKNOWN_SALE_MIN + buyer % (OPTIONS_SALE_MAX - REQUEST_UNKNOWN_SALE_MIN);

    sale += sale == maker->sale;
    const int size = snprintf(request, REQUEST_SIZE_MAX, "%.*s%u", REQUEST_SALE_AT, head, sale);
    memcpy(request + size, head + number_end, maker->head_sizes[target] - number_end);
    return (size_t)size + maker->head_sizes[target] - number_end;
}

static size_t append(char *request, size_t at, const char *text, size_t size)
{
    memcpy(request + at, text, size);
    return at + size;
}

/* Breaks the signature of the token that ends there. */
static void spoil(char *token_end)
{
    char *in_signature = token_end - SPOILT_BEFORE_END;
    *in_signature = *in_signature == 'A' ? 'B' : 'A';
}

size_t request_make(const struct request_maker *maker, uint32_t target,
                    const struct attempt *attempt, struct token token,
                    char request[static REQUEST_SIZE_MAX])
{
    static const char key_field[] = "Idempotency-Key: ";
    char key[CROWD_NAME_SIZE];
    size_t at = attempt->kind == KIND_UNKNOWN_SALE && maker->has_body
                    ? append_unknown_head(maker, target, attempt->buyer, request)
                    : append(request, 0, maker->heads[target], maker->head_sizes[target]);

    if (!maker->crowd) {
        return at;
    }
    at = append(request, at, token.text, token.size);
    if (attempt->kind == KIND_BAD_TOKEN) {
        spoil(request + at);
    }
    at = append(request, at, "\r\n", 2);
    if (!maker->has_body) {
        return append(request, at, "\r\n", 2);
    }
    if (attempt->keyed) {
        crowd_key(maker->crowd, attempt->buyer, key);
        at = append(request, at, key_field, sizeof key_field - 1);
        at = append(request, at, key, strlen(key));
        at = append(request, at, "\r\n", 2);
    }
    return append(request, at, maker->bodies[attempt->sku], maker->body_sizes[attempt->sku]);
}
