#include "bench/load/audit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct audit audit;

Test(audit, one_that_was_not_asked_for_does_not_hold)
{
    audit_run(NULL, &audit);
    cr_assert_not(audit.asked);
    cr_assert_not(audit.holds);
}

Test(audit, only_status_zero_holds_and_the_text_is_kept)
{
    audit_run("echo '# all is well'", &audit);
    cr_assert(audit.asked && audit.holds);
    cr_assert_str_eq(audit.text, "# all is well\n");
    audit_run("echo '# sold twice'; exit 1", &audit);
    cr_assert(audit.asked && !audit.holds);
    cr_assert_eq(audit.status, 1);
    cr_assert_str_eq(audit.text, "# sold twice\n");
}

Test(audit, a_command_that_dies_or_does_not_exist_does_not_hold)
{
    audit_run("kill -KILL $$", &audit);
    cr_assert_eq(audit.status, 128 + SIGKILL);
    audit_run("/nonexistent 2>/dev/null", &audit);
    cr_assert_eq(audit.status, 127);
    cr_assert_not(audit.holds);
}

Test(audit, a_long_text_is_read_to_its_end_and_cut_at_a_line)
{
    audit_run("for i in $(seq 1 1000); do echo \"# line $i\"; done", &audit);
    cr_assert(audit.holds);
    const size_t size = strlen(audit.text);
    cr_assert_lt(size, AUDIT_TEXT_SIZE);
    cr_assert_gt(size, AUDIT_TEXT_SIZE - 20);
    cr_assert_eq(audit.text[size - 1], '\n');
}
