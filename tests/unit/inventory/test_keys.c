#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>

#include "inventory/keys.h"

Test(keys, sale_out_of_range, .signal = SIGABRT)
{
    struct key_text key;

    key_format((struct sale_id){0}, KEY_META, &key);
}

Test(keys, all_carry_one_hash_tag)
{
    struct key_text key;

    key_format((struct sale_id){7}, KEY_META, &key);
    cr_assert_str_eq(key.text, "{s:7}:meta");
    cr_assert_eq(key.size, 10);
    key_format((struct sale_id){SALE_ID_MAX}, KEY_APPLIED, &key);
    cr_assert_str_eq(key.text, "{s:8388607}:applied");
    cr_assert_eq(key.size, strlen(key.text));
    key_format((struct sale_id){1}, KEY_RELAY, &key);
    cr_assert_str_eq(key.text, "{s:1}:relay");
}
