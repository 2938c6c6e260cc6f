/* Each promise alone is broken by one figure; a sale in motion is not judged. */
#include <criterion/criterion.h>
#include <string.h>

#include "settlement/audit_data.h"

enum { TOTAL = 10 };

static struct audit audit;
static struct audit_report report;

static void add(struct audit_list *list, uint64_t order_no, uint64_t hash, char letter)
{
    const struct audit_item item = {
        .order_no = {order_no}, .content = hash, .entry = hash, .letter = letter};

    cr_assert_eq(audit_list_add(list, &item), ERR_OK);
}

/* A sale of 10 units at rest: orders 1 and 2, one unit each. */
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
    audit.skus[0] =
        (struct sku_figures){.live = 2, .counted = 2, .ledger = TOTAL, .left = 7, .held = 1};
    audit.skus[1] = (struct sku_figures){.ledger = TOTAL, .left = TOTAL};
    audit.motion.has_meta = true;
    audit.motion.meta.fence_fits = true;
    audit.motion.meta.head.epoch = 3;
    for (uint64_t n = 1; n <= 2; n++) {
        add(&audit.rows, n, 100 + n, 'N');
        add(&audit.told_rows, n, 100 + n, 'N');
        add(&audit.records, n, 100 + n, 0);
        add(&audit.entries, n, 100 + n, 'N');
    }
}

static void end(void)
{
    audit_list_finish(&audit.rows);
    audit_list_finish(&audit.told_rows);
    audit_list_finish(&audit.records);
    audit_list_finish(&audit.entries);
}

TestSuite(audit_checks, .init = begin, .fini = end);

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

/* This one, and no other. */
static void violates(const char *id)
{
    audit_judge(&audit);
    cr_assert_eq(result_of(id), AUDIT_VIOLATED, "%s", id);
    cr_assert_eq(report.violations, 1, "%u", report.violations);
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

Test(audit_checks, more_sold_than_total_is_seen_even_in_motion)
{
    report.at_rest = false;
    audit.row.sold[1] = TOTAL + 1;
    audit_judge(&audit);
    cr_assert_eq(result_of("I1"), AUDIT_VIOLATED, "though the other sku has units left");
}

Test(audit_checks, sold_that_no_row_explains)
{
    audit.row.sold[0] = 3;
    audit.skus[0].ledger = TOTAL - 1;
    violates("I1");
    cr_assert_not_null(strstr(found("I1"), "wrong: a"));
}

Test(audit_checks, a_unit_that_is_nowhere)
{
    audit.skus[0].left--;
    violates("I3");
}

Test(audit_checks, two_skus_do_not_make_up_for_each_other)
{
    audit.skus[0].left--;
    audit.skus[1].left++;
    violates("I3");
}

Test(audit_checks, an_order_that_redis_forgot)
{
    audit.entries.count = 1;
    violates("I2");
    cr_assert_not_null(strstr(found("I2"), "first: 2"));
}

Test(audit_checks, an_order_that_only_redis_knows)
{
    add(&audit.entries, 3, 103, 'N');
    violates("I2");
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

Test(audit_checks, a_buyer_over_the_limit_or_a_slot_out_of_range)
{
    audit.findings.buyers_over_limit = 1;
    violates("I4");
    memset(&report, 0, sizeof report);
    report.at_rest = true;
    audit.findings.buyers_over_limit = 0;
    audit.findings.slots_out_of_range = 1;
    violates("I4");
    memset(&report, 0, sizeof report);
    report.at_rest = true;
    audit.findings.slots_out_of_range = 0;
    audit.findings.live_without_slot = 1;
    violates("I4");
}

Test(audit_checks, a_record_without_its_row)
{
    add(&audit.records, 3, 103, 0);
    violates("I5");
}

Test(audit_checks, a_quarantined_row_is_pending_in_redis)
{
    audit.told_rows.items[1].letter = 'Q';
    audit_judge(&audit);
    cr_assert_eq(report.violations, 0);
}

Test(audit_checks, a_quarantined_row_is_not_closed_in_redis)
{
    audit.told_rows.items[1].letter = 'Q';
    audit.entries.items[1].letter = 'C';
    violates("I2");
}

Test(audit_checks, a_record_that_waits_in_dead_letters_has_no_row_yet)
{
    add(&audit.records, 3, 103, 0);
    audit.dead_of_sale = 1;
    violates("I14");
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

Test(audit_checks, one_number_for_two_orders)
{
    audit.records.clashes = 1;
    violates("I7");
}

Test(audit_checks, one_key_for_two_orders)
{
    audit.findings.repeated_keys = 1;
    violates("I8");
}

Test(audit_checks, a_place_behind_the_logs_end)
{
    audit.motion.beyond = 1;
    violates("I13");
}

Test(audit_checks, a_dead_letter_of_no_known_sale)
{
    audit.dead_of_none = 1;
    violates("I14");
}

Test(audit_checks, a_history_that_mysql_does_not_name)
{
    audit.motion.meta.head.epoch = 2;
    violates("I15");
    memset(&report, 0, sizeof report);
    report.at_rest = true;
    audit.motion.meta.head.epoch = 3;
    audit.motion.meta.fence_fits = false;
    violates("I15");
    memset(&report, 0, sizeof report);
    report.at_rest = true;
    audit.motion.has_meta = false;
    violates("I15");
}

Test(audit_checks, a_change_without_a_ledger_row)
{
    audit.skus[0].ledger--;
    violates("I21");
}

Test(audit_checks, a_sale_in_motion_is_not_judged)
{
    report.at_rest = false;
    audit.row.sold[0] = 3;
    audit.skus[0].left = 0;
    audit.entries.count = 0;
    audit.records.count = 0;
    add(&audit.records, 9, 9, 0);
    audit_judge(&audit);
    cr_assert_eq(report.violations, 0);
    static const char *const ids[] = {"I1", "I2", "I3", "I5", "I6", "I21", "I23"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        cr_assert_eq(result_of(ids[i]), AUDIT_NOT_AT_REST, "%s", ids[i]);
    }
}

Test(audit_checks, a_sale_at_rest_holds)
{
    audit_judge(&audit);
    cr_assert_eq(report.violations, 0);
    cr_assert_eq(report.check_count, 13);
    for (uint32_t i = 0; i < report.check_count; i++) {
        cr_assert_eq(report.checks[i].result, AUDIT_HOLDS, "%s: %s", report.checks[i].id,
                     report.checks[i].found);
    }
}

Test(audit_checks, a_sale_that_was_never_loaded_needs_no_history)
{
    audit.row.definition.epoch = 0;
    audit.motion.has_meta = false;
    audit_judge(&audit);
    cr_assert_eq(result_of("I15"), AUDIT_HOLDS);
}
