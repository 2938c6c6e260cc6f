/* The audit's reading on fakes: between two looks, and every service named that does not answer. */
#include "settlement/audit.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "unit/settlement/audit_world.h"
#include "unit/settlement/quiet.h"

static struct conf conf;
static struct audit_context context = {.conf = &conf, .rest_wait_ms = 1000};
static struct audit_report report;
static char why[AUDIT_TEXT_SIZE];

static void begin(void)
{
    conf.worker_audit_memory_mb = 16;
    conf.worker_reaper_grace_ms = 5;
    memcpy(conf.kafka_orders_topic, "orders", sizeof "orders");
    memcpy(conf.kafka_notices_topic, "notices", sizeof "notices");
}

static void end(void)
{
    cr_assert_not(world.is_open, "the log is closed on every path");
}

TestSuite(audit, .init = begin, .fini = end);

static enum err run(void)
{
    return audit_run(&context, (struct sale_id){7}, &report, why);
}

Test(audit, an_unknown_sale_is_told)
{
    cr_assert_eq(audit_run(&context, (struct sale_id){8}, &report, why), ERR_NOT_FOUND);
}

Test(audit, a_service_that_does_not_answer_is_named)
{
    static const char *const names[STEP_COUNT] = {
        [NOTICE_ENDS] = "Kafka",  [CONFIRMED] = "MySQL",  [DUE] = "MySQL",
        [CLOCK] = "MySQL",        [PAYMENTS] = "MySQL",   [NOTICES] = "Kafka",
        [READ_SALE] = "MySQL",    [CREATE_LOG] = "Kafka", [META] = "Redis",
        [OUTBOX_COUNT] = "Redis", [ENDS] = "Kafka",       [OFFSETS] = "MySQL",
        [PENDING] = "MySQL",      [SNAPSHOT] = "MySQL",   [ROWS] = "MySQL",
        [LEDGER] = "MySQL",       [FINDINGS] = "MySQL",   [DEAD] = "MySQL",
        [LOG] = "Kafka",          [UNITS] = "Redis",      [ENTRIES] = "Redis",
        [APPLIED] = "Redis",      [MARK] = "MySQL",       [EVENT] = "MySQL",
    };

    for (world.fails = 1; world.fails < STEP_COUNT; world.fails++) {
        cr_assert_eq(run(), ERR_UNAVAILABLE, "step %d", world.fails);
        cr_assert_eq(strncmp(why, names[world.fails], strlen(names[world.fails])), 0, "step %d: %s",
                     world.fails, why);
        cr_assert_not(world.is_open || world.in_snapshot);
    }
    cr_assert_eq(world.judged, 0, "half a reading is not judged");
}

Test(audit, a_stopped_worker_ends_the_audit)
{
    world.sql_outbox = 1;
    quiet.sleeps_max = 2;
    cr_assert_eq(run(), ERR_CLOSED);
    cr_assert_eq(quiet.sleeps, 2);
}

Test(audit, a_stopped_worker_does_not_read_the_log_to_its_end)
{
    quiet.is_stopped = true;
    cr_assert_eq(run(), ERR_CLOSED);
    cr_assert_eq(world.judged, 0);
}

Test(audit, two_looks_that_differ_are_not_rest)
{
    world.moves_at = 3; /* waiting, before, after */
    cr_assert_eq(run(), ERR_OK);
    cr_assert_eq(world.looks, 3);
    cr_assert_not(report.at_rest);
}

/* A rebuild just before the last look is no other history. */
Test(audit, mysqls_epoch_is_read_once_more_after_that_of_redis)
{
    world.cut_at = 3;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.redis_epoch == 4 && world.sql_epoch == 4);
}

Test(audit, what_waits_in_an_outbox_is_not_rest)
{
    world.redis_outbox = 1;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
    cr_assert_geq(quiet.now_us, 1000000, "rest was waited for");
}

static void empty_outbox(uint32_t ms)
{
    (void)ms;
    world.sql_outbox = 0;
}

Test(audit, rest_is_waited_for)
{
    world.sql_outbox = 1;
    quiet.on_sleep = empty_outbox;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 1);
}

static void close_overdue(uint32_t ms)
{
    (void)ms;
    world.overdue = 0;
}

Test(audit, what_is_overdue_is_waited_for_and_is_no_unrest)
{
    world.overdue = 5;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_geq(quiet.now_us, 1000000, "the reaper may just have come back");
    quiet.sleeps = 0;
    quiet.on_sleep = close_overdue;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_eq(quiet.sleeps, 1);
}

Test(audit, other_sales_that_sell_do_not_keep_this_one_from_rest)
{
    world.others_sell = true;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 1, "until what was in the log is settled");
}

Test(audit, what_is_sold_while_it_waits_is_waited_for)
{
    world.others_sell = true;
    world.moves_at = 2;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(quiet.sleeps, 2, "the log's end is another now");
}

Test(audit, what_is_sold_once_it_has_waited_is_not_rest)
{
    world.others_sell = true;
    world.moves_at = 3;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
}

Test(audit, all_three_are_read_and_judged_once)
{
    cr_assert_eq(run(), ERR_OK);
    cr_assert(report.at_rest);
    cr_assert_eq(world.judged, 1);
    cr_assert_eq(world.rows, 1);
    cr_assert_eq(world.records, 1, "records of other sales are theirs");
    cr_assert_eq(world.entries, 1);
    cr_assert_eq(world.live, 2);
}

Test(audit, a_change_that_redis_confirmed_meanwhile_is_not_rest)
{
    world.confirms_at = 3;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
}

Test(audit, a_sale_that_does_not_fit_into_its_memory_is_told)
{
    conf.worker_audit_memory_mb = 0;
    cr_assert_eq(run(), ERR_NO_MEMORY);
    cr_assert_not_null(strstr(why, "worker.audit_memory_mb"), "%s", why);
    cr_assert_eq(world.judged, 0);
}

Test(audit, a_ledger_row_that_came_meanwhile_is_not_rest)
{
    world.new_ledger_rows = 1;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_not(report.at_rest);
}

Test(audit, a_broken_hard_promise_freezes_a_sale_that_may_sell)
{
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 0 && !report.is_frozen, "only a soft one is broken");
    world.is_broken = true;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && report.is_frozen);
    world.control = SALE_CONTROL_FROZEN;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && report.is_frozen, "it is frozen: its cause is known");
    world.control = SALE_CONTROL_ENDED;
    cr_assert_eq(run(), ERR_OK);
    cr_assert(world.freezes == 1 && !report.is_frozen);
}

Test(audit, what_was_found_is_told_though_the_sale_could_not_be_frozen)
{
    world.is_broken = true;
    world.freeze_err = ERR_UNAVAILABLE;
    cr_assert_eq(run(), ERR_OK);
    cr_assert_eq(report.check_count, 3);
}
