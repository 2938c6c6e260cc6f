#include "settlement/settle_orders.h"

#include <criterion/criterion.h>
#include <string.h>

#include "codec/order_event.h"
#include "ledger/offset_store.h"
#include "support/fakes/fake_ledger.h"

enum { SALE = 7, EPOCH = 3 };

static const struct offset_claim claim = {.topic = "orders", .part = 1};
static struct mysql_link *link;
static void *state;

static void begin(void)
{
    link = fake_ledger_create();
    fake_ledger_add_sale(link, SALE, EPOCH, 10);
    state = settle_orders_kind.create(
        &(struct settle_options){.kind = &settle_orders_kind, .link = link});
    cr_assert_not_null(state);
    cr_assert(mysql_link_begin(link) == ERR_OK);
}

static void end(void)
{
    settle_orders_kind.destroy(state);
    fake_ledger_destroy(link);
}

TestSuite(settle_orders, .init = begin, .fini = end);

static struct order_record record_of(uint32_t epoch)
{
    struct order_record record = {.version = 1,
                                  .sku = {1, "a"},
                                  .quantity = 1,
                                  .currency = "CNY",
                                  .buyer = {1, "b"},
                                  .won_at_ms = 1000,
                                  .pay_by_ms = 2000};

    cr_assert(order_no_make((struct sale_id){SALE}, epoch, 1, &record.order_no) == ERR_OK);
    return record;
}

Test(settle_orders, bytes_are_read_as_an_order)
{
    const struct order_record record = record_of(EPOCH);
    struct order_record read;
    struct order_event event;
    struct order_no hint = {0};

    cr_assert(order_event_pack(&record, &event) == ERR_OK);
    cr_assert(sizeof read == settle_orders_kind.record_size);
    cr_assert_null(settle_orders_kind.read(event.bytes, event.size, &read, &hint));
    cr_assert(read.order_no.value == record.order_no.value);
    cr_assert_not_null(settle_orders_kind.read(event.bytes, event.size - 1, &read, &hint));
}

Test(settle_orders, an_item_has_the_number_of_its_record_or_its_hint)
{
    const struct order_record record = record_of(EPOCH);
    const struct settle_item known = {.record = &record};
    const struct settle_item unread = {.hint = {5}};

    cr_assert(settle_orders_kind.order_no(&known).value == record.order_no.value);
    cr_assert(settle_orders_kind.order_no(&unread).value == 5);
}

Test(settle_orders, a_record_becomes_a_row_and_its_unit_is_taken)
{
    const struct order_record record = record_of(EPOCH);
    const struct settle_item item = {.record = &record};
    struct settle_stats stats = {0};
    size_t taken = 0;

    cr_assert(settle_orders_kind.write(state, &claim, &item, 1, &stats, &taken) == ERR_OK);
    cr_assert(taken == 1 && stats.inserted == 1 && link->data.sales[0].skus[0].sold == 1);
}

Test(settle_orders, a_record_of_a_newer_epoch_is_not_taken)
{
    const struct order_record record = record_of(EPOCH + 1);
    const struct settle_item item = {.record = &record};
    struct settle_stats stats = {0};
    size_t taken = 1;

    cr_assert(settle_orders_kind.write(state, &claim, &item, 1, &stats, &taken) == ERR_OK);
    cr_assert(taken == 0 && link->data.order_count == 0);
}
