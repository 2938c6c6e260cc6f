#include <criterion/criterion.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/outbox_store.h"
#include "ledger/sale_store.h"

Test(sale_change, a_frozen_sale_is_released_to_open_or_paused_and_says_why)
{
    struct mysql_link *link = fixture_link();
    const struct admin_actor worker = {.name = "worker", .request_id = "", .why = "I4: a slot"};
    const struct admin_actor ann = {.name = "ann", .request_id = "r", .why = "mended"};
    static const char *const verbs[] = {"freeze", "unfreeze", "resume", "freeze", "unfreeze"};
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_release release = {.sale = sale};
    struct outbox_row rows[8];
    struct sale_row row;
    size_t count = 0;

    cr_assert(fixture_load(link, sale) == 1);
    for (int i = 0; i < 2; i++) {
        cr_assert(sale_store_control(link, sale, SALE_VERB_FREEZE, &worker, &row, NULL) == ERR_OK);
        release.version = row.version;
        release.stays_paused = i == 1;
        cr_assert(sale_store_release(link, &release, &ann) == ERR_OK);
        cr_assert(sale_store_read(link, sale, &row) == ERR_OK);
        cr_assert(row.control == (i == 1 ? SALE_CONTROL_PAUSED : SALE_CONTROL_OPEN));
    }
    cr_assert(outbox_store_pending(link, sale, rows, 8, &count) == ERR_OK && count == 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_str_eq(rows[i].verb, verbs[i]);
    }
    cr_assert(VALUE(link,
                    COUNT "admin_log WHERE sale = ? AND actor = 'ann' AND detail = "
                          "'frozen; mended' AND request_id = 'r'",
                    sale.value)
              == 2);
    cr_assert(VALUE(link,
                    COUNT "admin_log WHERE sale = ? AND actor = 'worker' AND detail = "
                          "'open; I4: a slot'",
                    sale.value)
              == 2);
    mysql_link_destroy(link);
}

static enum sale_control control_of(struct mysql_link *link, struct sale_id sale)
{
    struct sale_row row;

    cr_assert(sale_store_read(link, sale, &row) == ERR_OK);
    return row.control;
}

/* Frozen, and again by another cause; then given back. */
static void freeze_and_release(struct mysql_link *link, struct sale_id sale)
{
    const struct admin_actor worker = {.name = "worker", .request_id = "", .why = "I4: a slot"};
    struct sale_release release = {.sale = sale};
    struct sale_row row;

    for (int i = 0; i < 2; i++) {
        cr_assert(sale_store_control(link, sale, SALE_VERB_FREEZE, &worker, &row, NULL) == ERR_OK);
    }
    release.version = row.version;
    cr_assert(sale_store_release(link, &release, &fixture_actor) == ERR_OK);
}

Test(sale_change, a_frozen_sale_comes_back_as_it_was)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);

    cr_assert(fixture_load(link, sale) == 1);
    cr_assert(sale_store_control(link, sale, SALE_VERB_PAUSE, &fixture_actor, NULL, NULL)
              == ERR_OK);
    freeze_and_release(link, sale);
    cr_assert(control_of(link, sale) == SALE_CONTROL_PAUSED);
    cr_assert(sale_store_control(link, sale, SALE_VERB_RESUME, &fixture_actor, NULL, NULL)
              == ERR_OK);
    freeze_and_release(link, sale);
    cr_assert(control_of(link, sale) == SALE_CONTROL_OPEN, "paused was before the last freeze");
    mysql_link_destroy(link);
}

Test(sale_change, what_froze_a_sale_again_was_not_judged)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_release release = {.sale = sale};
    struct outbox_row rows[4];
    struct sale_row row;
    size_t count = 0;

    cr_assert(fixture_load(link, sale) == 1);
    cr_assert(
        sale_store_release(link, &(struct sale_release){.sale = sale, .version = 1}, &fixture_actor)
        == ERR_CONFLICT);
    cr_assert(sale_store_control(link, sale, SALE_VERB_FREEZE, &fixture_actor, &row, NULL)
              == ERR_OK);
    release.version = row.version;
    cr_assert(sale_store_control(link, sale, SALE_VERB_FREEZE, &fixture_actor, &row, NULL)
              == ERR_OK);
    cr_assert(sale_store_release(link, &release, &fixture_actor) == ERR_FENCED);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK && count == 1);
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action = 'freeze'", sale.value) == 2);
    release.sale.value = SALE_ID_MAX;
    cr_assert(sale_store_release(link, &release, &fixture_actor) == ERR_NOT_FOUND);
    mysql_link_destroy(link);
}
