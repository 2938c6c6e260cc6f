#include "payments/sealed.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "payments_world.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define NONCE "abcdef012345"

static struct provider_text of(const char *text)
{
    return (struct provider_text){text, strlen(text)};
}

/* The bytes of base64. */
static size_t bytes_of(const char *text, unsigned char *bytes)
{
    int size = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)strlen(text));
    size_t padding = strcspn(text, "=");

    cr_assert(size > 0);
    return (size_t)size - (strlen(text) - padding);
}

static enum sealed_result open_with(const char *key, const char *nonce, const char *associated,
                                    const unsigned char *sealed, size_t size, unsigned char *plain)
{
    struct sealed_key *made = sealed_key_create(key);
    enum sealed_result result;

    cr_assert_not_null(made);
    result = sealed_open(made, of(nonce), of(associated), sealed, size, plain);
    sealed_key_destroy(made);
    return result;
}

Test(sealed, what_was_sealed_is_opened)
{
    unsigned char sealed[128], plain[128];
    size_t size = bytes_of(world_seal(KEY, NONCE, "transaction", "{\"a\":1}"), sealed);

    cr_assert_eq(size, 7 + SEALED_TAG_SIZE);
    cr_assert_eq(open_with(KEY, NONCE, "transaction", sealed, size, plain), SEALED_OPENED);
    cr_assert_arr_eq(plain, "{\"a\":1}", 7);
    size = bytes_of(world_seal(KEY, NONCE, "", "x"), sealed);
    cr_assert_eq(open_with(KEY, NONCE, "", sealed, size, plain), SEALED_OPENED);
    size = bytes_of(world_seal(KEY, NONCE, "a", ""), sealed);
    cr_assert_eq(open_with(KEY, NONCE, "a", sealed, size, plain), SEALED_OPENED, "nothing inside");
}

Test(sealed, anything_else_is_broken)
{
    unsigned char sealed[128], plain[128];
    size_t size = bytes_of(world_seal(KEY, NONCE, "a", "{\"a\":1}"), sealed);

    for (size_t bit = 0; bit < size * 8; bit++) {
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_assert_eq(open_with(KEY, NONCE, "a", sealed, size, plain), SEALED_BROKEN, "%zu", bit);
        sealed[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    cr_assert_eq(open_with(KEY, NONCE, "b", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, NONCE, "", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, "abcdef012346", "a", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, "abcdef01234", "a", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, "abcdef0123456", "a", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with("1" KEY, NONCE, "a", sealed, size, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, NONCE, "a", sealed, size - 1, plain), SEALED_BROKEN);
    cr_assert_eq(open_with(KEY, NONCE, "a", sealed, SEALED_TAG_SIZE - 1, plain), SEALED_BROKEN);
    sealed_key_destroy(NULL);
}
