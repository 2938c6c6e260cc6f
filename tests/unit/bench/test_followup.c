#include "bench/load/followup.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char won_text[] =
    "HTTP/1.1 201 Created\r\nContent-Length: 102\r\n\r\n"
    "{\"order_no\":\"7696648601601\",\"sale\":7,\"sku\":\"a\",\"quantity\":2,\"unit_price\":199900,"
    "\"currency\":\"CNY\"}     ";
/* Of the Standard Webhooks specification. */
static const char known_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

static struct response won(void)
{
    struct response response;

    cr_assert_gt(response_read(won_text, sizeof won_text - 1, &response), 0);
    return response;
}

/* False: it was refused. */
static bool init_with(struct followup *followup, struct options *options, const char *secret)
{
    char path[] = "/tmp/followup-XXXXXX";
    const int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, secret, strlen(secret)), (ssize_t)strlen(secret));
    close(fd);
    options->payment_secret_file = path;
    const bool good = followup_init(followup, options);
    unlink(path);
    return good;
}

Test(followup, the_known_signature_of_the_specification)
{
    struct options options = {.quantity = 1};
    struct followup followup;
    char signature[FOLLOWUP_SIGNATURE_SIZE];

    cr_assert(init_with(&followup, &options, known_secret));
    cr_assert(followup_sign(&followup, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                            "{\"test\": 2432232314}", signature));
    cr_assert_str_eq(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

Test(followup, a_secret_that_is_none_is_refused)
{
    struct options options = {.quantity = 1};
    struct followup followup;

    cr_assert_not(init_with(&followup, &options, "secret\n"));
    cr_assert_not(init_with(&followup, &options, "whsec_\n"));
    cr_assert_not(init_with(&followup, &options, "whsec_***=\n"));
    cr_assert_not(init_with(&followup, &options, "\n"));
    options.payment_secret_file = "/nonexistent";
    cr_assert_not(followup_init(&followup, &options));
}

Test(followup, a_payment_names_order_and_whole_amount)
{
    struct options options = {.quantity = 2};
    struct followup followup;
    char request[REQUEST_SIZE_MAX];
    const struct response response = won();

    cr_assert(init_with(&followup, &options, known_secret));
    const size_t size = followup_pay(&followup, &response, "h:1", 1614265330, request);
    cr_assert_gt(size, 0);
    cr_assert_eq(strlen(request), size);
    cr_assert_not_null(strstr(request, "POST /v1/payments/standard HTTP/1.1\r\nHost: h:1\r\n"));
    cr_assert_not_null(strstr(request, "\"timestamp\":\"2021-02-25T15:02:10Z\""));
    cr_assert_not_null(strstr(request, "\"order_no\":\"7696648601601\""));
    cr_assert_not_null(strstr(request, "\"amount\":399800,\"currency\":\"CNY\"}}"));
    const char *body = strstr(request, "\r\n\r\n") + 4;
    char length[40];
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    cr_assert_not_null(strstr(request, length));
}

Test(followup, an_answer_without_a_price_is_not_paid)
{
    static const char text[] = "HTTP/1.1 201 Created\r\nContent-Length: 16\r\n\r\n"
                               "{\"order_no\":\"17\"}";
    struct options options = {.quantity = 1};
    struct followup followup;
    struct response response;
    char request[REQUEST_SIZE_MAX];

    cr_assert_gt(response_read(text, sizeof text - 1, &response), 0);
    cr_assert(init_with(&followup, &options, known_secret));
    cr_assert_eq(followup_pay(&followup, &response, "h:1", 1, request), 0);
}

Test(followup, a_cancel_is_the_buyers)
{
    struct options options = {.quantity = 1, .sale = 7};
    struct followup followup;
    char request[REQUEST_SIZE_MAX];
    const struct response response = won();

    cr_assert(followup_init(&followup, &options));
    const size_t size = followup_cancel(&followup, &response, "h:1",
                                        (struct token){.text = "tokenX", .size = 5}, request);
    cr_assert_eq(strlen(request), size);
    cr_assert_str_eq(request, "POST /v1/sales/7/orders/7696648601601/cancel HTTP/1.1\r\n"
                              "Host: h:1\r\nAuthorization: Bearer token\r\n"
                              "Content-Length: 0\r\n\r\n");
}
