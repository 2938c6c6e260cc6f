/* Which sales a list has: for the operator, and for the catalogue. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "integration/ledger/ledger_fixture.h"

struct seen {
    uint32_t numbers[8];
    size_t count;
};

static enum err see(void *arg, const struct sale_row *row)
{
    struct seen *seen = arg;

    if (seen->count == 8) {
        return ERR_RANGE;
    }
    seen->numbers[seen->count++] = row->definition.sale.value;
    return ERR_OK;
}

Test(sale_store, lists_by_number_and_only_the_loaded_if_asked)
{
    struct mysql_link *link = fixture_link();
    struct sale_id first = fixture_sale(link, 10, 1);
    struct sale_id second = fixture_sale(link, 10, 1);
    struct sale_filter filter = {.after = {first.value - 1}, .limit = 2};
    struct seen seen = {.count = 0};

    cr_assert(fixture_load(link, second) == 1);
    cr_assert(sale_store_list(link, &filter, see, &seen) == ERR_OK);
    cr_assert(seen.count == 2 && seen.numbers[0] == first.value);
    filter.loaded_only = true;
    filter.limit = 1000;
    seen.count = 0;
    cr_assert(sale_store_list(link, &filter, see, &seen) == ERR_OK);
    cr_assert(seen.count >= 1 && seen.numbers[0] >= second.value);
    mysql_link_destroy(link);
}

static void run_for(struct mysql_link *link, const char *head, struct sale_id sale,
                    const char *tail)
{
    char text[400];

    (void)snprintf(text, sizeof text, "%s%u%s", head, sale.value, tail);
    fixture_run(link, text);
}

static enum err pass_over(void *arg, struct sale_id sale)
{
    *(struct sale_id *)arg = sale;
    return ERR_OK;
}

static enum err see_none(void *arg, const struct sale_row *row)
{
    (void)arg;
    (void)row;
    return ERR_OK;
}

Test(sale_store, a_row_that_is_no_definition_is_told_or_ends_the_list)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_id told = {0};
    struct sale_filter filter = {.after = {sale.value - 1}, .limit = 1};

    run_for(link, "INSERT INTO sale_skus (sale, sku, position, price, total) VALUES (", sale,
            ", 'no sku', 9, 1, 1)");
    cr_assert(sale_store_list(link, &filter, see_none, NULL) == ERR_PARSE);
    filter.unreadable = pass_over;
    cr_assert(sale_store_list(link, &filter, see_none, &told) == ERR_OK);
    cr_assert(told.value == sale.value);
    run_for(link, "DELETE FROM sale_skus WHERE position = 9 AND sale = ", sale, "");
    mysql_link_destroy(link);
}

Test(sale_store, a_sale_without_skus_is_told_and_passed_over)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_id told = {0};
    struct sale_filter filter = {.after = {sale.value - 1}, .limit = 1, .unreadable = pass_over};

    fixture_run(link, "SET foreign_key_checks = 0");
    run_for(link, "UPDATE sale_skus SET sale = 8388607 WHERE sale = ", sale, "");
    cr_assert_eq(sale_store_list(link, &filter, see_none, &told), ERR_OK);
    cr_assert_eq(told.value, sale.value);
    run_for(link, "UPDATE sale_skus SET sale = ", sale, " WHERE sale = 8388607");
    mysql_link_destroy(link);
}

Test(sale_store, sales_that_are_over_for_long_are_left_out_if_asked)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_filter filter = {.after = {sale.value - 1}, .limit = 1, .keep_days = 7};
    struct seen seen = {.count = 0};

    /* Eight days ago, and with its pay window of a day seven. */
    run_for(link,
            "UPDATE sales SET pay_window = 86400000, closes = "
            "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED) - 8 * 86400000 + 60000 "
            "WHERE sale = ",
            sale, "");
    cr_assert(sale_store_list(link, &filter, see, &seen) == ERR_OK);
    cr_assert(seen.count == 1 && seen.numbers[0] == sale.value);
    filter.keep_days = 6;
    seen.count = 0;
    cr_assert(sale_store_list(link, &filter, see, &seen) == ERR_OK);
    cr_assert(seen.count == 0 || seen.numbers[0] != sale.value);
    filter.keep_days = 0;
    cr_assert(sale_store_list(link, &filter, see, &seen) == ERR_OK);
    mysql_link_destroy(link);
}
