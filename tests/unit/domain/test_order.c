#include "domain/order.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "domain/sale.h"

static struct order_record record;

static void begin(void)
{
    record = (struct order_record){
        .version = 1,
        .quantity = 1,
        .unit_price = 199900,
        .currency = "CNY",
        .won_at_ms = 1000,
        .pay_by_ms = 901000,
    };
    cr_assert_eq(order_no_make((struct sale_id){7}, 3, 4711, &record.order_no), ERR_OK);
    cr_assert_eq(buyer_parse("buyer-1", 7, &record.buyer), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &record.sku), ERR_OK);
}

TestSuite(order, .init = begin);

#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        begin();                                                                                   \
        record.field = value;                                                                      \
        cr_expect_eq(order_record_check(&record), ERR_RANGE, #field " = " #value);                 \
    } while (0)

Test(order, a_record_out_of_bounds_is_refused)
{
    REFUSED(version, 0);
    REFUSED(order_no.value, 0);
    REFUSED(order_no.value, UINT64_MAX);
    REFUSED(order_no.value, (UINT64_C(7) << 40) + (UINT64_C(3) << 26));
    REFUSED(buyer.size, 0);
    REFUSED(buyer.size, 255);
    REFUSED(buyer.text[0], ' ');
    REFUSED(sku.size, 0);
    REFUSED(sku.size, 255);
    REFUSED(sku.text[0], '/');
    REFUSED(quantity, 0);
    REFUSED(quantity, QUANTITY_MAX + 1);
    REFUSED(unit_price, (UINT64_C(1) << 53) + 1);
    REFUSED(currency[0], 'c');
    REFUSED(currency[3], 'X');
    REFUSED(slot, QUANTITY_MAX);
    REFUSED(key_hash.hex[0], 'a');
    REFUSED(won_at_ms, -1);
    REFUSED(pay_by_ms, 999);
    REFUSED(pay_by_ms, INT64_C(253402300800000));
    REFUSED(traceparent.text[0], '0');
}

Test(order, a_good_record_passes)
{
    cr_assert_eq(order_record_check(&record), ERR_OK);
    memset(record.key_hash.hex, 'a', KEY_HASH_SIZE);
    memcpy(record.traceparent.text, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 55);
    record.version = 2; /* a newer one has the same first fields */
    cr_assert_eq(order_record_check(&record), ERR_OK);
}

Test(order, an_unknown_letter_or_name_is_refused)
{
    enum order_state state = ORDER_STATE_PAID;

    cr_assert_eq(order_state_from_letter('n', &state), ERR_PARSE);
    cr_assert_eq(order_state_from_letter('\0', &state), ERR_PARSE);
    cr_assert_eq(order_state_from_name("pending", &state), ERR_PARSE);
    cr_assert_eq(order_state_from_name("", &state), ERR_PARSE);
    cr_assert_eq(state, ORDER_STATE_PAID);
}

Test(order, a_state_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)order_state_name(ORDER_STATE_COUNT);
}

Test(order, no_letter_outside_the_table, .signal = SIGABRT)
{
    (void)order_state_letter(ORDER_STATE_COUNT);
}

Test(order, no_life_outside_the_table, .signal = SIGABRT)
{
    (void)order_state_is_live(ORDER_STATE_COUNT);
}

Test(order, no_move_from_outside_the_table, .signal = SIGABRT)
{
    (void)order_state_may_become(ORDER_STATE_COUNT, ORDER_STATE_PAID);
}

Test(order, no_move_to_outside_the_table, .signal = SIGABRT)
{
    (void)order_state_may_become(ORDER_STATE_PAID, ORDER_STATE_COUNT);
}

Test(order, letters_and_names_read_back)
{
    for (int i = 0; i < ORDER_STATE_COUNT; i++) {
        enum order_state state;

        cr_assert_eq(order_state_from_letter(order_state_letter((enum order_state)i), &state),
                     ERR_OK);
        cr_assert_eq((int)state, i);
        cr_assert_eq(order_state_from_name(order_state_name((enum order_state)i), &state), ERR_OK);
        cr_assert_eq((int)state, i);
    }
}

Test(order, pending_paid_and_quarantined_are_live)
{
    cr_assert(order_state_is_live(ORDER_STATE_PENDING));
    cr_assert(order_state_is_live(ORDER_STATE_PAID));
    cr_assert(order_state_is_live(ORDER_STATE_QUARANTINED));
    cr_assert_not(order_state_is_live(ORDER_STATE_CLOSED));
    cr_assert_not(order_state_is_live(ORDER_STATE_REFUNDED));
    cr_assert_not(order_state_is_live(ORDER_STATE_VOIDED));
}

/* PROTOCOL §6: all moves there are, and no other. */
Test(order, states_move_only_as_the_table_says)
{
    static const enum order_state moves[][2] = {
        {ORDER_STATE_PENDING, ORDER_STATE_PAID},
        {ORDER_STATE_PENDING, ORDER_STATE_CLOSED},
        {ORDER_STATE_PAID, ORDER_STATE_REFUNDED},
        {ORDER_STATE_QUARANTINED, ORDER_STATE_PENDING},
        {ORDER_STATE_QUARANTINED, ORDER_STATE_VOIDED},
    };

    for (int from = 0; from < ORDER_STATE_COUNT; from++) {
        for (int to = 0; to < ORDER_STATE_COUNT; to++) {
            bool wanted = false;

            for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
                wanted |= (int)moves[i][0] == from && (int)moves[i][1] == to;
            }
            cr_expect_eq(order_state_may_become((enum order_state)from, (enum order_state)to),
                         wanted, "%d to %d", from, to);
        }
    }
}

/* Its price, currency and pay window are the sale's, all else is the win's (PROTOCOL §5). */
Test(order, a_record_is_made_of_the_win_and_the_terms_of_its_sku)
{
    struct sale_definition sale = {.currency = "CNY", .pay_window_ms = 900000, .sku_count = 2};
    const struct order_entry entry = {.order_no = record.order_no,
                                      .sku = record.sku,
                                      .quantity = 2,
                                      .has_slot = true,
                                      .slot = 3,
                                      .won_at_ms = 1000};
    struct traceparent trace = {.text = ""};
    struct order_terms terms;
    struct order_record made;

    cr_assert_eq(sku_parse("white", 5, &sale.skus[0].sku), ERR_OK);
    cr_assert_eq(order_terms_of(&sale, &record.sku, &terms), ERR_NOT_FOUND);
    sale.skus[1] = (struct sale_sku){.sku = record.sku, .price = 199900};
    cr_assert_eq(order_terms_of(&sale, &record.sku, &terms), ERR_OK);
    order_record_make(&entry, &record.buyer, &terms, &trace, &made);
    cr_assert_eq(order_record_check(&made), ERR_OK);
    cr_assert_eq(made.unit_price, 199900);
    cr_assert_eq(made.pay_by_ms, 901000);
    cr_assert_str_eq(made.currency, "CNY");
    cr_assert(made.order_no.value == entry.order_no.value && buyer_equal(&made.buyer, &record.buyer)
              && sku_equal(&made.sku, &entry.sku));
    cr_assert(made.quantity == 2 && made.slot == 3 && made.won_at_ms == 1000);
}
