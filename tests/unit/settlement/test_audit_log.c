/* What became of each record, told by its place and by MySQL's. */
#include "settlement/audit_log.h"

#include <criterion/criterion.h>

static struct audit_places places;
static struct audit_list records, unreadable, rows, dead;
static struct audit_log_findings found;

static void add(struct audit_list *list, uint64_t order_no, uint64_t content, uint32_t partition,
                uint64_t offset)
{
    const struct audit_item item = {
        .order_no = {order_no}, .content = content, .place = audit_place(partition, offset)};

    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

/* Orders 1 and 2 at the places 0 and 1 of partition 3, a copy of 1 at place 5 of partition 0; MySQL
 * has passed ten records of each. */
static void begin(void)
{
    for (uint32_t i = 0; i < AUDIT_PARTITIONS_MAX; i++) {
        places.next[i] = 10;
        places.first[i] = 0;
    }
    add(&records, 1, 101, 3, 0);
    add(&records, 2, 102, 3, 1);
    add(&records, 1, 101, 0, 5);
    add(&rows, 1, 101, 3, 0);
    add(&rows, 2, 102, 3, 1);
}

static void end(void)
{
    audit_list_finish(&records);
    audit_list_finish(&unreadable);
    audit_list_finish(&rows);
    audit_list_finish(&dead);
}

TestSuite(audit_log, .init = begin, .fini = end);

static void judge(void)
{
    const struct audit_log_input input = {&places, &records, &unreadable, &rows, &dead};

    audit_list_sort(&records);
    audit_list_sort(&rows);
    audit_log_sort_places(&dead);
    audit_log_sort_places(&unreadable);
    audit_log_judge(&input, &found);
}

/* Everything that breaks a promise. */
static uint64_t faults(void)
{
    return found.skipped + found.different + found.clashes + found.rows_alone + found.misplaced
           + found.beyond + found.too_old;
}

Test(audit_log, rows_and_copies)
{
    judge();
    cr_assert(faults() == 0 && found.applied == 2 && found.duplicates == 1);
    cr_assert(found.in_flight == 0 && found.set_aside + found.waiting == 0);
}

Test(audit_log, nothing_at_all)
{
    records.count = rows.count = 0;
    judge();
    cr_assert(faults() == 0 && found.applied == 0);
}

Test(audit_log, behind_mysqls_place_a_record_is_on_its_way)
{
    add(&records, 3, 103, 3, 10);
    add(&unreadable, 0, 0, 2, 11);
    judge();
    cr_assert(faults() == 0 && found.in_flight == 2);
}

Test(audit_log, before_it_a_record_without_row_was_skipped)
{
    add(&records, 3, 103, 3, 9);
    judge();
    cr_assert(faults() == 1 && found.skipped == 1 && found.first_skipped.value == 3);
}

Test(audit_log, an_unreadable_record_is_a_dead_letter_or_was_skipped)
{
    add(&unreadable, 0, 0, 2, 4);
    judge();
    cr_assert(faults() == 1 && found.skipped == 1);
    add(&dead, 0, 1, 2, 4);
    judge();
    cr_assert(faults() == 0 && found.waiting == 1);
}

Test(audit_log, a_dead_letter_is_open_or_dealt_with)
{
    add(&records, 3, 103, 3, 9);
    add(&dead, 3, 1, 3, 9);
    judge();
    cr_assert(faults() == 0 && found.waiting == 1 && found.set_aside == 0);
    dead.items[0].content = 2;
    judge();
    cr_assert(faults() == 0 && found.waiting == 0 && found.set_aside == 1);
}

Test(audit_log, a_dead_letter_at_another_place_explains_nothing)
{
    add(&records, 3, 103, 3, 9);
    add(&dead, 3, 1, 2, 9);
    judge();
    cr_assert(faults() == 1 && found.skipped == 1);
}

Test(audit_log, a_row_that_says_something_else)
{
    rows.items[1].content++;
    judge();
    cr_assert(faults() == 1 && found.different == 1 && found.first_different.value == 2);
}

Test(audit_log, two_contents_of_one_number_clash_until_an_operator_has_dealt_with_one)
{
    add(&records, 2, 999, 3, 8);
    add(&dead, 2, 1, 3, 8);
    judge();
    cr_assert(faults() == 1 && found.clashes == 1 && found.first_clash.value == 2);
    dead.items[0].content = 2;
    judge();
    cr_assert(faults() == 0 && found.set_aside == 1);
}

Test(audit_log, a_row_without_record_or_with_a_place_that_holds_another)
{
    add(&rows, 4, 104, 3, 7);
    judge();
    cr_assert(faults() == 1 && found.rows_alone == 1 && found.first_alone.value == 4);
    rows.count--;
    rows.items[0].place = audit_place(3, 6);
    judge();
    cr_assert(faults() == 1 && found.misplaced == 1 && found.first_alone.value == 1);
}

Test(audit_log, a_row_older_than_the_log_cannot_be_told)
{
    places.first[3] = 1;
    records.items[0].place = audit_place(0, 6);
    judge();
    cr_assert(faults() == 1 && found.too_old == 1);
}

Test(audit_log, a_row_behind_mysqls_place_means_that_it_was_put_back)
{
    places.next[3] = 1;
    judge();
    cr_assert(faults() == 1 && found.beyond == 1 && found.first_beyond.value == 2);
    cr_assert_eq(found.in_flight, 1, "its record will come again");
}

/* A log that was made anew holds other records there, or none. */
Test(audit_log, a_row_behind_mysqls_place_without_its_record_proves_nothing_of_the_place)
{
    add(&rows, 3, 103, 3, 11);
    judge();
    cr_assert(faults() == 1 && found.rows_alone == 1 && found.beyond == 0);
    rows.count--;
    rows.items[1].place = audit_place(3, 11);
    judge();
    cr_assert(faults() == 1 && found.misplaced == 1 && found.beyond == 0);
}
