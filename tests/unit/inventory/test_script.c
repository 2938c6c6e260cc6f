#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/script.h"

Test(script, text_and_size_are_of_the_file)
{
    for (enum lua_script_id id = 0; id < LUA_SCRIPT_COUNT; id++) {
        const struct lua_script *script = script_get(id);

        cr_assert_eq(strlen(script->text), script->text_size);
        cr_assert_eq(strncmp(script->text, "#!lua\n", 6), 0);
        cr_assert_eq(strlen(script->sha1), 40);
    }
}

Test(script, evalsha_and_its_repetition_as_eval_have_the_same_tail)
{
    const struct lua_script *script = script_get(LUA_SCRIPT_CATALOGUE);
    const char *const argv[] = {"key", "1", ""};
    const size_t sizes[] = {3, 1, 0};
    static const char tail[] = "$1\r\n1\r\n$3\r\nkey\r\n$1\r\n1\r\n$0\r\n\r\n";
    char head[128];
    struct buf out;
    size_t place;

    buf_init(&out, 100000);
    place = script_evalsha(&out, script, 1, 3, argv, sizes);
    (void)snprintf(head, sizeof head, "*6\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n", script->sha1);
    cr_assert_eq(place, strlen(head));
    cr_assert_eq(memcmp(out.data, head, place), 0);
    cr_assert(out.size - place == sizeof tail - 1
              && memcmp(out.data + place, tail, sizeof tail - 1) == 0);
    buf_clear(&out);
    script_eval_tail(&out, script, 4, tail, sizeof tail - 1);
    (void)snprintf(head, sizeof head, "*6\r\n$4\r\nEVAL\r\n$%zu\r\n", script->text_size);
    cr_assert_eq(memcmp(out.data, head, strlen(head)), 0);
    cr_assert_eq(memcmp(out.data + strlen(head), script->text, script->text_size), 0);
    cr_assert_eq(memcmp(out.data + out.size - (sizeof tail - 1), tail, sizeof tail - 1), 0);
    cr_assert_eq(out.size, strlen(head) + script->text_size + 2 + sizeof tail - 1);
    buf_finish(&out);
}

Test(script, load)
{
    struct buf out;

    buf_init(&out, 100000);
    script_load(&out, script_get(LUA_SCRIPT_PURCHASE));
    cr_assert(!out.failed && memcmp(out.data, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$", 27) == 0);
    buf_finish(&out);
}
