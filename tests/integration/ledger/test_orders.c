#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/order_audit.h"
#include "ledger/order_store.h"

enum { ORDERS = 7 };

/* Seven orders: buyers 1 to 7, b for every third; the second is PAID, the third CLOSED. */
static void settle_orders(struct mysql_link *link, struct sale_id sale)
{
    uint32_t epoch = fixture_load(link, sale);
    struct settle *settle = fixture_settle(link, sale.value);
    struct order_record records[ORDERS];
    struct settle_item items[ORDERS];
    struct settle_stats stats;
    char text[200];

    for (uint32_t i = 0; i < ORDERS; i++) {
        records[i] = fixture_record(sale, epoch, i + 1);
        records[i].sku.text[0] = i % 3 == 2 ? 'b' : 'a';
        items[i] = fixture_item(i, &records[i]);
    }
    cr_assert(settle_batch(settle, items, ORDERS, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == ORDERS);
    snprintf(text, sizeof text, "UPDATE orders SET state = 'PAID' WHERE order_no = %llu",
             (unsigned long long)records[1].order_no.value);
    fixture_run(link, text);
    snprintf(text, sizeof text,
             "UPDATE orders SET state = 'CLOSED', slot = NULL WHERE order_no = %llu",
             (unsigned long long)records[2].order_no.value);
    fixture_run(link, text);
    settle_destroy(settle);
}

struct seen {
    uint64_t order_nos[ORDERS + 1];
    size_t count;
};

static enum err see(void *arg, const struct order_row *row)
{
    struct seen *seen = arg;

    if (seen->count > ORDERS) {
        return ERR_RANGE;
    }
    seen->order_nos[seen->count++] = row->record.order_no.value;
    return ERR_OK;
}

static size_t list(struct mysql_link *link, const struct order_filter *filter, struct seen *seen)
{
    seen->count = 0;
    cr_assert(order_store_list(link, filter, see, seen) == ERR_OK, "%s",
              mysql_link_error_text(link));
    return seen->count;
}

Test(order_store, an_order_that_is_not_there_is_not_found)
{
    struct mysql_link *link = fixture_link();
    struct order_row row;

    cr_assert(order_store_find(link, (struct order_no){12345}, &row) == ERR_NOT_FOUND);
    mysql_link_destroy(link);
}

Test(order_store, lists_by_sale_buyer_and_state_in_pages)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_id other = fixture_sale(link, 10, 1);
    struct buyer buyer = {7, "buyer-3"};
    struct order_filter filter = {.sale = sale, .limit = 3};
    struct seen seen;

    settle_orders(link, sale);
    settle_orders(link, other);
    cr_assert(list(link, &filter, &seen) == 3);
    filter.after.value = seen.order_nos[2];
    cr_assert(list(link, &filter, &seen) == 3 && seen.order_nos[0] > filter.after.value);
    filter.after.value = seen.order_nos[2];
    cr_assert(list(link, &filter, &seen) == 1);
    filter = (struct order_filter){.sale = sale, .buyer = &buyer, .limit = 10};
    cr_assert(list(link, &filter, &seen) == 1);
    filter.has_state = true;
    filter.state = ORDER_STATE_PAID;
    cr_assert(list(link, &filter, &seen) == 0, "buyer 3's is closed");
    filter.buyer = NULL;
    cr_assert(list(link, &filter, &seen) == 1);
    filter = (struct order_filter){
        .buyer = &buyer, .has_state = true, .limit = 2, .state = ORDER_STATE_CLOSED};
    cr_assert(list(link, &filter, &seen) == 2, "of all sales");
    mysql_link_destroy(link);
}

Test(order_store, a_rebuild_sees_every_order_of_the_sale_and_no_other)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sale_id other = fixture_sale(link, 10, 1);
    struct seen seen = {.count = 0};

    settle_orders(link, sale);
    settle_orders(link, other);
    cr_assert(order_store_each(link, sale, see, &seen) == ERR_OK);
    cr_assert(seen.count == ORDERS);
    seen.count = 2; /* the callback's word ends it */
    cr_assert(order_store_each(link, sale, see, &seen) == ERR_RANGE);
    mysql_link_destroy(link);
}

struct sums {
    uint64_t units[ORDER_STATE_COUNT];
    uint64_t of_b;
};

static enum err add_sum(void *arg, const struct order_sum *sum)
{
    struct sums *sums = arg;

    sums->units[sum->state] += sum->units;
    sums->of_b += sum->sku.text[0] == 'b' ? sum->orders : 0;
    return ERR_OK;
}

Test(order_audit, sums_by_sku_and_state)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct sums sums = {.of_b = 0};

    settle_orders(link, sale);
    cr_assert(order_audit_sums(link, sale, add_sum, &sums) == ERR_OK);
    cr_assert(sums.units[ORDER_STATE_PENDING] == 5 && sums.units[ORDER_STATE_PAID] == 1);
    cr_assert(sums.units[ORDER_STATE_CLOSED] == 1 && sums.of_b == 2);
    mysql_link_destroy(link);
}

struct lines {
    uint64_t last, count, of_order;
};

static enum err see_line(void *arg, const struct ledger_line *line)
{
    struct lines *lines = arg;

    cr_assert(line->id > lines->last, "by id");
    lines->last = line->id;
    lines->count++;
    lines->of_order += line->order_no.value;
    return ERR_OK;
}

Test(order_audit, the_ledger_of_a_sku_is_read_in_pages)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    const struct sku sku = {.text = "a", .size = 1};
    struct lines lines = {.count = 0};
    char text[900];

    snprintf(text, sizeof text,
             "INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, created) SELECT %u, "
             "'a', 1, 'close', seq, 1, 1 FROM " FIXTURE_NUMBERS " WHERE seq <= 12000",
             sale.value);
    fixture_run(link, text);
    cr_assert(order_audit_ledger(link, sale, &sku, see_line, &lines) == ERR_OK, "%s",
              mysql_link_error_text(link));
    cr_assert(lines.count == 12001 && lines.last > 0, "create and all others");
    mysql_link_destroy(link);
}

struct payments {
    uint64_t count, applied, right, without_row, old, last;
};

static enum err see_payment(void *arg, const struct payment_audit *payment)
{
    struct payments *seen = arg;

    cr_assert(payment->order_no.value >= seen->last, "by order");
    seen->last = payment->order_no.value;
    seen->count++;
    seen->applied += payment->is_applied;
    seen->right += payment->is_right;
    seen->without_row += !payment->has_row;
    seen->old += payment->is_old;
    return ERR_OK;
}

/* More than a page, some of them of one order. */
Test(order_audit, payments_are_read_in_pages_and_compared_with_their_orders)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct payments seen = {.count = 0};
    char text[1300];

    settle_orders(link, sale);
    snprintf(text, sizeof text,
             "INSERT INTO payments (provider, event_id, kind, order_no, amount, currency, state, "
             "occurred, received, created, changed, topic, part, log_offset) SELECT 'audit', "
             "CONCAT(%u, '-', seq), 'paid', IF(seq <= 7000, o.first, o.first + seq), IF(seq %% 2, "
             "o.due, 1), 'CNY', IF(seq %% 3, 'APPLIED', 'IGNORED'), 1, 1, 1, 1, 't', 0, seq "
             "FROM " FIXTURE_NUMBERS
             ", (SELECT MIN(order_no) AS first, MIN(unit_price * quantity) AS due "
             "FROM orders WHERE sale = %u) AS o WHERE seq <= 12000",
             sale.value, sale.value);
    fixture_run(link, text);
    cr_assert(order_audit_payments(link, sale, 1000, see_payment, &seen) == ERR_OK, "%s",
              mysql_link_error_text(link));
    cr_assert(seen.count == 12000 && seen.applied == 8000 && seen.old == 12000);
    cr_assert(seen.right == 3500 && seen.without_row == 5000, "%lu right, %lu without",
              (unsigned long)seen.right, (unsigned long)seen.without_row);
    mysql_link_destroy(link);
}
