#include "settlement/settle_dead.h"

#include <criterion/criterion.h>
#include <string.h>

#include "ledger/offset_store.h"
#include "support/fakes/fake_ledger.h"

static const struct offset_claim claim = {.topic = "notices", .part = 3};
static struct mysql_link *link;

static void begin(void)
{
    link = fake_ledger_create();
    cr_assert(mysql_link_begin(link) == ERR_OK);
}

static void end(void)
{
    fake_ledger_destroy(link);
}

TestSuite(settle_dead, .init = begin, .fini = end);

Test(settle_dead, it_keeps_bytes_place_sale_and_reason)
{
    const struct settle_item item = {.offset = 9, .payload = "bytes", .payload_size = 5};
    struct settle_stats stats = {0};
    struct order_no order_no;

    cr_assert(order_no_make((struct sale_id){7}, 1, 5, &order_no) == ERR_OK);
    cr_assert(settle_dead_put_in(link, &claim, &item, order_no, DEAD_REASON_VALUE, &stats)
              == ERR_OK);
    const struct dead_letter *letter = &link->data.dead[0];
    cr_assert(strcmp(letter->topic, "notices") == 0 && letter->part == 3 && letter->offset == 9);
    cr_assert(letter->sale.value == 7 && letter->order_no.value == order_no.value);
    cr_assert(letter->reason == DEAD_REASON_VALUE && letter->payload_size == 5);
    cr_assert(stats.dead[DEAD_REASON_VALUE] == 1);
}

Test(settle_dead, what_names_no_order_is_of_no_sale)
{
    const struct settle_item item = {.offset = 9, .payload = "x", .payload_size = 1};
    struct settle_stats stats = {0};

    cr_assert(settle_dead_put_in(link, &claim, &item, item.hint, DEAD_REASON_UNREADABLE, &stats)
              == ERR_OK);
    cr_assert(link->data.dead[0].sale.value == 0 && link->data.dead[0].order_no.value == 0);
}

Test(settle_dead, an_outage_is_handed_up)
{
    const struct settle_item item = {.offset = 9, .payload = "x", .payload_size = 1};
    struct settle_stats stats = {0};

    fake_ledger_fail(link, FAKE_BURY, ERR_LOST, 1);
    cr_assert(settle_dead_put_in(link, &claim, &item, item.hint, DEAD_REASON_UNREADABLE, &stats)
              == ERR_LOST);
    cr_assert(link->data.dead_count == 0);
}
