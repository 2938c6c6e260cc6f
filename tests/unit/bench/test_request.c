#include "bench/load/request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "unit/bench/crowd_made.h"

static struct token token_of(const struct crowd *crowd, uint32_t buyer)
{
    struct token token = {0};

    token.text = crowd ? crowd_token(crowd, buyer, &token.size) : NULL;
    return token;
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
    struct crowd_options options = crowd_made_options(1, 1);

    options.secret_size = 31;
    cr_assert_null(crowd_create(&options));
}

Test(request, a_purchase_is_a_well_formed_request)
{
    struct crowd *crowd = crowd_made(100, 3);
    struct request_maker maker;
    char request[REQUEST_SIZE_MAX + 1], wanted[REQUEST_SIZE_MAX + 1];
    const struct attempt attempt = {.buyer = 42, .sku = 1, .keyed = true};
    size_t token_size;

    cr_assert(request_maker_init(&maker, &purchase, crowd));
    const char *token = crowd_token(crowd, 42, &token_size);
    const size_t size =
        request_make(&maker, 0, &attempt, (struct token){token, token_size}, request);
    request[size] = '\0';
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
    struct crowd *crowd = crowd_made(100, 3);
    struct request_maker maker;
    char request[REQUEST_SIZE_MAX + 1];
    const struct attempt attempt = {.buyer = 0};

    cr_assert(request_maker_init(&maker, &purchase, crowd));
    request[request_make(&maker, 0, &attempt, token_of(maker.crowd, attempt.buyer), request)] =
        '\0';
    cr_assert_null(strstr(request, "Idempotency-Key"));
    crowd_destroy(crowd);
}

Test(request, tokens_of_all_threads_differ_and_are_the_same_next_time)
{
    struct crowd *one = crowd_made(100, 3), *two = crowd_made(100, 3);
    size_t size, last_size;

    for (uint32_t i = 1; i < 100; i++) {
        const char *token = crowd_token(one, i, &size);
        cr_assert(memcmp(token, crowd_token(one, i - 1, &last_size), size) != 0);
        cr_assert(memcmp(token, crowd_token(two, i, &last_size), size) == 0);
    }
    crowd_destroy(one);
    crowd_destroy(two);
}

/* Makes the request of buyer 42 of that kind, and without any. */
static void make_both(enum kind kind, char *plain, char *other)
{
    struct crowd *crowd = crowd_made(100, 3);
    struct request_maker maker;
    struct attempt attempt = {.buyer = 42, .keyed = true};

    cr_assert(request_maker_init(&maker, &purchase, crowd));
    plain[request_make(&maker, 0, &attempt, token_of(crowd, 42), plain)] = '\0';
    attempt.kind = kind;
    other[request_make(&maker, 0, &attempt, token_of(crowd, 42), other)] = '\0';
    crowd_destroy(crowd);
}

Test(request, a_bad_token_differs_in_one_letter_of_its_signature)
{
    char plain[REQUEST_SIZE_MAX + 1], spoilt[REQUEST_SIZE_MAX + 1];
    size_t differences = 0, at = 0;

    make_both(KIND_BAD_TOKEN, plain, spoilt);
    cr_assert_eq(strlen(plain), strlen(spoilt));
    for (size_t i = 0; i < strlen(plain); i++) {
        differences += plain[i] != spoilt[i];
        at = plain[i] != spoilt[i] ? i : at;
    }
    const char *token_end = strstr(plain, "\r\nIdempotency-Key");
    cr_assert_eq(differences, 1);
    cr_assert(plain + at < token_end && plain + at > token_end - 43);
}

Test(request, an_unknown_sale_is_another_number_in_an_otherwise_equal_request)
{
    char plain[REQUEST_SIZE_MAX + 1], other[REQUEST_SIZE_MAX + 1];
    unsigned sale = 0;

    make_both(KIND_UNKNOWN_SALE, plain, other);
    cr_assert_eq(sscanf(other, "POST /v1/sales/%u/orders", &sale), 1);
    cr_assert_eq(sale, 8000042);
    cr_assert_str_eq(strchr(other + 15, '/'), strchr(plain + 15, '/'));
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
    request[request_make(&maker, 0, &attempt, token_of(maker.crowd, attempt.buyer), request)] =
        '\0';
    cr_assert_str_eq(request, "GET /livez HTTP/1.1\r\nHost: h:1\r\n\r\n");
}
