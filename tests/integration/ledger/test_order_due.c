/* What the reaper is told to look at, on a real server with more than it can look at. */
#include "ledger/order_due.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"

#define TOPIC "due-notices"

static struct mysql_link *link;
static char name[65];
static struct sale_id head, behind; /* with 10,001 orders overdue for long, with one behind them */
static struct order_due due;

/* Overdue orders of sku "a". */
static void overdue(struct sale_id sale, uint32_t count, uint64_t pay_by)
{
    char text[1200];

    snprintf(text, sizeof text,
             "INSERT INTO orders (order_no, sale, buyer, sku, quantity, unit_price, currency, "
             "slot, key_hash, state, reason, version, won_at, pay_by, created, changed, topic, "
             "part, log_offset) SELECT %llu + seq, %u, CONCAT('b', seq), 'a', 1, 1, 'CNY', 0, '', "
             "'PENDING', '', 1, 1000, %llu, 1000, 1000, 'none', 0, seq FROM " FIXTURE_NUMBERS
             " WHERE seq <= %u",
             (unsigned long long)(fixture_order_no(sale, 1, 1).value - 1), sale.value,
             (unsigned long long)pay_by, count);
    fixture_run(link, text);
}

static void begin(void)
{
    link = fixture_own(name);
    head = fixture_sale(link, 20000, 1);
    behind = fixture_sale(link, 10, 1);
    overdue(head, ORDER_DUE_COUNT_MAX + 1, 1000);
    overdue(behind, 1, 2000);
}

static void end(void)
{
    fixture_drop(link, name);
}

TestSuite(order_due, .init = begin, .fini = end, .timeout = 120);

static void read_due(void)
{
    cr_assert(order_due_read(link, TOPIC, 0, &due) == ERR_OK);
    cr_assert(due.orders == ORDER_DUE_COUNT_MAX);
}

Test(order_due, the_longest_overdue_are_looked_at_where_nothing_holds_them)
{
    read_due();
    cr_assert(due.group_count == 1 && due.groups[0].sale.value == head.value);
}

Test(order_due, a_head_that_a_letter_of_its_sale_holds_does_not_hide_the_rest)
{
    char text[300];

    snprintf(text, sizeof text,
             "INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, payload, "
             "created) VALUES ('" TOPIC "', 0, 1, %u, 0, 'unreadable', 'x', 1)",
             head.value);
    fixture_run(link, text);
    read_due();
    cr_assert(due.group_count == 2, "the held ones are told, too");
    cr_assert(due.groups[0].sale.value == behind.value && due.groups[0].orders == 1);
    cr_assert(due.groups[1].sale.value == head.value);
}

Test(order_due, a_head_that_notices_wait_for_does_not_hide_the_rest)
{
    fixture_run(link, "INSERT INTO payments (provider, event_id, kind, order_no, state, occurred, "
                      "received, created, changed, topic, part, log_offset) SELECT 'p', order_no, "
                      "'cancel', order_no, 'PARKED', 1, 1, 1, 1, 't', 0, 0 FROM orders WHERE "
                      "pay_by = 1000");
    read_due();
    cr_assert(due.groups[0].sale.value == behind.value);
}

Test(order_due, a_head_that_letters_name_does_not_hide_the_rest)
{
    fixture_run(link, "INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                      "payload, created) SELECT '" TOPIC "', 0, order_no, sale, order_no, 'value', "
                      "'x', 1 FROM orders WHERE pay_by = 1000");
    read_due();
    cr_assert(due.groups[0].sale.value == behind.value);
}
