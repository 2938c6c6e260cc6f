#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"

static const struct sale_id SALE = {FIXTURE_SALE};

Test(sale_load, lower_epoch_is_fenced)
{
    struct sale_reply reply;
    struct sale_load *load;
    struct fixture fixture;

    fixture_start(&fixture);
    fixture_load(&fixture, 3, 10);
    cr_assert_eq(sale_load_begin(fixture.blocking, SALE, 3, &load, &reply), ERR_FENCED);
    cr_assert(reply.answer == SALE_ANSWER_EPOCH && reply.head.epoch == 3);
    cr_assert_not_null(strstr(redis_blocking_trouble(fixture.blocking), "load_begin: epoch"));
    fixture_finish(&fixture);
}

Test(sale_load, new_connection_in_the_middle_ends_it)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct sale_load *load;
    struct fixture fixture;

    fixture_start(&fixture);
    cr_assert_eq(sale_load_begin(fixture.blocking, SALE, 1, &load, NULL), ERR_OK);
    cr_assert_eq(sale_load_stock(load, &definition.skus[0].sku, 10), ERR_OK);
    redis_blocking_drop(fixture.blocking);
    cr_assert_eq(sale_load_end(load, &definition, SALE_STATE_LOADED, NULL), ERR_LOST);
    sale_load_destroy(load);
    fixture_finish(&fixture);
}

Test(sale_load, overtaken_by_a_higher_epoch)
{
    struct sale_definition definition = fixture_definition(1, 10);
    struct sale_load *load;
    struct sale_reply reply;
    struct fixture fixture;

    fixture_start(&fixture);
    cr_assert_eq(sale_load_begin(fixture.blocking, SALE, 1, &load, NULL), ERR_OK);
    fixture_load(&fixture, 2, 4);
    cr_assert_eq(sale_load_stock(load, &definition.skus[0].sku, 10), ERR_OK);
    cr_assert_eq(sale_load_end(load, &definition, SALE_STATE_LOADED, &reply), ERR_FENCED);
    sale_load_destroy(load);
    cr_assert_eq(fixture_ask(&fixture, "HGET {s:7}:stock a"), 4);
    fixture_finish(&fixture);
}

/* 7,000 buyers with an order, 100 of them with two: more than two calls' worth. */
static void load_orders(struct fixture *fixture, uint32_t epoch)
{
    struct sale_definition definition = fixture_definition(epoch, 10);
    struct sale_load *load;

    cr_assert_eq(sale_load_begin(fixture->blocking, SALE, epoch, &load, NULL), ERR_OK);
    for (uint32_t i = 0; i < 7100; i++) {
        struct order_entry entry = {.sku = definition.skus[0].sku,
                                    .quantity = 1,
                                    .has_slot = i < 7000,
                                    .state = i < 7000 ? ORDER_STATE_PAID : ORDER_STATE_CLOSED,
                                    .won_at_ms = 1000 + i};
        struct buyer buyer;
        char text[40];

        (void)snprintf(text, sizeof text, "buyer-%u", i % 7000);
        cr_assert_eq(buyer_parse(text, strlen(text), &buyer), ERR_OK);
        (void)snprintf(text, sizeof text, "%032x", i);
        cr_assert_eq(key_hash_parse(text, 32, &entry.key_hash), ERR_OK);
        cr_assert_eq(order_no_make(SALE, epoch - 1, i + 1, &entry.order_no), ERR_OK);
        cr_assert_eq(sale_load_order(load, &buyer, &entry), ERR_OK);
    }
    cr_assert_eq(sale_load_stock(load, &definition.skus[0].sku, 10), ERR_OK);
    cr_assert_eq(sale_load_stock(load, &definition.skus[1].sku, 5), ERR_OK);
    cr_assert_eq(sale_load_applied(load, 77), ERR_OK);
    cr_assert_eq(sale_load_end(load, &definition, SALE_STATE_PAUSED, NULL), ERR_OK, "%s",
                 redis_blocking_trouble(fixture->blocking));
    cr_assert_eq(sale_load_sent_count(load), 7000 + 2 + 1);
    sale_load_destroy(load);
}

static enum err on_applied(void *arg, uint64_t ledger_id)
{
    *(uint64_t *)arg += ledger_id;
    return ERR_OK;
}

Test(sale_load, orders_of_an_older_epoch_are_replayed)
{
    struct fixture_attempt attempt;
    struct fixture_orders found = {0};
    struct fixture fixture;
    struct sale_meta meta;
    uint64_t applied = 0;

    fixture_start(&fixture);
    load_orders(&fixture, 2);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_OK);
    cr_assert(meta.head.state == SALE_STATE_PAUSED && meta.head.version == 2);
    cr_assert(meta.fence_fits && meta.limit == 2 && meta.times.hold_ms == 1500);
    cr_assert_eq(sale_reader_orders(fixture.blocking, SALE, fixture_on_order, &found), ERR_OK);
    cr_assert(found.orders == 7100 && found.ended == 100);
    cr_assert_eq(sale_reader_applied(fixture.blocking, SALE, on_applied, &applied), ERR_OK);
    cr_assert_eq(applied, 77);
    fixture_decide_one(&fixture, &attempt, 5, 2);
    cr_assert_eq(attempt.decision, DECISION_REPLAYED);
    cr_assert_eq(order_no_epoch(attempt.win.entry.order_no), 1);
    cr_assert(!attempt.win.may_be_unlogged, "an older epoch was cut from the log");
    cr_assert_eq(attempt.win.entry.state, ORDER_STATE_PAID);
    fixture_finish(&fixture);
}
