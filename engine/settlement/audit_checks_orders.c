/* audit_checks_orders: the promises about one order each (PROTOCOL §6); no I/O. */
#include <inttypes.h>

#include "settlement/audit_check.h"
#include "settlement/audit_data.h"

static void check_buyers(struct audit *audit)
{
    const struct audit_order_findings *findings = &audit->orders.found;

    audit_check_add(
        audit, AUDIT_HARD(I4), "no buyer holds more than the limit",
        audit_check_always(findings->buyers_over_limit == 0 && findings->slots_out_of_range == 0
                           && findings->live_without_slot == 0),
        "%" PRIu64 " buyers over %u, %" PRIu64 " slots out of range, %" PRIu64 " live without slot",
        findings->buyers_over_limit, audit->row.definition.limit, findings->slots_out_of_range,
        findings->live_without_slot);
    audit_check_add(audit, AUDIT_SOFT(I8), "one key, at most one order",
                    audit_check_always(findings->repeated_keys == 0), "%" PRIu64 " keys with more",
                    findings->repeated_keys);
}

/* The first of the first that counts something. */
static const char *first_of(char text[static 48], const struct audit_count *counts[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (counts[i]->count > 0) {
            return audit_check_first(text, counts[i]->first);
        }
    }
    return audit_check_first(text, (struct order_no){0});
}

static void check_returns(struct audit *audit)
{
    const struct audit_order_findings *found = &audit->orders.found;
    const struct audit_count *counts[] = {&found->returns_wrong, &found->returned_twice,
                                          &found->never_returned};
    char text[48];

    audit_check_add(audit, AUDIT_HARD(I10),
                    "units come back once an order, and only from an ended one",
                    audit_check_always(found->returns_wrong.count + found->returned_twice.count
                                           + found->never_returned.count
                                       == 0),
                    "%" PRIu64 " returns, %" PRIu64 " not of such an order, %" PRIu64
                    " orders twice, %" PRIu64 " orders never%s",
                    found->returns, found->returns_wrong.count, found->returned_twice.count,
                    found->never_returned.count, first_of(text, counts, 3));
}

static void check_states(struct audit *audit)
{
    const struct audit_order_findings *found = &audit->orders.found;
    const struct audit_count *payments[] = {&found->payments_wrong, &found->paid_wrong};
    char text[48];

    audit_check_add(audit, AUDIT_HARD(I11), "no state without the history that leads to it",
                    audit_check_always(found->states_wrong.count == 0),
                    "%zu rows, %" PRIu64
                    " whose reason, version, slot or notices are of another state%s",
                    audit->rows.count, found->states_wrong.count,
                    audit_check_first(text, found->states_wrong.first));
    audit_check_add(audit, AUDIT_HARD(I12), "a payment has one effect, a paid order one payment",
                    audit_check_always(found->payments_wrong.count + found->paid_wrong.count == 0),
                    "%" PRIu64 " applied, %" PRIu64 " of another sum or of no order, %" PRIu64
                    " orders paid without exactly one, or with one and not paid%s",
                    found->payments, found->payments_wrong.count, found->paid_wrong.count,
                    first_of(text, payments, 2));
    audit_check_add(audit, AUDIT_SOFT(I20), "no order was closed before its pay_by",
                    audit_check_always(found->closed_early.count == 0),
                    "%" PRIu64 " closed early%s", found->closed_early.count,
                    audit_check_first(text, found->closed_early.first));
}

/* What overdue orders, and parked notices, wait for. */
static bool are_notices_held(const struct audit *audit)
{
    return audit->before.notices_lag + audit->after.notices_lag + audit->after.notices_beyond
               + audit->notice_dead_of_sale + audit->notice_dead_of_none
           > 0;
}

static void check_overdue(struct audit *audit)
{
    const struct audit_order_findings *found = &audit->orders.found;
    const struct audit_count *counts[] = {&found->overdue, &found->parked_too_long};
    const bool closing = audit->after.overdue < audit->before.overdue;
    const bool waits = are_notices_held(audit) || closing;
    const char *why = closing ? "; they are being closed"
                      : waits && found->overdue.count > 0
                          ? "; they wait for notices that are not applied"
                          : "";
    char text[48];

    audit_check_add(audit, AUDIT_SOFT(I23), "what is overdue is closed, what was parked is joined",
                    found->overdue.count + found->parked_too_long.count == 0 ? AUDIT_HOLDS
                    : waits                                                  ? AUDIT_NOT_TOLD
                                                                             : AUDIT_VIOLATED,
                    "%" PRIu64 " PENDING a minute past pay_by and grace, %" PRIu64
                    " parked for a minute though their order is there%s%s",
                    found->overdue.count, found->parked_too_long.count, first_of(text, counts, 2),
                    why);
}

void audit_check_orders(struct audit *audit)
{
    check_buyers(audit);
    check_returns(audit);
    check_states(audit);
    check_overdue(audit);
}
