#include "payments/provider.h"

#include "common/assert.h"

#include <criterion/criterion.h>
#include <string.h>

#include "payments_world.h"

static struct world world;

static void begin(void)
{
    world_begin(&world);
}

static void end(void)
{
    world_end(&world);
}

TestSuite(provider, .init = begin, .fini = end);

static const struct provider *find(const char *name)
{
    return payments_find(world.payments, name, strlen(name));
}

Test(provider, without_keys_there_is_none)
{
    static const char *const names[] = {"standard", "stripe", "alipay", "wechatpay", "cancel", ""};

    world_start(&world);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert_null(find(names[i]), "%s", names[i]);
    }
    payments_destroy(NULL);
}

Test(provider, is_found_by_its_exact_name)
{
    world_set(&world, "payments.standard_secret_files=%s",
              world_text_file(&world, "s", "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"));
    world_start(&world);
    cr_assert_not_null(find("standard"));
    cr_assert_str_eq(provider_name(find("standard")), "standard");
    cr_assert_null(find("Standard"));
    cr_assert_null(find("standard/"));
    cr_assert_null(find("standar"));
    cr_assert_null(find("stripe"));
}

Test(provider, a_key_that_cannot_be_used_stops_the_start)
{
    world_set(&world, "payments.standard_secret_files=%s,%s/none",
              world_text_file(&world, "s", "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"),
              world.directory);
    cr_assert_not_null(strstr(world_refused(&world), "configuration: payments."
                                                     "standard_secret_files: /tmp/"));
    cr_assert_not_null(strstr(world.error, "/none cannot be read"));
}

Test(provider, results_have_names_and_statuses)
{
    static const int statuses[] = {200, 400, 401, 401, 401, 400, 503};

    static_assert(sizeof statuses / sizeof statuses[0] == PROVIDER_RESULT_COUNT, "all of them");
    for (int i = 0; i < PROVIDER_RESULT_COUNT; i++) {
        cr_assert_eq(provider_result_status((enum provider_result)i), statuses[i]);
        cr_assert(strlen(provider_result_text((enum provider_result)i)) > 0);
    }
    cr_assert_str_eq(provider_result_name(PROVIDER_TOO_OLD), "too_old");
}

static uint32_t no_header(const void *arg, const char *name, struct provider_text *ret_value)
{
    (void)arg, (void)name, (void)ret_value;
    return 0;
}

Test(provider, a_request_without_a_body_is_one_of_size_zero)
{
    const struct provider_request request = {.header = no_header, .now_ms = world.now_ms};
    struct world_rsa *rsa = world_rsa_make(2048);
    struct notice notice;

    world_set(&world, "payments.alipay_key_files=%s", world_rsa_file(&world, rsa, "key.pem"));
    world_set(&world, "payments.alipay_app_id=1");
    world_start(&world);
    cr_assert_eq(provider_read(find("alipay"), &request, &notice), PROVIDER_NOT_SIGNED);
    world_rsa_free(rsa);
}
