#include "settlement/audit_list.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void add(struct audit_list *list, uint64_t order_no, uint64_t content)
{
    const struct audit_item item = {.order_no = {order_no}, .content = content, .entry = content};

    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

Test(audit_list, an_empty_list_is_fine)
{
    struct audit_list a = {0}, b = {0};

    audit_list_settle(&a);
    audit_list_settle(&b);
    const struct audit_difference found = audit_list_compare(&a, &b);
    cr_assert_eq(found.only_entries + found.only_rows + found.different, 0);
    audit_list_finish(&a);
}

Test(audit_list, the_same_record_twice_is_repeated_not_a_clash)
{
    struct audit_list list = {0};

    add(&list, 7, 1);
    add(&list, 5, 2);
    add(&list, 7, 1);
    audit_list_settle(&list);
    cr_assert_eq(list.count, 2);
    cr_assert_eq(list.repeated, 1);
    cr_assert_eq(list.clashes, 0);
    cr_assert_eq(list.items[0].order_no.value, 5);
    audit_list_finish(&list);
}

Test(audit_list, one_number_with_two_contents_is_a_clash)
{
    struct audit_list list = {0};

    add(&list, 7, 1);
    add(&list, 7, 2);
    audit_list_settle(&list);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(list.clashes, 1);
    cr_assert_eq(list.clash.value, 7);
    audit_list_finish(&list);
}

Test(audit_list, records_are_sorted_by_number_and_place_and_none_is_dropped)
{
    struct audit_list list = {0};
    struct audit_item item = {.order_no = {7}, .content = 1, .place = audit_place(2, 5)};

    cr_assert_eq(audit_list_add(&list, &item), ERR_OK);
    item.place = audit_place(1, 9);
    cr_assert_eq(audit_list_add(&list, &item), ERR_OK);
    add(&list, 5, 1);
    audit_list_sort(&list);
    cr_assert_eq(list.count, 3);
    cr_assert_eq(list.items[0].order_no.value, 5);
    cr_assert(list.items[1].place == audit_place(1, 9)
              && list.items[2].place > list.items[1].place);
    audit_list_finish(&list);
}

Test(audit_list, orders_in_redis_are_compared_with_rows_that_were_told)
{
    struct audit_list entries = {0}, rows = {0};

    add(&entries, 1, 1); /* only there */
    add(&entries, 2, 1);
    add(&entries, 3, 1);
    add(&entries, 5, 1);
    add(&rows, 2, 2); /* another content */
    add(&rows, 3, 1);
    add(&rows, 4, 1); /* only here */
    add(&rows, 5, 1);
    add(&rows, 8, 1);
    audit_list_settle(&entries);
    audit_list_settle(&rows);
    rows.items[3].letter = 'P';
    rows.items[4].never_told = true;
    const struct audit_difference found = audit_list_compare(&entries, &rows);
    cr_assert_eq(found.only_entries, 1);
    cr_assert_eq(found.only_rows, 1);
    cr_assert_eq(found.different, 1);
    cr_assert_eq(found.letters, 1);
    cr_assert_eq(found.first.value, 1);
    audit_list_finish(&entries);
    audit_list_finish(&rows);
}

static struct order_record record(void)
{
    struct order_record made = {.version = 1,
                                .order_no = {1},
                                .quantity = 1,
                                .unit_price = 199900,
                                .currency = "CNY",
                                .won_at_ms = 1700000000000};

    cr_assert_eq(buyer_parse("b1", 2, &made.buyer), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &made.sku), ERR_OK);
    return made;
}

Test(audit_list, every_field_of_the_promise_changes_the_content)
{
    const struct order_record good = record();
    const uint64_t hash = audit_content(&good);
    struct order_record other = good;

    cr_assert_eq(audit_content(&other), hash);
    other.quantity = 2;
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    other.unit_price++;
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    other.won_at_ms++;
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    memcpy(other.currency, "USD", 4);
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    cr_assert_eq(buyer_parse("b2", 2, &other.buyer), ERR_OK);
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    cr_assert_eq(sku_parse("white", 5, &other.sku), ERR_OK);
    cr_assert_neq(audit_content(&other), hash);
    other = good;
    memset(other.key_hash.hex, 'a', KEY_HASH_SIZE);
    cr_assert_neq(audit_content(&other), hash);
}

Test(audit_list, row_and_entry_of_one_order_have_one_entry_hash)
{
    const struct order_record row = record();
    struct order_entry entry = {.sku = row.sku, .quantity = 1, .won_at_ms = row.won_at_ms};

    entry.key_hash = row.key_hash;
    const uint64_t hash = audit_entry(&row.buyer, &entry);
    entry.quantity = 2;
    cr_assert_neq(audit_entry(&row.buyer, &entry), hash);
}

Test(audit_list, grows_by_half_while_the_budget_lasts)
{
    size_t capacity = 0, budget = 1024 * 8 + 512 * 8 + 7;
    void *items = audit_grow(NULL, 8, &capacity, &budget);

    cr_assert(items && capacity == 1024 && budget == 512 * 8 + 7);
    items = audit_grow(items, 8, &capacity, &budget);
    cr_assert(items && capacity == 1536 && budget == 7);
    cr_assert_null(audit_grow(items, 8, &capacity, &budget));
    cr_assert(capacity == 1536 && budget == 7);
    items = audit_grow(items, 8, &capacity, NULL);
    cr_assert(items && capacity == 2304);
    free(items);
}
