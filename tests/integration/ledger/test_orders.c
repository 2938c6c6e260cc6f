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

Test(order_audit, finds_what_must_not_be)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct order_findings findings;
    char text[200];

    settle_orders(link, sale);
    snprintf(
        text, sizeof text,
        "UPDATE orders SET state = 'VOIDED', reason = 'epoch', slot = NULL, buyer = 'buyer-5', "
        "key_hash = '%032x' WHERE sale = %u AND buyer = 'buyer-4'",
        5, sale.value);
    fixture_run(link, text); /* of a cut history: its key may win again */
    cr_assert(order_audit_findings(link, sale, 1, &findings) == ERR_OK);
    cr_assert(findings.buyers_over_limit == 0 && findings.repeated_keys == 0);
    cr_assert(findings.slots_out_of_range == 0 && findings.live_without_slot == 0);
    snprintf(text, sizeof text,
             "UPDATE orders SET quantity = 2, slot = 1, buyer = 'buyer-6', key_hash = '%032x' "
             "WHERE sale = %u AND buyer = 'buyer-5' AND state = 'PENDING'",
             6, sale.value);
    fixture_run(link, text);
    snprintf(text, sizeof text,
             "UPDATE orders SET slot = NULL WHERE sale = %u AND buyer = "
             "'buyer-7'",
             sale.value);
    fixture_run(link, text);
    cr_assert(order_audit_findings(link, sale, 1, &findings) == ERR_OK);
    cr_assert(findings.buyers_over_limit == 1 && findings.repeated_keys == 1);
    cr_assert(findings.slots_out_of_range == 1 && findings.live_without_slot == 1);
    mysql_link_destroy(link);
}
