#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "ledger/sql_text.h"

Test(sql_text, a_text_is_no_number, .signal = SIGABRT)
{
    const struct sql_value text = sql_text("7");

    (void)sql_column_u64(&text);
}

Test(sql_text, what_nobody_could_have_written_does_not_parse)
{
    const struct sql_value bad_sku = sql_text("a b");
    const struct sql_value bad_buyer = sql_text("");
    const struct sql_value none = sql_null();
    struct sku sku;
    struct buyer buyer;

    cr_assert(sql_column_sku(&bad_sku, &sku) == ERR_PARSE);
    cr_assert(sql_column_sku(&none, &sku) == ERR_PARSE);
    cr_assert(sql_column_buyer(&bad_buyer, &buyer) == ERR_PARSE);
    cr_assert(sql_column_buyer(&none, &buyer) == ERR_PARSE);
}

Test(sql_text, a_text_is_cut_to_its_room)
{
    const struct sql_value value = sql_text("abcdef");
    const struct sql_value none = sql_null();
    char text[4] = "xxx";

    sql_column_text(&value, text, sizeof text);
    cr_assert(strcmp(text, "abc") == 0);
    sql_column_text(&none, text, sizeof text);
    cr_assert(text[0] == '\0');
}

Test(sql_text, null_is_zero_and_numbers_are_themselves)
{
    const struct sql_value none = sql_null();
    const struct sql_value number = sql_u64(UINT64_MAX);
    uint64_t read = 1;

    cr_assert(sql_read_u64(&read, &none) == ERR_OK && read == 0);
    cr_assert(sql_read_u64(&read, &number) == ERR_OK && read == UINT64_MAX);
    const struct sql_value seven = sql_u64(7), eight = sql_u64(8);
    struct sale_id ids[2];
    struct sql_sales sales = {.sales = ids};
    cr_assert(sql_read_sale(&sales, &seven) == ERR_OK && sql_read_sale(&sales, &eight) == ERR_OK);
    cr_assert(sales.count == 2 && ids[0].value == 7 && ids[1].value == 8);
}

Test(sql_text, a_name_is_found_whole_or_not_at_all)
{
    static const char *const names[] = {"open", "opened"};
    const struct sql_value first = sql_text("open");
    const struct sql_value second = sql_text("opened");
    const struct sql_value none = sql_text("ope");
    const struct sql_value null = sql_null();

    cr_assert(sql_column_name(&first, names, 2) == 0);
    cr_assert(sql_column_name(&second, names, 2) == 1);
    cr_assert(sql_column_name(&none, names, 2) == -1);
    cr_assert(sql_column_name(&null, names, 2) == -1);
}

Test(sql_text, powers_of_two_stay_within_the_largest_statement)
{
    cr_assert(sql_power_of_two(1) == 1);
    cr_assert(sql_power_of_two(3) == 2);
    cr_assert(sql_power_of_two(1000) == 512);
    cr_assert(sql_power_of_two(1024) == 1024);
    cr_assert(sql_power_of_two(100000) == SQL_TUPLES_MAX);
}
