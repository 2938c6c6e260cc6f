/* What became of each record of the notices' log. */
#include "settlement/audit_notices.h"

#include <criterion/criterion.h>

static struct audit_places places;
static struct audit_list records, unreadable, payments, dead;
static struct audit_notices_findings found;

static void add(struct audit_list *list, uint64_t event, uint64_t transaction, uint64_t offset)
{
    const struct audit_item item = {.order_no = {event},
                                    .content = event,
                                    .entry = transaction,
                                    .place = audit_place(2, offset)};

    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

/* Events 1 and 2, of transactions 11 and 12, at the places 0 and 1; MySQL has passed ten. */
static void begin(void)
{
    for (uint32_t i = 0; i < AUDIT_PARTITIONS_MAX; i++) {
        places.next[i] = 10;
    }
    add(&records, 1, 11, 0);
    add(&records, 2, 12, 1);
    add(&payments, 1, 11, 0);
    add(&payments, 2, 12, 1);
}

static void end(void)
{
    audit_list_finish(&records);
    audit_list_finish(&unreadable);
    audit_list_finish(&payments);
    audit_list_finish(&dead);
}

TestSuite(audit_notices, .init = begin, .fini = end);

static void judge(void)
{
    const struct audit_notices_input input = {&places, &records, &unreadable, &payments, &dead};

    audit_log_sort_places(&dead);
    audit_notices_judge(&input, &found);
}

Test(audit_notices, each_has_its_row)
{
    judge();
    cr_assert(found.applied == 2 && found.repeated + found.in_flight + found.skipped == 0);
    cr_assert(found.rows_alone + found.too_old + found.beyond == 0);
}

Test(audit_notices, the_same_event_or_transaction_again_is_a_repeat)
{
    add(&records, 1, 11, 3);
    add(&records, 9, 12, 4);
    judge();
    cr_assert(found.applied == 2 && found.repeated == 2 && found.skipped == 0);
}

Test(audit_notices, one_that_was_passed_without_a_trace)
{
    add(&records, 7, 0, 5);
    add(&records, 8, 18, 6);
    judge();
    cr_assert_eq(found.skipped, 2);
    cr_assert_eq(found.first_skipped.value, 7);
}

Test(audit_notices, one_behind_the_place_is_in_flight)
{
    add(&records, 7, 17, 10);
    add(&unreadable, 0, 0, 11);
    judge();
    cr_assert(found.in_flight == 2 && found.skipped == 0);
}

Test(audit_notices, dead_letters_are_told_as_open_or_dealt_with)
{
    add(&records, 7, 17, 5);
    add(&unreadable, 0, 0, 6);
    add(&unreadable, 0, 0, 7);
    add(&dead, AUDIT_DEAD_OPEN, 0, 5);
    add(&dead, AUDIT_DEAD_RESOLVED, 0, 6);
    judge();
    cr_assert(found.waiting == 1 && found.set_aside == 1 && found.skipped == 1);
}

Test(audit_notices, a_row_without_its_record)
{
    add(&payments, 5, 15, 5);
    add(&payments, 2, 12, 6);
    judge();
    cr_assert_eq(found.rows_alone, 2);
}

Test(audit_notices, rows_older_than_the_log_are_not_told)
{
    places.first[2] = 1;
    records.items[0] = records.items[1];
    records.count = 1;
    judge();
    cr_assert(found.too_old == 1 && found.rows_alone == 0);
}

Test(audit_notices, a_row_of_a_place_that_never_was_is_without_record)
{
    places.first[2] = UINT64_MAX; /* nothing is there */
    records.count = 0;
    add(&payments, 3, 13, 4000000000);
    judge();
    cr_assert(found.too_old == 2 && found.rows_alone == 1);
}

Test(audit_notices, a_place_that_was_put_back)
{
    places.next[2] = 1;
    judge();
    cr_assert_eq(found.beyond, 1);
    cr_assert_eq(found.first_beyond.value, 2);
}
