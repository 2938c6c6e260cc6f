#include "common/err.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <signal.h>
#include <string.h>

Test(err, a_value_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)err_text((enum err)ERR_COUNT);
}

Test(err, a_name_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)err_name((enum err) - 1);
}

Test(err, every_value_has_its_own_text_and_name)
{
    for (int i = 0; i < ERR_COUNT; i++) {
        cr_assert_gt(strlen(err_text((enum err)i)), 0);
        for (int j = 0; j < i; j++) {
            cr_assert_str_neq(err_name((enum err)i), err_name((enum err)j));
            cr_assert_str_neq(err_text((enum err)i), err_text((enum err)j));
        }
    }
}

Test(err, a_name_is_the_enum_value_in_lower_case)
{
    static const char *const names[] = {
#define ERR(name, code, text) #name,
#include "common/err.def"
#undef ERR
    };

    for (int i = 0; i < ERR_COUNT; i++) {
        const char *name = err_name((enum err)i);

        cr_assert_eq(strlen(name), strlen(names[i]));
        for (size_t at = 0; name[at]; at++) {
            cr_assert_eq(name[at], tolower((unsigned char)names[i][at]));
        }
    }
}

Test(err, success_is_zero)
{
    cr_assert_eq((int)ERR_OK, 0);
    cr_assert_str_eq(err_name(ERR_NO_MEMORY), "no_memory");
}
