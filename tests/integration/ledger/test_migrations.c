#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/migrations.h"

static const struct migration two[] = {
    {1, "001_a.sql", "CREATE TABLE IF NOT EXISTS a (id INT);\n"},
    {2, "002_b.sql",
     "-- a comment;\nCREATE TABLE IF NOT EXISTS b\n (id INT);\n"
     "INSERT INTO b VALUES (7);\n"},
};

Test(migrations, a_newer_database_is_refused)
{
    char name[65];
    struct mysql_link *link = fixture_empty(name);
    uint32_t version = 0;

    cr_assert(migrations_run(link, two, 2, &version) == ERR_OK);
    cr_assert(version == 2);
    cr_assert(migrations_run(link, two, 1, NULL) == ERR_CONFLICT);
    fixture_drop(link, name);
}

Test(migrations, a_bad_statement_is_an_error_and_is_not_recorded)
{
    static const struct migration bad[] = {
        {1, "001_a.sql", "CREATE TABLE IF NOT EXISTS a (id INT);\nCREATE NONSENSE;\n"}};
    char name[65];
    struct mysql_link *link = fixture_empty(name);

    cr_assert(migrations_run(link, bad, 1, NULL) == ERR_REFUSED);
    cr_assert(VALUE_OF_ALL(link, COUNT "schema_version") == 0);
    cr_assert(migrations_run(link, two, 1, NULL) == ERR_OK, "the lock was given back");
    fixture_drop(link, name);
}

Test(migrations, applying_twice_changes_nothing)
{
    char name[65];
    struct mysql_link *link = fixture_empty(name);
    uint32_t version = 0;

    cr_assert(migrations_run(link, two, 1, &version) == ERR_OK);
    cr_assert(version == 1);
    for (int i = 0; i < 2; i++) {
        cr_assert(migrations_run(link, two, 2, &version) == ERR_OK);
        cr_assert(version == 2);
    }
    cr_assert(VALUE_OF_ALL(link, COUNT "b WHERE id = 7") == 1);
    cr_assert(VALUE_OF_ALL(link, COUNT "schema_version") == 2);
    fixture_drop(link, name);
}

Test(migrations, each_statement_of_the_schema_may_run_again)
{
    struct mysql_link *link = fixture_link();

    for (size_t i = 0; i < migrations_embedded_count; i++) {
        const char *cursor = migrations_embedded[i].text;
        struct migration_statement statement = migration_next(&cursor);
        for (; statement.size > 0; statement = migration_next(&cursor)) {
            cr_assert(mysql_link_run_text(link, statement.text, statement.size) == ERR_OK, "%s",
                      mysql_link_error_text(link));
        }
    }
    mysql_link_destroy(link);
}

Test(schema, two_buyers_that_differ_in_case_are_two)
{
    struct mysql_link *link = fixture_link();

    fixture_run(link, "INSERT INTO blocks (sale, buyer, created) VALUES (0, 'Ann', 1), "
                      "(0, 'ann', 1)");
    mysql_link_destroy(link);
}

static void assert_refused(struct mysql_link *link, const char *text)
{
    enum err err = mysql_link_run_text(link, text, strlen(text));

    cr_assert(err == ERR_RANGE || err == ERR_CONFLICT, "%s: %s", text, err_name(err));
}

Test(schema, the_bound_holds_as_a_check_too)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    char text[160];

    snprintf(text, sizeof text, "UPDATE sale_skus SET sold = total + 1 WHERE sale = %u",
             sale.value);
    assert_refused(link, text);
    snprintf(text, sizeof text, "UPDATE sales SET control = 'closed' WHERE sale = %u", sale.value);
    assert_refused(link, text);
    snprintf(text, sizeof text,
             "INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, "
             "created) VALUES (%u, 'a', -1, 'add', 'x', 0, 1)",
             sale.value);
    assert_refused(link, text);
    mysql_link_destroy(link);
}

Test(schema, payments_are_unique_by_event_and_by_transaction)
{
    struct mysql_link *link = fixture_link();
    char text[400];
    static const char row[] =
        "INSERT INTO payments (provider, event_id, transaction_id, kind, order_no, state, "
        "occurred, received, created, changed, topic, part, log_offset) "
        "VALUES ('p', '%s', %s, 'paid', 1, '%s', 1, 1, 1, 1, 't', 0, 0)";

    snprintf(text, sizeof text, row, "e1", "'t1'", "PARKED");
    fixture_run(link, text);
    assert_refused(link, text);
    snprintf(text, sizeof text, row, "e2", "'t1'", "APPLIED");
    assert_refused(link, text);
    snprintf(text, sizeof text, row, "e3", "NULL", "PARKED");
    fixture_run(link, text);
    snprintf(text, sizeof text, row, "e4", "NULL", "PARKED");
    fixture_run(link, text);
    mysql_link_destroy(link);
}

Test(schema, what_was_set_aside_claims_no_transaction)
{
    struct mysql_link *link = fixture_link();

    fixture_run(link, "INSERT INTO payments (provider, event_id, transaction_id, kind, order_no, "
                      "state, occurred, received, created, changed, topic, part, log_offset) "
                      "VALUES ('q', 'e1', 't', 'refunded', 1, 'QUARANTINED', 1, 1, 1, 1, 't', 0, "
                      "0), ('q', 'e2', 't', 'refunded', 1, 'APPLIED', 1, 1, 1, 1, 't', 0, 1)");
    assert_refused(link, "UPDATE payments SET state = 'PARKED' WHERE provider = 'q' AND "
                         "event_id = 'e1'");
    mysql_link_destroy(link);
}
