#include <criterion/criterion.h>
#include <string.h>

#include "ledger/migrations.h"

static void assert_next(const char **cursor, const char *text)
{
    struct migration_statement statement = migration_next(cursor);

    cr_assert(statement.size == strlen(text), "%.*s", (int)statement.size, statement.text);
    cr_assert(memcmp(statement.text, text, statement.size) == 0);
}

Test(migrations, nothing_and_comments_only_have_no_statement)
{
    const char *empty = "";
    const char *comments = "-- one;\n\n  -- two;\n";

    cr_assert(migration_next(&empty).size == 0);
    cr_assert(migration_next(&comments).size == 0);
    cr_assert(*comments == '\0');
}

Test(migrations, a_statement_ends_with_a_semicolon_at_the_end_of_a_line)
{
    const char *text = "-- head;\nSELECT ';' FROM a\n  WHERE b = 1;  \n\nSELECT 2;\nSELECT 3";

    assert_next(&text, "SELECT ';' FROM a\n  WHERE b = 1");
    assert_next(&text, "SELECT 2");
    assert_next(&text, "SELECT 3");
    cr_assert(migration_next(&text).size == 0);
}

Test(migrations, the_embedded_ones_ascend_and_can_be_split)
{
    uint32_t last = 0;

    cr_assert(migrations_embedded_count > 0);
    for (size_t i = 0; i < migrations_embedded_count; i++) {
        const char *cursor = migrations_embedded[i].text;
        cr_assert(migrations_embedded[i].version > last);
        last = migrations_embedded[i].version;
        cr_assert(migration_next(&cursor).size > 0);
    }
}
