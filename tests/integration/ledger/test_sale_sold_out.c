#include <criterion/criterion.h>
#include <stdio.h>

#include "integration/ledger/settling.h"
#include "ledger/order_settle.h"
#include "ledger/sale_sold_out.h"

TestSuite(sale_sold_out, .init = begin, .fini = end);

static const struct sku a = {1, "a"}, b = {1, "b"};

static void take(struct mysql_link *session, const struct sku *sku, uint64_t units)
{
    uint64_t sold = 0;

    cr_assert(order_settle_take_in(session, sale, sku, epoch, units, &sold) == ERR_OK);
    cr_assert(sold >= units);
}

static void start(struct mysql_link *session)
{
    cr_assert(mysql_link_ensure(session) == ERR_OK && mysql_link_begin(session) == ERR_OK);
}

/* How many events of that version the sale has; version 0: of any. */
static uint64_t events(uint32_t version)
{
    return VALUE(link,
                 COUNT "outbox WHERE sale = ? AND kind = 'event' AND verb = 'sale.sold_out' AND "
                       "units = 20 AND order_no = 0 AND order_version IN (?, ?)",
                 sale.value, version ? version : 1, version ? version : 2);
}

Test(sale_sold_out, is_told_when_no_sku_has_units_left_and_again_after_a_return)
{
    char text[100];

    start(link);
    take(link, &a, 10);
    cr_assert(sale_sold_out_in(link, sale) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK && events(0) == 0, "b has units");
    start(link);
    take(link, &b, 10);
    cr_assert(sale_sold_out_in(link, sale) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK && events(1) == 1 && events(0) == 1);
    snprintf(text, sizeof text, "UPDATE sale_skus SET sold = 9 WHERE sale = %u AND sku = 'b'",
             sale.value);
    fixture_run(link, text);
    start(link);
    take(link, &b, 1);
    cr_assert(sale_sold_out_in(link, sale) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK && events(2) == 1 && events(0) == 2);
}

Test(sale_sold_out, of_two_that_take_the_last_units_of_two_skus_one_tells)
{
    struct mysql_link *other = fixture_link();

    start(link);
    start(other);
    take(link, &a, 10);
    take(other, &b, 10);
    cr_assert(sale_sold_out_in(link, sale) == ERR_OK, "it does not see what the other took");
    cr_assert(mysql_link_commit(link) == ERR_OK && events(0) == 0);
    cr_assert(sale_sold_out_in(other, sale) == ERR_OK);
    cr_assert(mysql_link_commit(other) == ERR_OK && events(1) == 1 && events(0) == 1);
    mysql_link_destroy(other);
}

Test(sale_sold_out, what_is_rolled_back_was_never_sold_out)
{
    start(link);
    take(link, &a, 10);
    take(link, &b, 10);
    cr_assert(sale_sold_out_in(link, sale) == ERR_OK);
    mysql_link_rollback(link);
    cr_assert(events(0) == 0);
}
