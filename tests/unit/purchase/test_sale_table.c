#include "purchase/sale_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct sale_definition make_definition(uint32_t sale, uint32_t epoch)
{
    struct sale_definition definition = {
        .sale = {sale}, .epoch = epoch, .sku_count = 2, .times = {.lease_ms = 1000}};

    cr_assert_eq(sku_parse("white", 5, &definition.skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &definition.skus[1].sku), ERR_OK);
    definition.skus[0].price = 1;
    definition.skus[1].price = 2;
    return definition;
}

static void count_dropped(void *arg, struct board_sale *sale)
{
    uint32_t *dropped = arg;

    cr_assert_not_null(sale);
    (*dropped)++;
}

/* A catalogue of the sales first, first + 1, ... Returns how many were dropped. */
static uint32_t put(struct sale_table *table, uint32_t first, uint32_t count)
{
    uint32_t dropped = 0;

    sale_table_begin(table);
    for (uint32_t i = 0; i < count; i++) {
        struct sale_definition definition = make_definition(first + i, 1);
        cr_assert_eq(sale_table_put(table, &definition), ERR_OK);
    }
    sale_table_end(table, 0, count_dropped, &dropped);
    return dropped;
}

Test(sale_table, more_sales_than_it_may_hold_is_busy)
{
    struct sale_table *table = sale_table_create(2, 1000, NULL);
    struct sale_definition third = make_definition(3, 1), second = make_definition(2, 1);

    (void)put(table, 1, 2);
    sale_table_begin(table);
    cr_assert_eq(sale_table_put(table, &third), ERR_BUSY);
    cr_assert_eq(sale_table_put(table, &second), ERR_OK); /* known already */
    sale_table_destroy(table);
}

Test(sale_table, finds_what_is_there_and_nothing_else)
{
    struct sale_table *table = sale_table_create(500, 1000, NULL);

    cr_assert_null(sale_table_find(table, (struct sale_id){7}));
    cr_assert_eq(put(table, 1, 500), 0);
    for (uint32_t sale = 1; sale <= 500; sale++) {
        struct board_sale *found = sale_table_find(table, (struct sale_id){sale});
        cr_assert_not_null(found);
        cr_assert_eq(found->definition.sale.value, sale);
    }
    for (uint32_t sale = 501; sale <= 2000; sale++) {
        cr_assert_null(sale_table_find(table, (struct sale_id){sale}));
    }
    sale_table_destroy(table);
}

Test(sale_table, a_sale_that_is_not_put_again_is_dropped)
{
    struct sale_table *table = sale_table_create(100, 1000, NULL);

    (void)put(table, 1, 60);
    struct board_sale *stays = sale_table_find(table, (struct sale_id){55});
    cr_assert_eq(put(table, 50, 30), 49);
    cr_assert_eq(sale_table_count(table), 30);
    cr_assert_null(sale_table_find(table, (struct sale_id){49}));
    cr_assert_eq(sale_table_find(table, (struct sale_id){55}), stays);
    cr_assert_not_null(sale_table_find(table, (struct sale_id){79}));
    sale_table_destroy(table);
}

Test(sale_table, skus_stand_in_the_order_of_their_names)
{
    struct sale_table *table = sale_table_create(4, 1000, NULL);
    struct sku black, white, red;

    (void)put(table, 7, 1);
    struct board_sale *sale = sale_table_find(table, (struct sale_id){7});
    cr_assert_eq(sku_parse("black", 5, &black), ERR_OK);
    cr_assert_eq(sku_parse("white", 5, &white), ERR_OK);
    cr_assert_eq(sku_parse("red", 3, &red), ERR_OK);
    cr_assert_eq(sale_table_find_sku(table, sale, &black), 0);
    cr_assert_eq(sale_table_find_sku(table, sale, &white), 1);
    cr_assert_eq(sale_table_find_sku(table, sale, &red), -1);
    cr_assert_eq(sale->definition.skus[0].price, 2);
    sale_table_destroy(table);
}

Test(sale_table, a_new_epoch_forgets_what_was_known_of_the_old_one)
{
    struct sale_table *table = sale_table_create(4, 1000, NULL);
    struct sale_definition again = make_definition(7, 2);
    struct no_kinds kinds = {.skus = 1};
    uint32_t dropped = 0;

    (void)put(table, 7, 1);
    struct board_sale *sale = sale_table_find(table, (struct sale_id){7});
    cr_assert_eq(sale->epoch, 1);
    sale->view.epoch = 1;
    sale->opening.epoch = 1;
    sold_out_see(&sale->memory, 1, 2, &kinds, 1000);
    (void)put(table, 7, 1);
    cr_assert_eq(sale->view.epoch, 1); /* the same again changes nothing */
    cr_assert_eq(sale->memory.epoch, 1);
    sale_table_begin(table);
    cr_assert_eq(sale_table_put(table, &again), ERR_OK);
    sale_table_end(table, 0, count_dropped, &dropped);
    cr_assert_eq(sale->epoch, 2);
    cr_assert_eq(sale->view.epoch, 0);
    cr_assert_eq(sale->opening.epoch, 0);
    cr_assert_eq(sale->memory.epoch, 0);
    cr_assert_eq(sale->memory.lease_us, 1000000);
    sale_table_destroy(table);
}

Test(sale_table, an_epoch_that_redis_told_stays_until_the_catalogue_has_a_new_one)
{
    struct sale_table *table = sale_table_create(4, 1000, NULL);

    (void)put(table, 7, 1);
    struct board_sale *sale = sale_table_find(table, (struct sale_id){7});
    sale_table_adopt(sale, 5);
    (void)put(table, 7, 1);
    cr_assert_eq(sale->epoch, 5);
    sale_table_destroy(table);
}

Test(sale_table, another_t_counts_only_with_the_epoch_that_it_was_loaded_for)
{
    struct sale_table *table = sale_table_create(4, 1000, NULL);
    struct sale_definition shorter = make_definition(7, 2);
    uint32_t dropped = 0;

    (void)put(table, 7, 1);
    struct board_sale *sale = sale_table_find(table, (struct sale_id){7});
    cr_assert_eq(sale->memory.lease_us, 1000000);
    sale_table_adopt(sale, 2); /* Redis was loaded with T that the catalogue does not tell yet */
    cr_assert_eq(sale->memory.lease_us, 0);
    (void)put(table, 7, 1);
    cr_assert_eq(sale->memory.lease_us, 0);
    shorter.times.lease_ms = 300;
    sale_table_begin(table);
    cr_assert_eq(sale_table_put(table, &shorter), ERR_OK);
    sale_table_end(table, 0, count_dropped, &dropped);
    cr_assert_eq(sale->memory.lease_us, 300000);
    sale_table_adopt(sale, 3);
    cr_assert_eq(sale->memory.lease_us, 0);
    sale_table_destroy(table);
}

Test(sale_table, skus_are_numbered_by_name_and_shown_in_the_operators_order)
{
    static const char *const names[] = {"m", "z", "a"};
    struct sale_table *table = sale_table_create(4, 1000, NULL);
    struct sale_definition definition = make_definition(7, 1);
    uint32_t dropped = 0;

    definition.sku_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(sku_parse(names[i], 1, &definition.skus[i].sku), ERR_OK);
    }
    sale_table_begin(table);
    cr_assert_eq(sale_table_put(table, &definition), ERR_OK);
    sale_table_end(table, 0, count_dropped, &dropped);
    const struct board_sale *sale = sale_table_find(table, (struct sale_id){7});
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_str_eq(sale->definition.skus[sale->shown[i]].sku.text, names[i]);
    }
    cr_assert_str_eq(sale->definition.skus[0].sku.text, "a");
    sale_table_destroy(table);
}
