#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>

#include "inventory/catalogue_put.h"
#include "inventory/sale_reader.h"

Test(catalogue_put, what_is_no_definition_is_refused)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_put *put = catalogue_put_create();

    definition.closes_ms = definition.opens_ms;
    cr_assert_eq(catalogue_put_add(put, &definition), ERR_RANGE);
    catalogue_put_destroy(put);
    catalogue_put_destroy(NULL);
}

Test(catalogue_put, more_sales_than_one_script_takes_are_refused)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_put *put = catalogue_put_create();

    for (uint32_t i = 0; i < CATALOGUE_PUT_MAX; i++) {
        definition.sale.value = 1 + i;
        cr_assert_eq(catalogue_put_add(put, &definition), ERR_OK);
    }
    cr_assert_eq(catalogue_put_add(put, &definition), ERR_RANGE);
    cr_assert_eq(catalogue_put_add_unreadable(put, definition.sale), ERR_RANGE);
    catalogue_put_destroy(put);
}

Test(catalogue_put, replaces_all_and_may_be_repeated)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_put *put = catalogue_put_create();
    struct catalogue_look look;
    struct fixture fixture;
    uint64_t revision;

    fixture_start(&fixture);
    cr_assert_eq(catalogue_put_add(put, &definition), ERR_OK);
    cr_assert_eq(catalogue_put_send(put, fixture.blocking, &revision), ERR_OK);
    cr_assert_eq(catalogue_put_send(put, fixture.blocking, NULL), ERR_OK);
    cr_assert_eq(sale_reader_catalogue(fixture.blocking, &look), ERR_OK);
    cr_assert(!look.rebuilding && look.sale_count == 1 && look.revision == revision + 1);
    redis_server_kill(&fixture.server);
    cr_assert_eq(catalogue_put_send(put, fixture.blocking, &revision), ERR_UNAVAILABLE);
    catalogue_put_destroy(put);
    fixture_finish(&fixture);
}
