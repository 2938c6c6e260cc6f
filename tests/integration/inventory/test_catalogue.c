#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/catalogue.h"
#include "inventory/catalogue_put.h"
#include "inventory/sale_reader.h"

struct seen {
    bool is_there;
    enum err err;
    struct catalogue_read read;
    struct sale_definition first;
};

static void on_catalogue(void *arg, enum err err, const struct catalogue_read *read)
{
    struct seen *seen = arg;

    seen->is_there = true;
    seen->err = err;
    cr_assert((err == ERR_OK) == (read != NULL));
    if (read) {
        seen->read = *read;
        seen->read.definitions = NULL;
        if (read->count > 0) {
            seen->first = read->definitions[0];
        }
    }
}

static bool is_seen(void *arg)
{
    return ((struct seen *)arg)->is_there;
}

static struct seen see(struct fixture *fixture, uint64_t known_revision)
{
    struct seen seen = {0};

    cr_assert_eq(catalogue_read(fixture->link, known_revision, on_catalogue, &seen), ERR_OK);
    fixture_wait(fixture, is_seen, &seen);
    return seen;
}

static uint64_t put(struct fixture *fixture, uint32_t count)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_put *catalogue = catalogue_put_create();
    uint64_t revision;

    cr_assert_not_null(catalogue);
    for (uint32_t i = 0; i < count; i++) {
        definition.sale.value = FIXTURE_SALE + i;
        cr_assert_eq(catalogue_put_add(catalogue, &definition), ERR_OK);
    }
    cr_assert_eq(catalogue_put_send(catalogue, fixture->blocking, &revision), ERR_OK);
    catalogue_put_destroy(catalogue);
    return revision;
}

Test(catalogue, missing_is_rebuilding_and_never_empty)
{
    struct catalogue_look look;
    struct fixture fixture;

    fixture_start(&fixture);
    cr_assert_eq(see(&fixture, 0).read.status, CATALOGUE_REBUILDING);
    cr_assert_eq(sale_reader_catalogue(fixture.blocking, &look), ERR_OK);
    cr_assert(look.rebuilding);
    fixture_finish(&fixture);
}

Test(catalogue, of_another_history_is_rebuilding)
{
    struct fixture fixture;

    fixture_start(&fixture);
    (void)put(&fixture, 1);
    redis_server_kill(&fixture.server);
    redis_server_again(&fixture.server);
    fixture_wait_up(&fixture, 2);
    cr_assert_eq(see(&fixture, 0).read.status, CATALOGUE_REBUILDING);
    fixture_finish(&fixture);
}

Test(catalogue, is_read_once_and_then_unchanged)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct catalogue_look look;
    struct fixture fixture;
    struct seen seen;
    uint64_t revision;

    fixture_start(&fixture);
    revision = put(&fixture, 1);
    seen = see(&fixture, 0);
    cr_assert(seen.err == ERR_OK && seen.read.status == CATALOGUE_OK && seen.read.count == 1);
    cr_assert_eq(seen.read.revision, revision);
    cr_assert_eq(seen.first.sale.value, FIXTURE_SALE);
    cr_assert_str_eq(seen.first.name, definition.name);
    cr_assert(seen.first.sku_count == 2 && seen.first.skus[1].price == 200);
    cr_assert_eq(see(&fixture, revision).read.status, CATALOGUE_UNCHANGED);
    cr_assert_eq(put(&fixture, 3000), revision + 1);
    seen = see(&fixture, revision);
    cr_assert(seen.read.status == CATALOGUE_OK && seen.read.count == 3000);
    cr_assert_eq(sale_reader_catalogue(fixture.blocking, &look), ERR_OK);
    cr_assert(!look.rebuilding && look.sale_count == 3000 && look.revision == revision + 1);
    cr_assert_eq(put(&fixture, 0), revision + 2);
    seen = see(&fixture, 0);
    cr_assert(seen.read.status == CATALOGUE_OK && seen.read.count == 0);
    fixture_finish(&fixture);
}

Test(catalogue, an_unreadable_definition_is_named_and_the_others_are_read)
{
    struct fixture fixture;
    struct seen seen;
    char answer[16], json[1024], command[1100];

    fixture_start(&fixture);
    (void)put(&fixture, 2);
    redis_server_ask(&fixture.server, "HSET seckill:catalogue 8 {}", answer, sizeof answer);
    seen = see(&fixture, 0);
    cr_assert(seen.err == ERR_OK && seen.read.count == 1 && seen.first.sale.value == 7);
    cr_assert(seen.read.unreadable_count == 1 && seen.read.unreadable[0].value == 8);
    cr_assert_not(seen.read.is_incomplete);
    /* As the worker puts one that it cannot read itself. */
    struct catalogue_put *catalogue = catalogue_put_create();
    cr_assert_eq(catalogue_put_add_unreadable(catalogue, (struct sale_id){9}), ERR_OK);
    cr_assert_eq(catalogue_put_send(catalogue, fixture.blocking, NULL), ERR_OK);
    catalogue_put_destroy(catalogue);
    seen = see(&fixture, 0);
    cr_assert(seen.read.count == 0 && seen.read.unreadable[0].value == 9);
    (void)put(&fixture, 2);
    /* Readable, but of another sale than its field says. */
    redis_server_ask(&fixture.server, "HGET seckill:catalogue 7", json, sizeof json);
    (void)snprintf(command, sizeof command, "HSET seckill:catalogue 8 '%s'", json);
    redis_server_ask(&fixture.server, command, answer, sizeof answer);
    seen = see(&fixture, 0);
    cr_assert(seen.read.count == 1 && seen.read.unreadable[0].value == 8);
    fixture_finish(&fixture);
}

Test(catalogue, a_field_that_is_no_sale_or_too_many_unreadable_ones_leave_it_incomplete)
{
    struct fixture fixture;
    struct seen seen;
    char answer[16], command[64];

    fixture_start(&fixture);
    (void)put(&fixture, 1);
    redis_server_ask(&fixture.server, "HSET seckill:catalogue x {}", answer, sizeof answer);
    seen = see(&fixture, 0);
    cr_assert(seen.read.count == 1 && seen.read.is_incomplete && seen.read.unreadable_count == 0);
    redis_server_ask(&fixture.server, "HDEL seckill:catalogue x", answer, sizeof answer);
    for (int i = 0; i <= CATALOGUE_UNREADABLE_MAX; i++) {
        cr_assert_eq(see(&fixture, 0).read.is_incomplete, false);
        (void)snprintf(command, sizeof command, "HSET seckill:catalogue %d {}", 100 + i);
        redis_server_ask(&fixture.server, command, answer, sizeof answer);
    }
    seen = see(&fixture, 0);
    cr_assert(seen.read.is_incomplete && seen.read.count == 1);
    cr_assert_eq(seen.read.unreadable_count, CATALOGUE_UNREADABLE_MAX);
    fixture_finish(&fixture);
}

Test(catalogue, lost_link)
{
    struct seen seen = {0};
    struct fixture fixture;

    fixture_start(&fixture);
    redis_server_stop(&fixture.server);
    cr_assert_eq(catalogue_read(fixture.link, 0, on_catalogue, &seen), ERR_OK);
    redis_server_kill(&fixture.server);
    fixture_wait(&fixture, is_seen, &seen);
    cr_assert_eq(seen.err, ERR_LOST);
    cr_assert_eq(catalogue_read(fixture.link, 0, on_catalogue, &seen), ERR_UNAVAILABLE);
    fixture_finish(&fixture);
}
