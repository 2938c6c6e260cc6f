#include "common/hash.h"

#include <criterion/criterion.h>
#include <string.h>

Test(hash, known_answers_of_xxh64)
{
    cr_assert_eq(hash64("", 0, 0), UINT64_C(0xef46db3751d8e999));
    cr_assert_eq(hash64("a", 1, 0), UINT64_C(0xd24ec4f1a98c6e5b));
    cr_assert_eq(hash64("abc", 3, 0), UINT64_C(0x44bc2cf5ad770999));
}

Test(hash, the_seed_matters)
{
    cr_assert_neq(hash64("abc", 3, 0), hash64("abc", 3, 1));
}

/* Written into Redis, Kafka and MySQL: must never change (schemas/order_event.md). */
Test(hash, known_answer_of_xxh3_128)
{
    char hex[HASH128_HEX_SIZE];

    hash128_hex("", 0, hex);
    cr_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f");
}

Test(hash, hex_is_32_lower_digits_and_differs_by_input)
{
    char a[HASH128_HEX_SIZE], b[HASH128_HEX_SIZE];

    hash128_hex("key-0000000000000001", 20, a);
    hash128_hex("key-0000000000000002", 20, b);
    cr_assert_eq(strlen(a), 32);
    cr_assert_eq(strspn(a, "0123456789abcdef"), 32);
    cr_assert_str_neq(a, b);
}
