/* Each promise about single orders broken by one figure. */
#include <criterion/criterion.h>

#include "settlement/audit_check.h"
#include "unit/settlement/audit_sale.h"

TestSuite(audit_checks_orders, .init = audit_sale_begin, .fini = audit_sale_end);

Test(audit_checks_orders, what_mysql_finds_in_itself)
{
    const struct {
        const char *id;
        uint64_t *figure;
    } rows[] = {
        {"I4", &audit_sale.orders.found.buyers_over_limit},
        {"I4", &audit_sale.orders.found.slots_out_of_range},
        {"I4", &audit_sale.orders.found.live_without_slot},
        {"I8", &audit_sale.orders.found.repeated_keys},
        {"I10", &audit_sale.orders.found.returns_wrong.count},
        {"I10", &audit_sale.orders.found.returned_twice.count},
        {"I10", &audit_sale.orders.found.never_returned.count},
        {"I11", &audit_sale.orders.found.states_wrong.count},
        {"I12", &audit_sale.orders.found.payments_wrong.count},
        {"I12", &audit_sale.orders.found.paid_wrong.count},
        {"I14", &audit_sale.notice_dead_of_sale},
        {"I14", &audit_sale.notice_dead_of_none},
        {"I15", &audit_sale.orders.found.epochs_differ},
        {"I20", &audit_sale.orders.found.closed_early.count},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].figure = 1;
        audit_sale_violates(rows[i].id);
        audit_sale_report.at_rest = false;
        audit_sale_violates(rows[i].id);
        audit_sale_report.at_rest = true;
        *rows[i].figure = 0;
    }
}

Test(audit_checks_orders, what_waits_too_long_is_broken_unless_notices_are_held)
{
    const struct {
        uint64_t *waits, *held;
    } rows[] = {
        {&audit_sale.orders.found.overdue.count, &audit_sale.after.notices_lag},
        {&audit_sale.orders.found.parked_too_long.count, &audit_sale.before.notices_lag},
        {&audit_sale.orders.found.overdue.count, &audit_sale.before.overdue}, /* fewer now */
    };

    for (size_t i = 0; i < 3; i++) {
        *rows[i].waits = 1;
        audit_sale_violates("I23");
        *rows[i].held = 1;
        audit_sale_violates("");
        cr_assert_eq(audit_sale_result("I23"), AUDIT_NOT_TOLD);
        *rows[i].held = *rows[i].waits = 0;
    }
}
