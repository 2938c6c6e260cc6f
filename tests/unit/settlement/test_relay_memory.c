#include "settlement/relay_memory.h"

#include <criterion/criterion.h>

static struct relay_memory memory;

static struct relay_sale *of(uint32_t sale)
{
    return relay_memory_of(&memory, (struct sale_id){sale});
}

Test(relay_memory, no_place_is_taken_from_a_sale_with_an_announcement)
{
    for (uint32_t sale = 1; sale <= RELAY_SALES_MAX; sale++) {
        of(sale)->state = RELAY_ANNOUNCED_UNITS;
    }
    cr_assert_null(of(RELAY_SALES_MAX + 1));
    of(7)->state = RELAY_IDLE;
    of(7)->last_units_us = 5;
    struct relay_sale *place = of(RELAY_SALES_MAX + 1);
    cr_assert_eq(place->sale.value, RELAY_SALES_MAX + 1);
    cr_assert_eq(place->last_units_us, 0, "nothing of the sale before");
    place->state = RELAY_ANNOUNCED_UNITS;
    cr_assert_null(of(7));
    relay_memory_finish(&memory);
}

Test(relay_memory, a_sale_keeps_its_place)
{
    struct relay_sale *place = of(7);

    place->state = RELAY_ANNOUNCED_OPEN;
    cr_assert_neq(of(8), place);
    cr_assert_eq(of(7), place);
    cr_assert_eq(of(7)->state, RELAY_ANNOUNCED_OPEN);
    relay_memory_finish(&memory);
    cr_assert_null(memory.sales[0]);
}
