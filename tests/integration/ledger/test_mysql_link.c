#include <criterion/criterion.h>
#include <stdlib.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/mysql_durability.h"

struct killed_once {
    struct sale_id sale;
    int runs;
};

static enum err be_killed_once(struct mysql_link *link, void *arg)
{
    struct killed_once *once = arg;
    bool changed = false;

    if (once->runs++ == 0) {
        fixture_kill(link);
    }
    return sale_store_control_in(link, once->sale, SALE_VERB_PAUSE, &fixture_actor, &changed);
}

Test(mysql_link, a_session_killed_in_a_transaction_is_an_outage_and_the_next_one_works)
{
    struct mysql_link *link = fixture_link();
    struct killed_once once = {.sale = fixture_sale(link, 10, 1)};
    uint64_t generation = mysql_link_generation(link);

    cr_assert(mysql_link_transaction(link, be_killed_once, &once) == ERR_UNAVAILABLE);
    cr_assert(!mysql_link_in_transaction(link));
    cr_assert(mysql_link_transaction(link, be_killed_once, &once) == ERR_OK);
    cr_assert(mysql_link_generation(link) == generation + 1);
    mysql_link_destroy(link);
}

static enum err be_killed_before_commit(struct mysql_link *link, void *arg)
{
    (void)arg;
    fixture_kill(link);
    return ERR_OK;
}

Test(mysql_link, a_lost_commit_is_not_called_a_failure)
{
    struct mysql_link *link = fixture_link();

    cr_assert(mysql_link_transaction(link, be_killed_before_commit, NULL) == ERR_LOST);
    mysql_link_destroy(link);
}

Test(mysql_link, a_lock_wait_ends_by_the_servers_word)
{
    struct mysql_link *holder = fixture_link();
    struct sale_id sale = fixture_sale(holder, 10, 1);
    struct mysql_link *waiter = fixture_link();
    bool changed = false;

    fixture_run(waiter, "SET SESSION innodb_lock_wait_timeout = 1");
    cr_assert(mysql_link_begin(holder) == ERR_OK);
    cr_assert(sale_store_control_in(holder, sale, SALE_VERB_PAUSE, &fixture_actor, &changed)
              == ERR_OK);
    cr_assert(mysql_link_begin(waiter) == ERR_OK);
    cr_assert(sale_store_control_in(waiter, sale, SALE_VERB_PAUSE, &fixture_actor, &changed)
              == ERR_BUSY);
    cr_assert(mysql_link_error_code(waiter) == 1205);
    mysql_link_rollback(waiter);
    cr_assert(mysql_link_is_up(waiter));
    mysql_link_destroy(waiter);
    mysql_link_destroy(holder);
}

Test(mysql_link, the_session_is_set_as_the_protocol_asks)
{
    struct mysql_link *link = fixture_link();
    const char *why = "";

    cr_assert(VALUE_OF_ALL(link, "SELECT CAST(@@wait_timeout AS UNSIGNED)") == 10);
    cr_assert(VALUE_OF_ALL(link, "SELECT CAST(@@innodb_lock_wait_timeout AS UNSIGNED)") == 5);
    cr_assert(VALUE_OF_ALL(link, "SELECT CAST(@@time_zone = '+00:00' AS UNSIGNED)") == 1);
    cr_assert(VALUE_OF_ALL(link, "SELECT CAST(@@character_set_client = 'utf8mb4' AS UNSIGNED)")
              == 1);
    cr_assert(VALUE_OF_ALL(link, "SELECT CAST(@@sql_mode LIKE '%STRICT_TRANS_TABLES%' AS "
                                 "UNSIGNED)")
              == 1);
    cr_assert(mysql_durability_check(link, &why) == ERR_OK && why == NULL, "%s", why);
    cr_assert_str_empty(mysql_link_error_text(link), "nothing has failed");
    mysql_link_destroy(link);
}

Test(mysql_link, no_server_and_no_right_are_told_apart)
{
    struct mysql_link_options options = {.host = "127.0.0.1",
                                         .port = 1,
                                         .user = "nobody",
                                         .password = "",
                                         .database = "",
                                         .timeout_ms = 1000};
    struct mysql_link *link = mysql_link_create(&options);

    cr_assert(mysql_link_ensure(link) == ERR_UNAVAILABLE);
    cr_assert(mysql_link_error_code(link) != 0 && mysql_link_generation(link) == 0);
    mysql_link_destroy(link);
    options.port = (uint32_t)strtoul(getenv("MYSQL_PORT"), NULL, 10);
    link = mysql_link_create(&options);
    cr_assert(mysql_link_ensure(link) == ERR_REFUSED);
    cr_assert(!mysql_link_is_up(link));
    mysql_link_destroy(link);
}

Test(mysql_link, what_another_session_committed_is_seen_inside_a_transaction)
{
    struct mysql_link *link = fixture_link();
    struct mysql_link *other = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);

    cr_assert(mysql_link_ensure(link) == ERR_OK && mysql_link_begin(link) == ERR_OK);
    cr_assert(VALUE(link, "SELECT version FROM sales WHERE sale = ?", sale.value) == 1);
    cr_assert(sale_store_control(other, sale, SALE_VERB_PAUSE, &fixture_actor, NULL, NULL)
              == ERR_OK);
    cr_assert(VALUE(link, "SELECT version FROM sales WHERE sale = ?", sale.value) == 2,
              "a copy that won the race must be visible (M4)");
    mysql_link_rollback(link);
    mysql_link_destroy(other);
    mysql_link_destroy(link);
}
