#include "domain/sale.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct sale_definition sale;
static const char *why;

static void begin(void)
{
    sale = (struct sale_definition){
        .sale = {7},
        .epoch = 1,
        .name = "Phone",
        .currency = "CNY",
        .opens_ms = 1000,
        .closes_ms = 2000,
        .limit = 1,
        .pay_window_ms = 900000,
        .times = {.deadline_ms = 1000, .lease_ms = 1000, .hold_ms = 1500, .guard_ms = 3000},
        .sku_count = 2,
    };
    cr_assert_eq(sku_parse("black", 5, &sale.skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("white", 5, &sale.skus[1].sku), ERR_OK);
    sale.skus[0].price = 199900;
    sale.skus[0].total = 5000;
    why = NULL;
}

TestSuite(sale, .init = begin);

/* One field is spoilt: the sale is refused and the sentence speaks of it. */
#define REFUSED(field, value, word)                                                                \
    do {                                                                                           \
        begin();                                                                                   \
        sale.field = value;                                                                        \
        cr_expect_eq(sale_check(&sale, &why), ERR_RANGE, #field " = " #value);                     \
        cr_expect(why &&strstr(why, word), #field " = " #value ": %s", why ? why : "");            \
    } while (0)

Test(sale, a_value_out_of_bounds_is_refused)
{
    REFUSED(sale.value, 0, "number");
    REFUSED(sale.value, SALE_ID_MAX + 1, "number");
    REFUSED(epoch, EPOCH_MAX + 1, "epochs");
    REFUSED(name[0], '\0', "name");
    REFUSED(currency[0], 'c', "currency");
    REFUSED(currency[2], '\0', "currency");
    REFUSED(opens_ms, -1, "window");
    REFUSED(closes_ms, INT64_C(253402300800000), "window");
    REFUSED(closes_ms, 1000, "open before");
    REFUSED(limit, 0, "limit");
    REFUSED(limit, QUANTITY_MAX + 1, "limit");
    REFUSED(pay_window_ms, 0, "pay");
    REFUSED(times.deadline_ms, 20, "deadline");
    REFUSED(times.lease_ms, 0, "lease");
    REFUSED(times.hold_ms, 1499, "hold");
    REFUSED(times.hold_ms, 0, "hold");
    REFUSED(times.guard_ms, 2999, "wait Q");
    REFUSED(times.guard_ms, 0, "wait Q");
    REFUSED(sku_count, 0, "1 to 64");
    REFUSED(sku_count, SALE_SKUS_MAX + 1, "1 to 64");
    REFUSED(skus[1].sku.size, 0, "no name");
    REFUSED(skus[1].price, (UINT64_C(1) << 53) + 1, "price");
    REFUSED(skus[1].total, SEQ_MAX + 1, "units");
    REFUSED(skus[1].sku, sale.skus[0].sku, "twice");
}

Test(sale, a_name_without_end_is_refused)
{
    memset(sale.name, 'x', sizeof sale.name);
    cr_assert_eq(sale_check(&sale, &why), ERR_RANGE);
}

Test(sale, a_good_one_passes)
{
    cr_assert_eq(sale_check(&sale, &why), ERR_OK);
    cr_assert_null(why);
    sale.epoch = 0; /* not loaded yet */
    sale.skus[0].total = 0;
    cr_assert_eq(sale_check(&sale, &why), ERR_OK);
}

Test(sale, skus_are_found_by_name)
{
    struct sku other;

    cr_assert_eq(sku_parse("red", 3, &other), ERR_OK);
    cr_assert_eq(sale_find_sku(&sale, &sale.skus[1].sku), 1);
    cr_assert_eq(sale_find_sku(&sale, &sale.skus[0].sku), 0);
    cr_assert_eq(sale_find_sku(&sale, &other), -1);
}

Test(sale, an_unknown_state_is_refused)
{
    enum sale_state state = SALE_STATE_PAUSED;

    cr_assert_eq(sale_state_parse("opening", 7, &state), ERR_PARSE);
    cr_assert_eq(sale_state_parse("ope", 3, &state), ERR_PARSE);
    cr_assert_eq(sale_state_parse("", 0, &state), ERR_PARSE);
    cr_assert_eq(state, SALE_STATE_PAUSED);
}

Test(sale, a_state_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)sale_state_name(SALE_STATE_COUNT);
}

Test(sale, states_read_back)
{
    for (int i = 0; i < SALE_STATE_COUNT; i++) {
        const char *name = sale_state_name((enum sale_state)i);
        enum sale_state state;

        cr_assert_eq(sale_state_parse(name, strlen(name), &state), ERR_OK);
        cr_assert_eq((int)state, i);
    }
}

Test(sale, a_currency_is_three_capitals)
{
    cr_assert_eq(currency_check("CNY", 3), ERR_OK);
    cr_assert_eq(currency_check("CN", 2), ERR_PARSE);
    cr_assert_eq(currency_check("CNYX", 4), ERR_PARSE);
    cr_assert_eq(currency_check("cny", 3), ERR_PARSE);
    cr_assert_eq(currency_check("C1Y", 3), ERR_PARSE);
}
