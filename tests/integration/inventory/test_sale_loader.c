#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>

#include "inventory/sale_loader.h"
#include "inventory/sale_marks.h"
#include "inventory/sale_reader.h"

static const struct sale_id SALE = {FIXTURE_SALE};

struct found {
    uint32_t entries, wins;
    struct outbox_place place;
};

static enum err on_entry(void *arg, const struct outbox_listed_entry *entry)
{
    struct found *found = arg;

    found->entries++;
    found->wins += entry->win_count;
    found->place = (struct outbox_place){entry->epoch, entry->first_seq};
    return ERR_OK;
}

Test(sale_loader, full_cycle)
{
    struct fixture_attempt attempts[4];
    struct sale_left left[SALE_SKUS_MAX];
    struct found found = {0};
    struct fixture fixture;
    struct sale_reply reply;
    struct sale_look look;
    uint32_t count;
    uint64_t number;

    fixture_start(&fixture);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 1, &look), ERR_OK);
    cr_assert_eq(look.answer, SALE_ANSWER_GONE);
    (void)fixture_ask(&fixture, "RPUSH {s:7}:outbox x");
    cr_assert_eq(sale_reader_outbox(fixture.blocking, SALE, (struct outbox_place){0}, 1000,
                                    on_entry, &found, &count),
                 ERR_CONFLICT);
    (void)fixture_ask(&fixture, "DEL {s:7}:outbox");
    fixture_load(&fixture, 1, 2);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 1, &look), ERR_OK);
    cr_assert(look.answer == SALE_ANSWER_OK && look.head.state == SALE_STATE_OPEN);
    cr_assert(look.head.version == 2 && look.sku_count == 2);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 4, &look), ERR_OK);
    cr_assert(look.answer == SALE_ANSWER_EPOCH && look.head.epoch == 1);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_decide_one(&fixture, &attempts[i], i, 1);
    }
    cr_assert_eq(attempts[2].decision, DECISION_SOLD_OUT);
    cr_assert_eq(sale_reader_outbox(fixture.blocking, SALE, (struct outbox_place){0}, 1000,
                                    on_entry, &found, &count),
                 ERR_OK);
    cr_assert(count == 2 && found.entries == 2 && found.wins == 2 && found.place.first_seq == 2);
    cr_assert_eq(sale_reader_outbox(fixture.blocking, SALE, (struct outbox_place){1, 1}, 1000,
                                    on_entry, &found, &count),
                 ERR_OK);
    cr_assert(count == 1 && found.entries == 3);
    /* The guard's steps 0 and 2, and a load with what was sold. */
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 0, &reply), ERR_RANGE);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 1, &reply), ERR_OK);
    cr_assert(reply.head.epoch == 1 && reply.head.seq == 2 && reply.head.version == 2);
    cr_assert_not(reply.was_closed);
    cr_assert_eq(reply.head.state, SALE_STATE_OPEN);
    fixture_decide_one(&fixture, &attempts[3], 3, 1);
    cr_assert_eq(attempts[3].decision, DECISION_REBUILDING);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "pause", &reply), ERR_FENCED);
    cr_assert_eq(reply.answer, SALE_ANSWER_REPLID);
    cr_assert_eq(sale_reader_outbox_delete(fixture.blocking, SALE, (struct outbox_place){1, 1}),
                 ERR_OK);
    cr_assert_eq(sale_reader_outbox_delete(fixture.blocking, SALE, (struct outbox_place){1, 1}),
                 ERR_OK);
    cr_assert_eq(sale_reader_outbox_count(fixture.blocking, SALE, &number), ERR_OK);
    cr_assert_eq(number, 1);
    fixture_load(&fixture, 2, 1);
    cr_assert_eq(sale_reader_units(fixture.blocking, SALE, false, left, &count), ERR_OK);
    cr_assert(count == 2 && left[0].left + left[1].left == 6);
    cr_assert_eq(sale_reader_outbox_count(fixture.blocking, SALE, &number), ERR_OK);
    cr_assert_eq(number, 0);
    fixture_finish(&fixture);
}

Test(sale_loader, units_are_announced_then_applied_once)
{
    struct adjust_units units = {.ledger_id = 12, .units = 3};
    struct sale_left left[SALE_SKUS_MAX];
    struct fixture_attempt attempt;
    struct adjust_letter letter;
    struct fixture fixture;
    struct sale_reply reply;
    uint32_t count;

    fixture_start(&fixture);
    fixture_load(&fixture, 1, 1);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(sku_parse("a", 1, &units.sku), ERR_OK);
    letter = (struct adjust_letter){attempt.attempt.buyer, attempt.win.entry.order_no,
                                    ORDER_STATE_CLOSED};
    cr_assert_eq(sale_loader_announce(fixture.blocking, SALE, 1, &units, 1, &letter, 1, &reply),
                 ERR_OK, "%s", redis_blocking_trouble(fixture.blocking));
    cr_assert_eq(reply.head.version, 3);
    cr_assert_eq(sale_reader_units(fixture.blocking, SALE, true, left, &count), ERR_OK);
    cr_assert(count == 1 && left[0].left == 3);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert_eq(attempt.decision, DECISION_SOLD_OUT);
    cr_assert_eq(sale_loader_announce(fixture.blocking, SALE, 1, &units, 1, NULL, 0, &reply),
                 ERR_OK);
    cr_assert_eq(sale_loader_apply(fixture.blocking, SALE, 1, reply.head.version, &reply), ERR_OK);
    cr_assert_eq(reply.head.version, 4);
    cr_assert_eq(sale_reader_units(fixture.blocking, SALE, true, left, &count), ERR_OK);
    cr_assert_eq(count, 0);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert_eq(attempt.decision, DECISION_WON);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_REPLAYED);
    cr_assert_eq(attempt.win.entry.state, ORDER_STATE_CLOSED);
    cr_assert_eq(sku_parse("nosuch", 6, &units.sku), ERR_OK);
    units.ledger_id = 13;
    cr_assert_eq(sale_loader_announce(fixture.blocking, SALE, 1, &units, 1, NULL, 0, &reply),
                 ERR_RANGE);
    letter.state = ORDER_STATE_PAID;
    cr_assert_eq(sale_loader_letters(fixture.blocking, SALE, 1, &letter, 1, NULL), ERR_OK);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.win.entry.state, ORDER_STATE_CLOSED, "letters only move forward");
    fixture_finish(&fixture);
}

Test(sale_loader, the_fence_of_a_higher_epoch_is_not_closed)
{
    struct fixture fixture;
    struct sale_reply reply;
    struct sale_look look;

    fixture_start(&fixture);
    fixture_load(&fixture, 2, 1);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 1, &reply), ERR_FENCED);
    cr_assert(reply.answer == SALE_ANSWER_EPOCH && reply.head.epoch == 2);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 2, &look), ERR_OK);
    cr_assert_eq(look.answer, SALE_ANSWER_OK);
    fixture_finish(&fixture);
}

/* What stands there until the load is what every reader takes for a sale that is not loaded. */
Test(sale_loader, the_fence_of_a_lost_sale_is_closed_for_the_epoch_that_mysql_has)
{
    struct fixture fixture;
    struct sale_reply reply;
    struct sale_look look;
    struct sale_meta meta;
    struct sale_load *load;
    struct sale_marks_server server;
    struct sale_mark mark;

    fixture_start(&fixture);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 3, &reply), ERR_NOT_FOUND);
    cr_assert_eq(sale_load_begin(fixture.blocking, SALE, 3, &load, &reply), ERR_FENCED);
    cr_assert_eq(reply.head.epoch, 3);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_OK);
    cr_assert(meta.head.state == SALE_STATE_LOADING && meta.head.epoch == 3 && !meta.fence_fits);
    cr_assert_eq(
        sale_marks_read(fixture.blocking, &(struct sale_id){SALE.value}, 1, &server, &mark),
        ERR_OK);
    cr_assert(mark.kind == SALE_MARK_OTHER && mark.epoch == 3);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 3, &look), ERR_OK);
    cr_assert_eq(look.answer, SALE_ANSWER_REPLID);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 2, &look), ERR_OK);
    cr_assert_eq(look.answer, SALE_ANSWER_EPOCH);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 3, &reply), ERR_OK);
    cr_assert(reply.was_closed && reply.head.epoch == 3);
    fixture_load(&fixture, 4, 1);
    cr_assert_eq(sale_reader_look(fixture.blocking, SALE, 4, &look), ERR_OK);
    cr_assert_eq(look.answer, SALE_ANSWER_OK);
    fixture_finish(&fixture);
}

Test(sale_loader, states_that_cannot_follow_are_refused)
{
    struct fixture fixture;
    struct sale_reply reply;

    fixture_start(&fixture);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "pause", NULL), ERR_NOT_FOUND);
    fixture_load(&fixture, 1, 1);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "jump", NULL), ERR_RANGE);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "end", &reply), ERR_OK);
    cr_assert_eq(reply.head.state, SALE_STATE_ENDED);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "resume", &reply), ERR_CONFLICT);
    cr_assert_eq(reply.answer, SALE_ANSWER_STATE);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 2, "end", &reply), ERR_FENCED);
    cr_assert(reply.answer == SALE_ANSWER_EPOCH && reply.head.epoch == 1);
    fixture_finish(&fixture);
}
