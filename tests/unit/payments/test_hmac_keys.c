#include "payments/hmac_keys.h"

#include <criterion/criterion.h>
#include <string.h>

#include "payments_world.h"

#define SECRET "whsec_0123456789abcdef0123456789"

static struct world world;
static char error[PROVIDER_ERROR_SIZE];

static void begin(void)
{
    world_begin(&world);
}

static void end(void)
{
    world_end(&world);
}

TestSuite(hmac_keys, .init = begin, .fini = end);

static enum err create(const char *files, void **ret_keys)
{
    return hmac_keys_create("payments.x", files, KEY_FILE_WHOLE, 5, error, ret_keys);
}

Test(hmac_keys, without_a_file_there_are_none)
{
    void *keys = NULL;

    cr_assert_eq(create("", &keys), ERR_OK);
    cr_assert_null(keys);
    cr_assert_eq(create("/does/not/exist", &keys), ERR_CONFIG);
    cr_assert_str_eq(error, "configuration: payments.x: /does/not/exist cannot be read");
    cr_assert_null(keys);
}

Test(hmac_keys, check_the_signature_then_the_time)
{
    const struct signature_part part = {"text", 4};
    struct signature_macs macs = {.count = 1};
    void *keys = NULL;

    cr_assert_eq(create(world_text_file(&world, "secret", SECRET), &keys), ERR_OK);
    world_mac(SECRET, strlen(SECRET), "text", macs.bytes[0]);
    cr_assert_eq(hmac_keys_check(keys, &part, 1, &macs, 10000, 15000), PROVIDER_OK);
    cr_assert_eq(hmac_keys_check(keys, &part, 1, &macs, 10000, 15001), PROVIDER_TOO_OLD);
    cr_assert_eq(hmac_keys_check(keys, &part, 1, &macs, 15001, 10000), PROVIDER_TOO_NEW);
    macs.bytes[0][0] ^= 1;
    cr_assert_eq(hmac_keys_check(keys, &part, 1, &macs, 10000, 15001), PROVIDER_BAD_SIGNATURE);
    hmac_keys_destroy(keys);
}
