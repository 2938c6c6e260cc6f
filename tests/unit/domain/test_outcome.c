#include "domain/outcome.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "common/assert.h"
#include "common/metrics.h"

/* An outcome is an index of the metrics' label as well. */
static_assert((int)LABEL_OUTCOME_COUNT == (int)OUTCOME_COUNT, "one table");
static_assert((int)LABEL_OUTCOME_OUTCOME_UNKNOWN == (int)OUTCOME_OUTCOME_UNKNOWN, "one order");

Test(outcome, a_value_outside_the_table_aborts, .signal = SIGABRT)
{
    (void)outcome_code(OUTCOME_COUNT);
}

Test(outcome, no_status_outside_the_table, .signal = SIGABRT)
{
    (void)outcome_http_status((enum outcome) - 1);
}

Test(outcome, no_text_outside_the_table, .signal = SIGABRT)
{
    (void)outcome_text(OUTCOME_COUNT);
}

Test(outcome, no_retry_outside_the_table, .signal = SIGABRT)
{
    (void)outcome_may_retry(OUTCOME_COUNT);
}

Test(outcome, codes_differ_and_fit_a_uri)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        const char *code = outcome_code((enum outcome)i);

        cr_assert_eq(strspn(code, "abcdefghijklmnopqrstuvwxyz-"), strlen(code));
        cr_assert_gt(strlen(outcome_text((enum outcome)i)), 0);
        for (int j = 0; j < i; j++) {
            cr_assert_str_neq(code, outcome_code((enum outcome)j));
        }
    }
}

Test(outcome, only_wins_are_2xx_and_only_busy_or_later_may_retry)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        enum outcome outcome = (enum outcome)i;
        int status = outcome_http_status(outcome);
        bool won = outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_REPLAYED;

        cr_assert_eq(status == 201, won);
        cr_assert(won || (status >= 400 && status <= 599));
        cr_assert(status < 500 || outcome_may_retry(outcome));
        cr_assert(!won || !outcome_may_retry(outcome));
    }
    cr_assert(outcome_may_retry(OUTCOME_NOT_OPEN));
    cr_assert_not(outcome_may_retry(OUTCOME_SOLD_OUT));
}

Test(outcome, statuses_of_the_contract)
{
    cr_assert_eq(outcome_http_status(OUTCOME_SOLD_OUT), 409);
    cr_assert_eq(outcome_http_status(OUTCOME_NOT_ELIGIBLE), 403);
    cr_assert_eq(outcome_http_status(OUTCOME_UNKNOWN_SALE), 404);
    cr_assert_eq(outcome_http_status(OUTCOME_KEY_REUSED), 422);
    cr_assert_eq(outcome_http_status(OUTCOME_RATE_LIMITED), 429);
    cr_assert_eq(outcome_http_status(OUTCOME_OUTCOME_UNKNOWN), 503);
    cr_assert_str_eq(outcome_code(OUTCOME_OUTCOME_UNKNOWN), "outcome-unknown");
}
