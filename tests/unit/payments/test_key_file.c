#include "payments/key_file.h"

#include <criterion/criterion.h>
#include <string.h>

#include "payments_world.h"

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

TestSuite(key_file, .init = begin, .fini = end);

Test(key_file, a_list_has_entries_between_commas)
{
    struct key_file_list list;

    cr_assert_eq(key_file_list("payments.x", "", &list, error), ERR_OK);
    cr_assert_eq(list.count, 0);
    cr_assert_eq(key_file_list("payments.x", " /a b , /c", &list, error), ERR_OK);
    cr_assert_eq(list.count, 2);
    cr_assert_str_eq(list.entries[0], "/a b");
    cr_assert_str_eq(list.entries[1], "/c");
    cr_assert_eq(key_file_list("payments.x", "1,2,3,4,5,6,7,8", &list, error), ERR_OK);
    cr_assert_eq(list.count, 8);
}

Test(key_file, an_empty_entry_or_too_many_are_refused)
{
    static const char *const bad[] = {",", " ", "/a,", ",/a", "/a, ,/b"};
    struct key_file_list list;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(key_file_list("payments.x", bad[i], &list, error), ERR_CONFIG, "%s", bad[i]);
        cr_assert_str_eq(error, "configuration: payments.x: an entry of the list is empty");
        cr_assert_eq(list.count, 0);
    }
    cr_assert_eq(key_file_list("payments.x", "1,2,3,4,5,6,7,8,9", &list, error), ERR_CONFIG);
    cr_assert_str_eq(error, "configuration: payments.x: the list has more than 8 entries");
}

static enum err read_hmac(const char *text, enum key_file_whsec form)
{
    struct signature_hmac *hmac = NULL;
    enum err err =
        key_file_hmac("payments.x", world_text_file(&world, "secret", text), form, error, &hmac);

    cr_assert_eq(err == ERR_OK, hmac != NULL);
    signature_hmac_destroy(hmac);
    return err;
}

Test(key_file, a_secret_is_whsec_and_base64)
{
    static const char *const bad[] = {
        "whsec_",
        "whsec_AAAA",
        "whsec_c2hvcnQgb2YgdHdlbnR5LWZvdXI",
        "WHSEC_AAAA",
        "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0",
        "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM",
        "whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\n\n",
        "whsec_ MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_eq(read_hmac(bad[i], KEY_FILE_DECODED), ERR_CONFIG, "%s", bad[i]);
        cr_assert_not_null(strstr(error, "configuration: payments.x: "));
        cr_assert_not_null(strstr(error, "/secret "));
        cr_assert_null(strstr(error, "MTIz"), "the secret is not told: %s", error);
    }
    cr_assert_eq(read_hmac("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0", KEY_FILE_DECODED), ERR_OK);
    cr_assert_eq(read_hmac("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0\n", KEY_FILE_DECODED), ERR_OK);
}

Test(key_file, a_secret_taken_as_it_is_is_visible)
{
    cr_assert_eq(read_hmac("whsec_short", KEY_FILE_WHOLE), ERR_CONFIG);
    cr_assert_eq(read_hmac("whsec_with a blank and more of it", KEY_FILE_WHOLE), ERR_CONFIG);
    cr_assert_null(strstr(error, "blank"), "%s", error);
    cr_assert_eq(read_hmac("sk_live_0123456789abcdef0123456789", KEY_FILE_WHOLE), ERR_CONFIG);
    cr_assert_eq(read_hmac("whsec_0123456789abcdef0123456789\n", KEY_FILE_WHOLE), ERR_OK);
}

Test(key_file, a_missing_file_is_named)
{
    struct signature_hmac *hmac = NULL;

    cr_assert_eq(key_file_hmac("payments.x", "/does/not/exist", KEY_FILE_WHOLE, error, &hmac),
                 ERR_CONFIG);
    cr_assert_str_eq(error, "configuration: payments.x: /does/not/exist cannot be read");
    cr_assert_eq(key_file_hmac("payments.x", world_text_file(&world, "empty", "\n"), KEY_FILE_WHOLE,
                               error, &hmac),
                 ERR_CONFIG);
    cr_assert_not_null(strstr(error, "/empty must hold 1 to 4096 bytes"));
    cr_assert_null(hmac);
}

Test(key_file, a_key_that_is_none_is_named)
{
    struct world_rsa *weak = world_rsa_make(1024);
    struct signature_rsa *key = NULL;

    cr_assert_eq(key_file_rsa("payments.x", world_rsa_file(&world, weak, "weak.pem"), error, &key),
                 ERR_CONFIG);
    cr_assert_not_null(strstr(error, "configuration: payments.x: /tmp/"));
    cr_assert_not_null(strstr(error, "/weak.pem is an RSA key of less than 2048 bits"));
    cr_assert_null(key);
    world_rsa_free(weak);
}
