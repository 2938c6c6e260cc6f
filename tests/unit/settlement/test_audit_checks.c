/* Each promise alone is broken by one figure; a sale in motion is not judged. */
#include <criterion/criterion.h>
#include <string.h>

#include "settlement/audit_data.h"

enum { TOTAL = 10 };

static struct audit audit;
static struct audit_report report;

static void add(struct audit_list *list, uint64_t seq, uint64_t hash, char letter)
{
    struct audit_item item = {
        .content = hash, .entry = hash, .letter = letter, .place = audit_place(0, seq - 1)};

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, (uint32_t)seq, &item.order_no), ERR_OK);
    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

static void look(struct motion *motion)
{
    motion->has_meta = true;
    motion->meta.fence_fits = true;
    motion->meta.head.epoch = 3;
    motion->meta.head.state = SALE_STATE_OPEN;
}

/* A sale of 10 units at rest: orders 1 and 2, one unit each; MySQL has passed four records. */
static void begin(void)
{
    struct sale_definition *definition = &audit.row.definition;

    audit.report = &report;
    report.at_rest = true;
    definition->epoch = 3;
    definition->limit = 1;
    definition->sku_count = 2;
    definition->skus[0].total = TOTAL;
    definition->skus[1].total = TOTAL;
    cr_assert_eq(sku_parse("a", 1, &definition->skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("b", 1, &definition->skus[1].sku), ERR_OK);
    audit.row.sold[0] = 2;
    audit.row_after = audit.row;
    audit.skus[0] = (struct sku_figures){
        .live = 2, .counted = 2, .supplied = TOTAL, .left = 7, .held = 1, .in_use = 2};
    audit.skus[1] = (struct sku_figures){.supplied = TOTAL, .left = TOTAL};
    audit.places.next[0] = 4;
    audit.places.owner_epoch[0] = 1;
    look(&audit.before);
    look(&audit.after);
    for (uint64_t n = 1; n <= 2; n++) {
        add(&audit.rows, n, 100 + n, 'N');
        add(&audit.records, n, 100 + n, 0);
        add(&audit.entries, n, 100 + n, 'N');
    }
}

static void end(void)
{
    audit_list_finish(&audit.rows);
    audit_list_finish(&audit.records);
    audit_list_finish(&audit.entries);
}

TestSuite(audit_checks, .init = begin, .fini = end);

/* Judged anew. */
static void judge(void)
{
    const bool at_rest = report.at_rest;

    memset(&report, 0, sizeof report);
    report.at_rest = at_rest;
    audit_judge(&audit);
}

static enum audit_result result_of(const char *id)
{
    for (uint32_t i = 0; i < report.check_count; i++) {
        if (strcmp(report.checks[i].id, id) == 0) {
            return report.checks[i].result;
        }
    }
    cr_assert_fail("no check %s", id);
    return AUDIT_HOLDS;
}

/* These, and no other. */
static void violates(const char *ids)
{
    char found[128] = "";

    judge();
    for (uint32_t i = 0; i < report.check_count; i++) {
        if (report.checks[i].result == AUDIT_VIOLATED) {
            strcat(strcat(found, *found ? " " : ""), report.checks[i].id);
        }
    }
    cr_assert_str_eq(found, ids);
}

static void not_told(const char *id, const char *why)
{
    for (uint32_t i = 0; i < report.check_count; i++) {
        if (strcmp(report.checks[i].id, id) == 0) {
            cr_assert_eq(report.checks[i].result, AUDIT_NOT_TOLD, "%s", id);
            cr_assert_not_null(strstr(report.checks[i].found, why), "%s", report.checks[i].found);
        }
    }
}

static const char *found(const char *id)
{
    for (uint32_t i = 0; i < report.check_count; i++) {
        if (strcmp(report.checks[i].id, id) == 0) {
            return report.checks[i].found;
        }
    }
    return "";
}

Test(audit_checks, a_sale_at_rest_holds)
{
    judge();
    cr_assert(report.violations == 0 && report.untold == 0);
    cr_assert_eq(report.check_count, 16);
    for (uint32_t i = 0; i < report.check_count; i++) {
        cr_assert_eq(report.checks[i].result, AUDIT_HOLDS, "%s: %s", report.checks[i].id,
                     report.checks[i].found);
    }
}

/* --- units */

Test(audit_checks, more_sold_than_total_is_seen_even_in_motion)
{
    report.at_rest = false;
    audit.row.sold[1] = TOTAL + 1;
    judge();
    cr_assert_eq(result_of("I1"), AUDIT_VIOLATED, "though the other sku has units left");
}

Test(audit_checks, sold_that_no_row_explains)
{
    audit.row.sold[0] = audit.row_after.sold[0] = 1;
    audit.skus[0].supplied = TOTAL;
    audit.skus[0].counted = 1;
    violates("I1");
    cr_assert_not_null(strstr(found("I1"), "wrong: a"));
}

Test(audit_checks, a_unit_that_is_nowhere)
{
    audit.skus[0].left--;
    violates("I2 I3");
}

/* Redis adds no units to an ended sale: those of its ledger may be missing there, and no other. */
Test(audit_checks, units_that_came_after_the_end_are_offered_no_more)
{
    audit.skus[0].left--;
    audit.skus[0].since_load = 1;
    violates("I2 I3");
    audit.after.meta.head.state = SALE_STATE_ENDED;
    violates("");
    cr_assert_str_eq(found("I3"), "left 16 + held 1 + live 2 of 20; 1 came after the end");
    cr_assert_not_null(strstr(found("I2"), "; 1 came after the end"));
    audit.skus[0].left--;
    violates("I2 I3");
    audit.skus[0].left += 3;
    violates("I1 I2 I3");
    audit.skus[0].left--;
    violates("");
    cr_assert_null(strstr(found("I3"), "after the end"));
}

Test(audit_checks, two_skus_do_not_make_up_for_each_other)
{
    audit.skus[0].left--;
    audit.skus[1].left++;
    violates("I1 I2 I3");
}

Test(audit_checks, a_unit_too_many_is_seen_even_in_motion)
{
    audit.skus[0].left++;
    violates("I1 I2 I3");
    report.at_rest = false;
    violates("I1");
    cr_assert_not_null(strstr(found("I1"), "wrong: a"));
}

Test(audit_checks, units_that_come_back_meanwhile_are_no_units_too_many)
{
    report.at_rest = false;
    audit.skus[0].left++;
    audit.mark_after = audit.ledger_mark + 1; /* a ledger row came in between */
    violates("");
    audit.mark_after = audit.ledger_mark;
    audit.row_after.sold[0] = 1; /* the lower reading counts */
    violates("");
}

Test(audit_checks, a_change_without_a_ledger_row)
{
    audit.skus[0].supplied--;
    violates("I21");
    audit.skus[0].supplied++;
    audit.skus[0].returned++;
    violates("I21");
    audit.skus[0].returned--;
    audit.skus[0].supplied++;
    audit.skus[0].counted++; /* makes up for it, but total is another */
    violates("I21");
}

Test(audit_checks, a_ledger_row_that_was_applied_and_is_gone)
{
    audit.applied_gone = 1;
    violates("I21");
}

/* --- orders */

Test(audit_checks, an_order_that_redis_forgot_is_seen_even_in_motion)
{
    audit.entries.count = 1;
    violates("I2");
    cr_assert_not_null(strstr(found("I2"), "first: "));
    report.at_rest = false;
    violates("I2");
}

Test(audit_checks, an_order_that_only_redis_knows_may_be_on_its_way)
{
    add(&audit.entries, 3, 103, 'N');
    violates("I2");
    report.at_rest = false;
    violates("");
    not_told("I2", "in flight");
}

Test(audit_checks, a_record_of_this_sale_in_flight_is_not_rest)
{
    add(&audit.records, 5, 105, 0);
    judge();
    cr_assert(report.violations == 0 && !report.at_rest);
    not_told("I2", "in flight are 1 records of this sale");
    not_told("I3", "in flight");
    not_told("I23", "in flight");
}

Test(audit_checks, an_order_in_another_state)
{
    audit.entries.items[1].letter = 'P';
    violates("I2");
    cr_assert_not_null(strstr(found("I2"), "1 in another state"));
}

Test(audit_checks, an_order_of_another_buyer)
{
    audit.entries.items[0].entry++;
    violates("I2");
}

Test(audit_checks, what_mysql_finds_in_itself)
{
    const struct {
        const char *id;
        uint64_t *figure;
    } rows[] = {
        {"I4", &audit.findings.buyers_over_limit}, {"I4", &audit.findings.slots_out_of_range},
        {"I4", &audit.findings.live_without_slot}, {"I8", &audit.findings.repeated_keys},
        {"I10", &audit.findings.returns_wrong},    {"I10", &audit.findings.returned_twice},
        {"I10", &audit.findings.never_returned},   {"I12", &audit.findings.payments_wrong},
        {"I12", &audit.findings.paid_wrong},       {"I15", &audit.findings.epochs_differ},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].figure = 1;
        violates(rows[i].id);
        report.at_rest = false;
        violates(rows[i].id);
        report.at_rest = true;
        *rows[i].figure = 0;
    }
}

/* --- the log */

Test(audit_checks, a_record_that_was_passed_without_its_row)
{
    add(&audit.records, 3, 103, 0);
    violates("I5 I14");
    report.at_rest = false;
    violates("I5 I14");
}

Test(audit_checks, a_quarantined_row_is_pending_in_redis)
{
    audit.rows.items[1].letter = 'Q';
    audit_judge(&audit);
    cr_assert_eq(report.violations, 0);
}

Test(audit_checks, a_quarantined_row_is_not_closed_in_redis)
{
    audit.rows.items[1].letter = 'Q';
    audit.entries.items[1].letter = 'C';
    violates("I2");
}

Test(audit_checks, a_record_that_waits_in_dead_letters_has_no_row_yet)
{
    add(&audit.records, 3, 103, 0);
    add(&audit.dead, 3, 1, 0);
    audit.dead_of_sale = 1;
    violates("I14");
    audit_list_finish(&audit.dead);
}

Test(audit_checks, a_row_that_says_something_else_than_its_record)
{
    audit.records.items[0].content++;
    violates("I5");
}

Test(audit_checks, a_row_that_nobody_won)
{
    audit.records.count = 1;
    violates("I6");
}

Test(audit_checks, a_row_older_than_the_log_is_not_told)
{
    audit.places.first[0] = 2;
    judge();
    cr_assert(report.violations == 0 && report.untold == 2);
    not_told("I6", "2 older than the log");
    not_told("I14", "");
}

Test(audit_checks, one_number_for_two_orders)
{
    audit.rows.items[1].content = 101;
    audit.rows.items[1].order_no = audit.rows.items[0].order_no;
    audit.rows.count = 1;
    audit.entries.count = 1;
    audit.records.items[1].order_no = audit.rows.items[0].order_no;
    add(&audit.dead, 2, 1, 0);
    violates("I7");
    audit_list_finish(&audit.dead);
}

static bool is_any_hard_broken(void)
{
    for (uint32_t i = 0; i < report.check_count; i++) {
        if (report.checks[i].is_hard && report.checks[i].result == AUDIT_VIOLATED) {
            return true;
        }
    }
    return false;
}

Test(audit_checks, a_place_behind_the_logs_end_or_before_its_rows_or_of_nobody)
{
    audit.after.beyond = 1;
    violates("I13");
    cr_assert_not(is_any_hard_broken(), "settling stops there by itself");
    audit.after.beyond = 0;
    audit.places.owner_epoch[0] = 0;
    violates("I13");
    cr_assert_not(is_any_hard_broken());
    audit.places.owner_epoch[0] = 1;
    audit.places.next[0] = 1;
    violates("I13");
    cr_assert(is_any_hard_broken(), "a record would be applied again");
}

Test(audit_checks, a_dead_letter_of_no_known_sale)
{
    audit.dead_of_none = 1;
    violates("I14");
}

/* --- history */

Test(audit_checks, a_history_that_sells_though_mysql_does_not_name_it)
{
    audit.after.meta.head.epoch = audit.before.meta.head.epoch = 2;
    violates("I15");
    audit.after.meta.head.epoch = audit.before.meta.head.epoch = 3;
    audit.epoch_max = 4;
    violates("I15");
}

Test(audit_checks, where_the_fence_does_not_fit_nothing_is_sold_and_redis_is_not_judged)
{
    audit.skus[0].left = 99;
    audit.entries.count = 0;
    for (int i = 0; i < 4; i++) {
        audit.after.meta.fence_fits = i != 0;
        audit.after.has_meta = i != 1;
        audit.after.meta.head.state = i == 2 ? SALE_STATE_LOADING : SALE_STATE_OPEN;
        audit.row_after.definition.epoch = i == 3 ? 4 : 3;
        violates("");
        not_told("I2", "a load is due");
        not_told("I3", "a load is due");
        not_told("I15", "a load is due");
    }
}

Test(audit_checks, a_sale_that_was_never_loaded_holds)
{
    audit.row.definition.epoch = audit.row_after.definition.epoch = 0;
    memset(&audit.skus, 0, sizeof audit.skus);
    audit.skus[0].supplied = audit.skus[1].supplied = TOTAL;
    audit.row.sold[0] = audit.row_after.sold[0] = 0;
    audit.rows.count = audit.records.count = audit.entries.count = 0;
    audit.before.has_meta = audit.after.has_meta = false;
    judge();
    cr_assert(report.violations == 0 && report.untold == 0);
}

Test(audit_checks, hard_promises_are_marked)
{
    judge();
    for (uint32_t i = 0; i < report.check_count; i++) {
        const char *id = report.checks[i].id;
        const bool is_hard = strstr("I1 I4 I7 I10 I12 I13 I15 ", id) && strcmp(id, "I2") != 0
                             && !strstr(report.checks[i].name, "within the log");
        cr_assert_eq(report.checks[i].is_hard, is_hard, "%s", id);
    }
}
