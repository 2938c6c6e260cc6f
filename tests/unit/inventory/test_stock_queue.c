#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>

#include "inventory/stock_queue.h"

Test(stock_queue, pop_of_nothing, .signal = SIGABRT)
{
    struct stock_queue queue = {0};

    (void)stock_queue_pop(&queue);
}

Test(stock_queue, first_come_first_served)
{
    struct stock_waiting a, b, c;
    struct stock_queue queue = {0};

    stock_queue_append(&queue, &b);
    stock_queue_append(&queue, &c);
    stock_queue_prepend(&queue, &a);
    cr_assert_eq(queue.count, 3);
    cr_assert(stock_queue_pop(&queue) == &a && stock_queue_pop(&queue) == &b);
    cr_assert(stock_queue_pop(&queue) == &c && queue.count == 0 && !queue.first && !queue.last);
    stock_queue_prepend(&queue, &a);
    stock_queue_append(&queue, &b);
    cr_assert(stock_queue_pop(&queue) == &a && stock_queue_pop(&queue) == &b);
}

Test(stock_queue, no_room_for_another_sale)
{
    struct stock_sales sales;

    cr_assert(stock_sales_init(&sales, 2));
    cr_assert_not_null(stock_sales_find_or_add(&sales, (struct sale_id){1}));
    cr_assert_not_null(stock_sales_find_or_add(&sales, (struct sale_id){2}));
    cr_assert_null(stock_sales_find_or_add(&sales, (struct sale_id){3}));
    cr_assert_not_null(stock_sales_find_or_add(&sales, (struct sale_id){2}));
    stock_sales_finish(&sales);
}

Test(stock_queue, only_an_idle_sale_is_forgotten)
{
    struct stock_sales sales;
    struct stock_sale *sale;

    cr_assert(stock_sales_init(&sales, 100));
    for (uint32_t id = 1; id <= 100; id++) {
        cr_assert_not_null(stock_sales_find_or_add(&sales, (struct sale_id){id}));
    }
    sale = stock_sales_find(&sales, (struct sale_id){50});
    sale->calls = 1;
    stock_sales_drop_if_idle(&sales, sale);
    cr_assert_eq(stock_sales_find(&sales, (struct sale_id){50}), sale);
    sale->calls = 0;
    stock_sales_drop_if_idle(&sales, sale);
    cr_assert_null(stock_sales_find(&sales, (struct sale_id){50}));
    for (uint32_t id = 1; id <= 100; id++) {
        cr_assert_eq(stock_sales_find(&sales, (struct sale_id){id}) != NULL, id != 50);
    }
    stock_sales_finish(&sales);
}

Test(stock_queue, sales_take_turns)
{
    struct stock_sales sales;
    struct stock_sale *a, *b;

    cr_assert(stock_sales_init(&sales, 4));
    a = stock_sales_find_or_add(&sales, (struct sale_id){1});
    b = stock_sales_find_or_add(&sales, (struct sale_id){2});
    cr_assert_null(stock_sales_pop_ready(&sales));
    stock_sales_make_ready(&sales, a);
    stock_sales_make_ready(&sales, b);
    stock_sales_make_ready(&sales, a);
    stock_sales_drop_if_idle(&sales, a);
    cr_assert_eq(stock_sales_pop_ready(&sales), a);
    stock_sales_make_ready(&sales, a);
    cr_assert_eq(stock_sales_pop_ready(&sales), b);
    cr_assert_eq(stock_sales_pop_ready(&sales), a);
    cr_assert_null(stock_sales_pop_ready(&sales));
    stock_sales_finish(&sales);
}
