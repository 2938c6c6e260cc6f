#include "bench/load/request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char secret[] = "0123456789abcdef0123456789abcdef";

static struct crowd *make_crowd(bool spoil)
{
    const struct crowd_options options = {.buyers = 100,
                                          .threads = 3,
                                          .prefix = "b",
                                          .kid = "k",
                                          .issuer = "i",
                                          .audience = "a",
                                          .secret = secret,
                                          .secret_size = 32,
                                          .issued_s = 1000,
                                          .expires_s = 2000,
                                          .spoil = spoil};
    struct crowd *crowd = crowd_create(&options);

    cr_assert_not_null(crowd);
    return crowd;
}

static const struct options purchase = {.mode = MODE_PURCHASE,
                                        .sale = 7,
                                        .quantity = 2,
                                        .sku_count = 2,
                                        .skus = {"a", "b"},
                                        .target_count = 1,
                                        .targets = {{.host = "127.0.0.1:8080"}}};

Test(request, a_secret_that_is_too_short_makes_no_crowd)
{
    const struct crowd_options options = {.buyers = 1,
                                          .threads = 1,
                                          .prefix = "b",
                                          .kid = "k",
                                          .issuer = "i",
                                          .audience = "a",
                                          .secret = secret,
                                          .secret_size = 31};

    cr_assert_null(crowd_create(&options));
}

Test(request, a_purchase_is_a_well_formed_request)
{
    struct crowd *crowd = make_crowd(false);
    struct request_maker maker;
    char request[REQUEST_SIZE_MAX + 1], wanted[REQUEST_SIZE_MAX + 1];
    const struct attempt attempt = {.buyer = 42, .sku = 1, .keyed = true};
    size_t token_size;

    cr_assert(request_maker_init(&maker, &purchase, crowd));
    const size_t size = request_make(&maker, 0, &attempt, request);
    request[size] = '\0';
    const char *token = crowd_token(crowd, 42, &token_size);
    snprintf(wanted, sizeof wanted,
             "POST /v1/sales/7/orders HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
             "Content-Type: application/json\r\nAuthorization: Bearer %.*s\r\n"
             "Idempotency-Key: key-b-000000000042\r\nContent-Length: 24\r\n\r\n"
             "{\"sku\":\"b\",\"quantity\":2}",
             (int)token_size, token);
    cr_assert_str_eq(request, wanted);
    crowd_destroy(crowd);
}

Test(request, without_a_key_there_is_no_key_field)
{
    struct crowd *crowd = make_crowd(false);
    struct request_maker maker;
    char request[REQUEST_SIZE_MAX + 1];
    const struct attempt attempt = {.buyer = 0};

    cr_assert(request_maker_init(&maker, &purchase, crowd));
    request[request_make(&maker, 0, &attempt, request)] = '\0';
    cr_assert_null(strstr(request, "Idempotency-Key"));
    crowd_destroy(crowd);
}

Test(request, tokens_of_all_threads_differ_and_are_the_same_next_time)
{
    struct crowd *one = make_crowd(false), *two = make_crowd(false), *spoilt = make_crowd(true);
    size_t size, last_size;

    for (uint32_t i = 1; i < 100; i++) {
        const char *token = crowd_token(one, i, &size);
        cr_assert(memcmp(token, crowd_token(one, i - 1, &last_size), size) != 0);
        cr_assert(memcmp(token, crowd_token(two, i, &last_size), size) == 0);
        cr_assert(memcmp(token, crowd_token(spoilt, i, &last_size), size) != 0);
    }
    crowd_destroy(one);
    crowd_destroy(two);
    crowd_destroy(spoilt);
}

Test(request, a_plain_get_needs_no_crowd)
{
    static const struct options get = {.mode = MODE_GET,
                                       .path = "/livez",
                                       .sku_count = 1,
                                       .skus = {"a"},
                                       .target_count = 1,
                                       .targets = {{.host = "h:1"}}};
    struct request_maker maker;
    char request[REQUEST_SIZE_MAX + 1];
    const struct attempt attempt = {0};

    cr_assert(request_maker_init(&maker, &get, NULL));
    request[request_make(&maker, 0, &attempt, request)] = '\0';
    cr_assert_str_eq(request, "GET /livez HTTP/1.1\r\nHost: h:1\r\n\r\n");
}
