#include "payments/signature.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "payments_world.h"

#define MESSAGE "id.1800000000.{\"a\":1}"

/* The linker gives every comparison of payments/ to this one (meson.build: --wrap). */
int __real_CRYPTO_memcmp(const void *a, const void *b, size_t size);
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t size);
static uint32_t comparisons;

int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t size)
{
    cr_assert_eq(size, SIGNATURE_MAC_SIZE);
    comparisons++;
    return __real_CRYPTO_memcmp(a, b, size);
}

static struct signature_hmac *hmac;

static void begin(void)
{
    hmac = signature_hmac_create();
    cr_assert_not_null(hmac);
}

static void end(void)
{
    signature_hmac_destroy(hmac);
}

TestSuite(signature, .init = begin, .fini = end);

static void add(const char *key)
{
    cr_assert_eq(signature_hmac_add(hmac, key, strlen(key)), ERR_OK);
}

static enum signature_result check(const struct signature_macs *macs)
{
    const struct signature_part parts[] = {
        {"id", 2}, {".1800000000.", 12}, {NULL, 0}, {"{\"a\":1}", 7}};

    comparisons = 0;
    return signature_hmac_check(hmac, parts, 4, macs);
}

Test(signature, parts_are_one_message)
{
    struct signature_macs macs = {.count = 1};

    add("key");
    world_mac("key", 3, MESSAGE, macs.bytes[0]);
    cr_assert_eq(check(&macs), SIGNATURE_FITS);
    cr_assert_eq(check(&macs), SIGNATURE_FITS, "the key is as before");
}

Test(signature, each_bit_counts)
{
    struct signature_macs macs = {.count = 1};

    add("key");
    world_mac("key", 3, MESSAGE, macs.bytes[0]);
    for (int bit = 0; bit < 8 * SIGNATURE_MAC_SIZE; bit++) {
        macs.bytes[0][bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_assert_eq(check(&macs), SIGNATURE_DIFFERS, "bit %d", bit);
        macs.bytes[0][bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Whichever fits, or none: the same comparisons. */
Test(signature, every_key_is_compared_with_every_mac)
{
    static const char *const keys[] = {"key one", "key two", "key three"};
    struct signature_macs macs = {.count = SIGNATURE_MACS_MAX};

    for (size_t i = 0; i < 3; i++) {
        add(keys[i]);
    }
    cr_assert_eq(check(&macs), SIGNATURE_DIFFERS);
    cr_assert_eq(comparisons, 3 * SIGNATURE_MACS_MAX);
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < SIGNATURE_MACS_MAX; j++) {
            memset(macs.bytes, 0, sizeof macs.bytes);
            world_mac(keys[i], strlen(keys[i]), MESSAGE, macs.bytes[j]);
            cr_assert_eq(check(&macs), SIGNATURE_FITS);
            cr_assert_eq(comparisons, 3 * SIGNATURE_MACS_MAX, "key %zu, MAC %u", i, j);
        }
    }
}

Test(signature, without_keys_or_macs_nothing_fits)
{
    struct signature_macs macs = {.count = 0};

    cr_assert_eq(check(&macs), SIGNATURE_DIFFERS);
    add("key");
    cr_assert_eq(check(&macs), SIGNATURE_DIFFERS);
}

Test(signature, keys_have_an_end)
{
    for (int i = 0; i < SIGNATURE_KEYS_MAX; i++) {
        add("key");
    }
    cr_assert_eq(signature_hmac_add(hmac, "key", 3), ERR_RANGE);
}

static struct signature_rsa *read_file(const char *path, const char **ret_why)
{
    char pem[8192];
    FILE *file = fopen(path, "rb");
    size_t size;

    cr_assert_not_null(file);
    size = fread(pem, 1, sizeof pem, file);
    cr_assert_eq(fclose(file), 0);
    return signature_rsa_read(pem, size, ret_why);
}

Test(signature, rsa_takes_a_public_key_and_a_certificate)
{
    struct world world;
    struct world_rsa *rsa = world_rsa_make(2048);
    const struct signature_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    const char *paths[2], *why = NULL;
    unsigned char bytes[256];

    world_begin(&world);
    paths[0] = world_rsa_file(&world, rsa, "key.pem");
    paths[1] = world_rsa_certificate(&world, rsa, "certificate.pem");
    world_rsa_sign_bytes(rsa, "abc", bytes, sizeof bytes);
    for (int i = 0; i < 2; i++) {
        struct signature_rsa *key = read_file(paths[i], &why);

        cr_assert_not_null(key, "%s", why);
        cr_assert_eq(signature_rsa_check(key, parts, 3, bytes, sizeof bytes), SIGNATURE_FITS);
        cr_assert_eq(signature_rsa_check(key, parts, 1, bytes, sizeof bytes), SIGNATURE_DIFFERS);
        cr_assert_eq(signature_rsa_check(key, parts, 3, bytes, 255), SIGNATURE_DIFFERS);
        cr_assert_eq(signature_rsa_check(key, parts, 3, bytes, 0), SIGNATURE_DIFFERS);
        bytes[9] ^= 1;
        cr_assert_eq(signature_rsa_check(key, parts, 3, bytes, sizeof bytes), SIGNATURE_DIFFERS);
        bytes[9] ^= 1;
        signature_rsa_destroy(key);
    }
    world_rsa_free(rsa);
    world_end(&world);
}

Test(signature, weak_and_other_keys_are_refused)
{
    struct world world;
    struct world_rsa *weak = world_rsa_make(1024);
    const char *why = NULL;

    world_begin(&world);
    cr_assert_null(read_file(world_rsa_file(&world, weak, "weak.pem"), &why));
    cr_assert_str_eq(why, "is an RSA key of less than 2048 bits");
    cr_assert_null(read_file(world_ec_file(&world, "ec.pem"), &why));
    cr_assert_str_eq(why, "is not an RSA key");
    cr_assert_null(signature_rsa_read("", 0, &why));
    cr_assert_str_eq(why, "is neither a public key nor a certificate in PEM");
    cr_assert_null(read_file(world_rsa_private_file(&world, weak, "private.pem"), &why));
    cr_assert_str_eq(why, "is neither a public key nor a certificate in PEM");
    world_rsa_free(weak);
    world_end(&world);
}
