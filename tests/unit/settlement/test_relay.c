/* The relay on fakes of MySQL's rows and of Redis' sale: what it sends, when, what it confirms. */
#include "settlement/relay.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "unit/settlement/relay_world.h"

static struct conf conf;
static struct relay *relay;

static void begin(void)
{
    conf.worker_return_interval_ms = 10000;
    conf.sale_hold_ms = 1000;
    world.epoch = 3;
    world.is_leading = true;
    world.state = SALE_STATE_OPEN;
    world.version = 2;
    world.now_us = 1000000;
    relay = relay_create(&(struct relay_options){.conf = &conf});
    cr_assert_not_null(relay);
}

static void end(void)
{
    relay_destroy(relay);
}

TestSuite(relay, .init = begin, .fini = end);

static struct outbox_row *put(enum outbox_kind kind, const char *verb, uint64_t units)
{
    struct outbox_row *row = &world.rows[world.row_count++];

    *row = (struct outbox_row){.id = world.row_count,
                               .sale = {7},
                               .kind = kind,
                               .units = units,
                               .ledger_id = world.row_count,
                               .epoch = world.epoch};
    memcpy(row->verb, verb, strlen(verb) + 1);
    return row;
}

static void round_after_ms(int64_t ms)
{
    world.now_us += ms * 1000;
    cr_assert_eq(relay_round(relay), ERR_OK);
}

Test(relay, units_are_applied_only_after_the_hold)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    cr_assert_eq(world.held, 5);
    round_after_ms(HOLD_MS - 1);
    cr_assert_eq(world.stock, 0, "a lease may still stand");
    cr_assert_not(world.confirmed[0]);
    round_after_ms(1);
    cr_assert_eq(world.stock, 5);
    cr_assert(world.confirmed[0]);
}

Test(relay, units_held_under_an_even_version_wait_another_hold)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    world.version++; /* an opening ended its own announcement */
    round_after_ms(HOLD_MS);
    round_after_ms(HOLD_MS - 1);
    cr_assert_eq(world.stock, 0, "leases may have been given meanwhile");
    cr_assert_not(world.confirmed[0]);
    round_after_ms(1);
    cr_assert_eq(world.stock, 5);
    cr_assert(world.confirmed[0]);
}

Test(relay, units_that_come_meanwhile_wait_for_the_interval)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    put(OUTBOX_UNITS, "", 3);
    put(OUTBOX_UNITS, "", 4);
    round_after_ms(HOLD_MS);
    round_after_ms(0);
    cr_assert_eq(world.announcements, 1);
    round_after_ms(10000 - HOLD_MS);
    cr_assert_eq(world.announcements, 2);
    cr_assert_eq(world.held, 7, "all together");
}

Test(relay, a_backlog_of_units_does_not_wait_for_the_interval)
{
    for (int i = 0; i < 1001; i++) {
        put(OUTBOX_UNITS, "", 1);
    }
    round_after_ms(0);
    cr_assert(world.announcements == 1 && world.held == 1000, "as many as a call takes");
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.stock, 1000);
    round_after_ms(0);
    cr_assert(world.announcements == 2 && world.held == 1, "the rest at once");
    round_after_ms(HOLD_MS);
    put(OUTBOX_UNITS, "", 1);
    round_after_ms(0);
    cr_assert_eq(world.announcements, 2, "what comes then waits");
}

Test(relay, units_of_an_older_epoch_are_confirmed_unsent)
{
    put(OUTBOX_UNITS, "", 5)->epoch = 2;
    round_after_ms(0);
    cr_assert(world.confirmed[0], "the cut has counted them");
    cr_assert_eq(world.announcements, 0);
}

Test(relay, units_of_a_newer_epoch_wait)
{
    put(OUTBOX_UNITS, "", 5)->epoch = 4;
    round_after_ms(0);
    cr_assert_not(world.confirmed[0]);
    cr_assert_eq(world.announcements, 0);
}

Test(relay, an_announcement_of_a_cut_epoch_is_not_applied)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    world.epoch = 4;
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.applies, 0);
    cr_assert(world.confirmed[0]);
}

Test(relay, a_pause_goes_out_at_once_even_while_units_are_announced)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(1);
    cr_assert_eq(world.state, SALE_STATE_PAUSED);
    cr_assert(world.confirmed[1]);
    cr_assert_not(world.confirmed[0]);
}

Test(relay, a_resume_is_announced_and_opened_after_the_hold)
{
    world.state = SALE_STATE_PAUSED;
    put(OUTBOX_STATE, "resume", 0);
    round_after_ms(0);
    cr_assert_eq(world.state, SALE_STATE_RESUMING);
    round_after_ms(HOLD_MS - 1);
    cr_assert_eq(world.state, SALE_STATE_RESUMING);
    round_after_ms(1);
    cr_assert_eq(world.state, SALE_STATE_OPEN);
    cr_assert(world.confirmed[0]);
}

Test(relay, a_pause_during_the_resume_wins)
{
    world.state = SALE_STATE_PAUSED;
    put(OUTBOX_STATE, "resume", 0);
    round_after_ms(0);
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(1);
    cr_assert_eq(world.state, SALE_STATE_PAUSED);
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.state, SALE_STATE_PAUSED, "the resume is superseded");
    cr_assert(world.confirmed[0] && world.confirmed[1]);
}

Test(relay, a_pause_during_the_resume_is_not_undone_by_another_relay)
{
    world.state = SALE_STATE_PAUSED;
    put(OUTBOX_STATE, "resume", 0);
    round_after_ms(0);
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(1);
    cr_assert(world.confirmed[1]);
    relay_destroy(relay); /* killed before the hold was over; another leads, with no memory */
    relay = relay_create(&(struct relay_options){.conf = &conf});
    cr_assert_not_null(relay);
    round_after_ms(0);
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.state, SALE_STATE_PAUSED, "the resume came before the pause");
    cr_assert(world.confirmed[0]);
}

Test(relay, a_pause_behind_a_resume_that_is_not_announced_waits_its_turn)
{
    world.state = SALE_STATE_PAUSED;
    put(OUTBOX_STATE, "resume", 0);
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(0);
    cr_assert_str_eq(world.verbs, "resume ");
    round_after_ms(1);
    cr_assert_eq(world.state, SALE_STATE_PAUSED);
}

Test(relay, a_state_that_loading_refuses_is_sent_again)
{
    world.state = SALE_STATE_LOADING;
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(0);
    cr_assert_not(world.confirmed[0], "it would be lost: the load read the control state before");
    world.state = SALE_STATE_OPEN;
    round_after_ms(1);
    cr_assert_eq(world.state, SALE_STATE_PAUSED);
    cr_assert(world.confirmed[0]);
}

Test(relay, a_lost_reply_leaves_the_rows)
{
    world.redis_err = ERR_LOST;
    put(OUTBOX_UNITS, "", 5);
    put(OUTBOX_STATE, "pause", 0);
    put(OUTBOX_LETTER, "", 0)->letter = 'C';
    round_after_ms(0);
    for (size_t i = 0; i < world.row_count; i++) {
        cr_assert_not(world.confirmed[i]);
    }
    world.redis_err = ERR_OK;
    round_after_ms(1);
    cr_assert(world.confirmed[1] && world.confirmed[2]);
}

Test(relay, who_does_not_lead_sends_nothing)
{
    world.is_leading = false;
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(0);
    cr_assert_str_eq(world.verbs, "");
}

Test(relay, a_relay_that_slept_does_not_apply_what_another_announced)
{
    put(OUTBOX_UNITS, "", 5);
    round_after_ms(0);
    /* It sleeps; another relay applies these units and announces three more. */
    world.stock = 5;
    world.held = 3;
    world.version += 2;
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.stock, 5, "leases were given between the two announcements");
    cr_assert_not(world.confirmed[0]);
    round_after_ms(HOLD_MS - 1);
    cr_assert_eq(world.stock, 5);
    round_after_ms(1);
    cr_assert_eq(world.stock, 8);
    cr_assert(world.confirmed[0]);
}

Test(relay, a_relay_that_slept_does_not_open_what_another_announced)
{
    world.state = SALE_STATE_PAUSED;
    put(OUTBOX_STATE, "resume", 0);
    round_after_ms(0);
    world.version += 2; /* opened, paused and announced anew by another */
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.state, SALE_STATE_RESUMING);
    cr_assert_not(world.confirmed[0]);
    round_after_ms(HOLD_MS);
    cr_assert_eq(world.state, SALE_STATE_OPEN);
    cr_assert(world.confirmed[0]);
}

Test(relay, a_stopped_worker_begins_no_sale)
{
    world.is_stopped = true;
    put(OUTBOX_STATE, "pause", 0);
    round_after_ms(0);
    cr_assert_str_eq(world.verbs, "");
}

Test(relay, the_sweep_comes_once_a_second)
{
    round_after_ms(0);
    round_after_ms(999);
    cr_assert_eq(world.sweeps, 1);
    round_after_ms(1);
    cr_assert(world.sweeps == 2 && world.bounds == 2);
}

Test(relay, who_does_not_lead_shows_totals_and_sweeps_nothing)
{
    world.is_leading = false;
    round_after_ms(0);
    cr_assert_eq(world.totals, 1);
    cr_assert(world.sweeps == 0 && world.bounds == 0);
}

Test(relay, sales_behind_a_full_page_have_their_turn)
{
    world.is_crowded = true;
    round_after_ms(0);
    cr_assert_eq(world.asked_after.value, 0);
    round_after_ms(100);
    cr_assert_eq(world.asked_after.value, 1024);
    world.is_crowded = false;
    round_after_ms(100);
    cr_assert_eq(world.asked_after.value, 2048);
    round_after_ms(100);
    cr_assert_eq(world.asked_after.value, 0, "from the first one again");
}
