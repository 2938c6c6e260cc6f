#include "support/order_made.h"

#include <criterion/criterion.h>

struct order_record order_made(uint32_t seq)
{
    struct order_record record = {.version = 1,
                                  .quantity = 1,
                                  .unit_price = 199900,
                                  .currency = "CNY",
                                  .won_at_ms = 1000,
                                  .pay_by_ms = 2000};

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, seq, &record.order_no), ERR_OK);
    cr_assert_eq(buyer_parse("buyer", 5, &record.buyer), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &record.sku), ERR_OK);
    return record;
}
