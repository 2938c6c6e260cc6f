/* Each promise alone is broken by one figure; a sale in motion is not judged. */
#include <criterion/criterion.h>
#include <string.h>

#include "settlement/audit_data.h"
#include "unit/settlement/audit_sale.h"

TestSuite(audit_checks, .init = audit_sale_begin, .fini = audit_sale_end);

Test(audit_checks, a_sale_at_rest_holds)
{
    audit_sale_judge();
    cr_assert(audit_sale_report.violations == 0 && audit_sale_report.untold == 0);
    cr_assert_eq(audit_sale_report.check_count, 22);
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        cr_assert_eq(audit_sale_report.checks[i].result, AUDIT_HOLDS, "%s: %s",
                     audit_sale_report.checks[i].id, audit_sale_report.checks[i].found);
    }
}

/* --- units */

Test(audit_checks, more_sold_than_total_is_seen_even_in_motion)
{
    audit_sale_report.at_rest = false;
    audit_sale.row.sold[1] = AUDIT_SALE_TOTAL + 1;
    audit_sale_judge();
    cr_assert_eq(audit_sale_result("I1"), AUDIT_VIOLATED, "though the other sku has units left");
}

Test(audit_checks, sold_that_no_row_explains)
{
    audit_sale.row.sold[0] = audit_sale.row_after.sold[0] = 1;
    audit_sale.skus[0].supplied = AUDIT_SALE_TOTAL;
    audit_sale.skus[0].counted = 1;
    audit_sale_violates("I1");
    cr_assert_not_null(strstr(audit_sale_found("I1"), "wrong: a"));
}

Test(audit_checks, a_unit_that_is_nowhere)
{
    audit_sale.skus[0].left--;
    audit_sale_violates("I2 I3");
}

/* Redis adds no units to an ended sale: those of its ledger may be missing there, and no other. */
Test(audit_checks, units_that_came_after_the_end_are_offered_no_more)
{
    audit_sale.skus[0].left--;
    audit_sale.skus[0].since_load = 1;
    audit_sale_violates("I2 I3");
    audit_sale.after.meta.head.state = SALE_STATE_ENDED;
    audit_sale_violates("");
    cr_assert_str_eq(audit_sale_found("I3"),
                     "left 16 + held 1 + live 2 of 20; 1 came after the end");
    cr_assert_not_null(strstr(audit_sale_found("I2"), "; 1 came after the end"));
    audit_sale.skus[0].left--;
    audit_sale_violates("I2 I3");
    audit_sale.skus[0].left += 3;
    audit_sale_violates("I1 I2 I3");
    audit_sale.skus[0].left--;
    audit_sale_violates("");
    cr_assert_null(strstr(audit_sale_found("I3"), "after the end"));
}

Test(audit_checks, two_skus_do_not_make_up_for_each_other)
{
    audit_sale.skus[0].left--;
    audit_sale.skus[1].left++;
    audit_sale_violates("I1 I2 I3");
}

Test(audit_checks, a_unit_too_many_is_seen_even_in_motion)
{
    audit_sale.skus[0].left++;
    audit_sale_violates("I1 I2 I3");
    audit_sale_report.at_rest = false;
    audit_sale_violates("I1");
    cr_assert_not_null(strstr(audit_sale_found("I1"), "wrong: a"));
}

Test(audit_checks, units_that_come_back_meanwhile_are_no_units_too_many)
{
    audit_sale_report.at_rest = false;
    audit_sale.skus[0].left++;
    audit_sale.mark_after = audit_sale.ledger_mark + 1; /* a ledger row came in between */
    audit_sale_violates("");
    audit_sale.mark_after = audit_sale.ledger_mark;
    audit_sale.row_after.sold[0] = 1; /* the lower reading counts */
    audit_sale_violates("");
}

Test(audit_checks, a_change_without_a_ledger_row)
{
    audit_sale.skus[0].supplied--;
    audit_sale_violates("I21");
    audit_sale.skus[0].supplied++;
    audit_sale.skus[0].returned++;
    audit_sale_violates("I21");
    audit_sale.skus[0].returned--;
    audit_sale.skus[0].supplied++;
    audit_sale.skus[0].counted++; /* makes up for it, but total is another */
    audit_sale_violates("I21");
}

Test(audit_checks, a_ledger_row_that_was_applied_and_is_gone)
{
    audit_sale.applied_gone = 1;
    audit_sale_violates("I21");
}

/* --- orders */

Test(audit_checks, an_order_that_redis_forgot_is_seen_even_in_motion)
{
    audit_sale.entries.count = 1;
    audit_sale_violates("I2");
    cr_assert_not_null(strstr(audit_sale_found("I2"), "first: "));
    audit_sale_report.at_rest = false;
    audit_sale_violates("I2");
}

Test(audit_checks, an_order_that_only_redis_knows_may_be_on_its_way)
{
    audit_sale_add(&audit_sale.entries, 3, 103, 'N');
    audit_sale_violates("I2");
    audit_sale_report.at_rest = false;
    audit_sale_violates("");
    audit_sale_not_told("I2", "in flight");
}

Test(audit_checks, a_record_of_this_sale_in_flight_is_not_rest)
{
    audit_sale_add(&audit_sale.records, 5, 105, 0);
    audit_sale_judge();
    cr_assert(audit_sale_report.violations == 0 && !audit_sale_report.at_rest);
    audit_sale_not_told("I2", "in flight are 1 records of this sale");
    audit_sale_not_told("I3", "in flight");
    audit_sale_not_told("I23", "in flight");
}

Test(audit_checks, an_order_in_another_state)
{
    audit_sale.entries.items[1].letter = 'P';
    audit_sale_violates("I2");
    cr_assert_not_null(strstr(audit_sale_found("I2"), "1 in another state"));
}

Test(audit_checks, an_order_of_another_buyer)
{
    audit_sale.entries.items[0].entry++;
    audit_sale_violates("I2");
}

Test(audit_checks, units_of_a_refund_that_keeps_them_stay_in_sold)
{
    audit_sale.skus[0].live = 1;
    audit_sale.skus[0].in_use = 1;
    audit_sale_violates("I1 I2 I3");
    audit_sale.skus[0].kept = 1;
    audit_sale_violates("");
}

/* --- the notices' log */

static void add_notice(struct audit_list *list, uint64_t event, uint64_t offset)
{
    const struct audit_item item = {.order_no = {event}, .content = event, .place = offset};

    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

Test(audit_checks, a_notice_without_trace_and_a_payment_without_record)
{
    audit_sale.notice_places.next[0] = 9;
    add_notice(&audit_sale.notices, 1, 0);
    audit_sale_violates("I14");
    audit_sale.notices.count = 0;
    add_notice(&audit_sale.payments, 1, 0);
    audit_sale_violates("I14");
    add_notice(&audit_sale.notices, 1, 0);
    audit_sale_violates("");
    add_notice(&audit_sale.notices, 1, 0); /* a judge uses them up */
    audit_sale.notice_places.next[0] = 0;  /* put back before it */
    audit_sale_violates("I13");
    cr_assert(audit_sale_report.checks[0].is_hard);
    add_notice(&audit_sale.notices, 1, 0);
    audit_sale.notice_places.next[0] = 9;
    audit_sale.after.notices_beyond = 1;
    audit_sale_violates("I13");
    audit_list_finish(&audit_sale.notices);
    audit_list_finish(&audit_sale.payments);
}

Test(audit_checks, a_payment_older_than_the_log_is_not_told_and_says_so)
{
    audit_sale.notice_places.next[0] = 9;
    audit_sale.notice_places.first[0] = 2;
    add_notice(&audit_sale.payments, 1, 1);
    audit_sale_judge();
    cr_assert(audit_sale_report.violations == 0 && audit_sale_report.untold == 1);
    audit_sale_not_told("I14", " 1 older than the log");
    audit_list_finish(&audit_sale.payments);
}

/* --- the log */

Test(audit_checks, a_record_that_was_passed_without_its_row)
{
    audit_sale_add(&audit_sale.records, 3, 103, 0);
    audit_sale_violates("I5 I14");
    audit_sale_report.at_rest = false;
    audit_sale_violates("I5 I14");
}

Test(audit_checks, a_quarantined_row_is_pending_in_redis)
{
    audit_sale.rows.items[1].letter = 'Q';
    audit_judge(&audit_sale);
    cr_assert_eq(audit_sale_report.violations, 0);
}

Test(audit_checks, a_quarantined_row_is_not_closed_in_redis)
{
    audit_sale.rows.items[1].letter = 'Q';
    audit_sale.entries.items[1].letter = 'C';
    audit_sale_violates("I2");
}

Test(audit_checks, a_record_that_waits_in_dead_letters_has_no_row_yet)
{
    audit_sale_add(&audit_sale.records, 3, 103, 0);
    audit_sale_add(&audit_sale.dead, 3, 1, 0);
    audit_sale.dead_of_sale = 1;
    audit_sale_violates("I14");
    audit_list_finish(&audit_sale.dead);
}

Test(audit_checks, a_row_that_says_something_else_than_its_record)
{
    audit_sale.records.items[0].content++;
    audit_sale_violates("I5");
}

Test(audit_checks, a_row_that_nobody_won)
{
    audit_sale.records.count = 1;
    audit_sale_violates("I6");
}

Test(audit_checks, a_row_older_than_the_log_is_not_told)
{
    audit_sale.places.first[0] = 2;
    audit_sale_judge();
    cr_assert(audit_sale_report.violations == 0 && audit_sale_report.untold == 2);
    audit_sale_not_told("I6", "2 older than the log");
    audit_sale_not_told("I14", "");
}

Test(audit_checks, one_number_for_two_orders)
{
    audit_sale.rows.items[1].content = 101;
    audit_sale.rows.items[1].order_no = audit_sale.rows.items[0].order_no;
    audit_sale.rows.count = 1;
    audit_sale.entries.count = 1;
    audit_sale.records.items[1].order_no = audit_sale.rows.items[0].order_no;
    audit_sale_add(&audit_sale.dead, 2, 1, 0);
    audit_sale_violates("I7");
    audit_list_finish(&audit_sale.dead);
}

static bool is_any_hard_broken(void)
{
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        if (audit_sale_report.checks[i].is_hard
            && audit_sale_report.checks[i].result == AUDIT_VIOLATED) {
            return true;
        }
    }
    return false;
}

Test(audit_checks, a_place_behind_the_logs_end_or_before_its_rows_or_of_nobody)
{
    audit_sale.after.beyond = 1;
    audit_sale_violates("I13");
    cr_assert_not(is_any_hard_broken(), "settling stops there by itself");
    audit_sale.after.beyond = 0;
    audit_sale.places.owner_epoch[0] = 0;
    audit_sale_violates("I13");
    cr_assert_not(is_any_hard_broken());
    audit_sale.places.owner_epoch[0] = 1;
    audit_sale.places.next[0] = 1;
    audit_sale_violates("I13");
    cr_assert(is_any_hard_broken(), "a record would be applied again");
}

Test(audit_checks, a_dead_letter_of_no_known_sale)
{
    audit_sale.dead_of_none = 1;
    audit_sale_violates("I14");
}

/* --- history */

Test(audit_checks, a_history_that_sells_though_mysql_does_not_name_it)
{
    audit_sale.after.meta.head.epoch = audit_sale.before.meta.head.epoch = 2;
    audit_sale_violates("I15");
    audit_sale.after.meta.head.epoch = audit_sale.before.meta.head.epoch = 3;
    audit_sale.epoch_max = 4;
    audit_sale_violates("I15");
}

Test(audit_checks, where_the_fence_does_not_fit_nothing_is_sold_and_redis_is_not_judged)
{
    audit_sale.skus[0].left = 99;
    audit_sale.entries.count = 0;
    for (int i = 0; i < 4; i++) {
        audit_sale.after.meta.fence_fits = i != 0;
        audit_sale.after.has_meta = i != 1;
        audit_sale.after.meta.head.state = i == 2 ? SALE_STATE_LOADING : SALE_STATE_OPEN;
        audit_sale.row_after.definition.epoch = i == 3 ? 4 : 3;
        audit_sale_violates("");
        audit_sale_not_told("I2", "a load is due");
        audit_sale_not_told("I3", "a load is due");
        audit_sale_not_told("I15", "a load is due");
    }
}

Test(audit_checks, a_sale_that_was_never_loaded_holds)
{
    audit_sale.row.definition.epoch = audit_sale.row_after.definition.epoch = 0;
    memset(&audit_sale.skus, 0, sizeof audit_sale.skus);
    audit_sale.skus[0].supplied = audit_sale.skus[1].supplied = AUDIT_SALE_TOTAL;
    audit_sale.row.sold[0] = audit_sale.row_after.sold[0] = 0;
    audit_sale.rows.count = audit_sale.records.count = audit_sale.entries.count = 0;
    audit_sale.before.has_meta = audit_sale.after.has_meta = false;
    audit_sale_judge();
    cr_assert(audit_sale_report.violations == 0 && audit_sale_report.untold == 0);
}

Test(audit_checks, hard_promises_are_marked)
{
    audit_sale_judge();
    for (uint32_t i = 0; i < audit_sale_report.check_count; i++) {
        const char *id = audit_sale_report.checks[i].id;
        const bool is_hard = strstr("I1 I4 I7 I10 I11 I12 I13 I15 ", id) && strcmp(id, "I2") != 0
                             && !strstr(audit_sale_report.checks[i].name, "within the log");
        cr_assert_eq(audit_sale_report.checks[i].is_hard, is_hard, "%s", id);
    }
}
