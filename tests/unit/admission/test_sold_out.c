#include "admission/sold_out.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "admission/bloom.h"

enum { T_MS = 1000, T_US = T_MS * 1000, EPOCH = 3, VERSION = 4, SENT_US = 50000000 };

static const struct no_kinds none = {0};
static const struct no_kinds sku_1 = {.skus = 2};
static const struct no_kinds skus_0_1 = {.skus = 3};
static const struct no_kinds paused = {.paused = true};
static const struct no_kinds ended = {.ended = true};

static struct buyer buyer_of(const char *text)
{
    struct buyer buyer;

    cr_assert_eq(buyer_parse(text, strlen(text), &buyer), ERR_OK);
    return buyer;
}

/* A filter with one buyer in it. */
static struct winners make_winners(const struct no_kinds *kinds)
{
    struct winners winners = {
        .sale = {7},
        .epoch = EPOCH,
        .version = VERSION,
        .kinds = *kinds,
        .scan_began_us = SENT_US,
        .buyers = bloom_create(&(struct bloom_options){.expected_keys = 100, .error_ppm = 1000})};

    cr_assert_not_null(winners.buyers);
    bloom_add(winners.buyers, "winner", 6);
    return winners;
}

/* A reply at SENT_US that says no of `kinds`, and a filter of `covered`. */
static struct sold_out begin(const struct no_kinds *kinds, const struct no_kinds *covered)
{
    struct sold_out memory;
    struct winners winners = make_winners(covered);

    sold_out_init(&memory, T_MS);
    sold_out_see(&memory, EPOCH, VERSION, kinds, SENT_US);
    cr_assert(sold_out_offer(&memory, &winners));
    bloom_release(winners.buyers);
    return memory;
}

static enum sold_out_answer ask(const struct sold_out *memory, uint32_t sku, const char *buyer,
                                int64_t now_us)
{
    struct buyer who = buyer_of(buyer);

    return sold_out_ask(memory, sku, &who, now_us);
}

/* --- the four conditions: each test fails when its clause is taken out --- */

Test(sold_out, condition_1_an_odd_version_says_nothing)
{
    struct sold_out memory;
    struct winners winners = make_winners(&sku_1);

    winners.version = VERSION + 1;
    sold_out_init(&memory, T_MS);
    sold_out_see(&memory, EPOCH, VERSION + 1, &sku_1, SENT_US);
    (void)sold_out_offer(&memory, &winners);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    bloom_release(winners.buyers);
    sold_out_finish(&memory);
}

Test(sold_out, condition_2_the_lease_runs_from_the_sending_and_ends_at_T)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + T_US - 1), SOLD_OUT_SAY_SOLD_OUT);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + T_US), SOLD_OUT_ASK);
    sold_out_see(&memory, EPOCH, VERSION, &sku_1, SENT_US + 10);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + T_US), SOLD_OUT_SAY_SOLD_OUT);
    sold_out_finish(&memory);
}

Test(sold_out, condition_2_the_lease_is_that_of_the_sale)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    memory.lease_us = 200000;
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 199999), SOLD_OUT_SAY_SOLD_OUT);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 200000), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, condition_3_without_a_filter_nothing_is_said)
{
    struct sold_out memory;

    sold_out_init(&memory, T_MS);
    sold_out_see(&memory, EPOCH, VERSION, &sku_1, SENT_US);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, condition_3_a_filter_speaks_only_of_what_was_true_before_its_scan)
{
    struct sold_out memory = begin(&skus_0_1, &sku_1);

    cr_assert_eq(ask(&memory, 0, "loser", SENT_US + 1), SOLD_OUT_ASK);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_SAY_SOLD_OUT);
    cr_assert_eq(ask(&memory, 2, "loser", SENT_US + 1), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, condition_3_a_filter_of_another_version_or_epoch_is_refused)
{
    struct sold_out memory;
    struct winners winners = make_winners(&sku_1);

    sold_out_init(&memory, T_MS);
    sold_out_see(&memory, EPOCH, VERSION + 2, &sku_1, SENT_US);
    cr_assert_not(sold_out_offer(&memory, &winners));
    sold_out_see(&memory, EPOCH + 1, VERSION, &sku_1, SENT_US);
    cr_assert_not(sold_out_offer(&memory, &winners));
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    bloom_release(winners.buyers);
    sold_out_finish(&memory);
}

Test(sold_out, condition_3_a_filter_of_another_history_does_not_speak_even_when_held)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    memory.winners.version = VERSION - 2;
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    memory.winners.version = VERSION;
    memory.winners.epoch = EPOCH - 1;
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, condition_3_a_new_version_or_epoch_ends_the_filter)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    sold_out_see(&memory, EPOCH, VERSION + 2, &sku_1, SENT_US + 1);
    cr_assert_null(memory.winners.buyers);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 2), SOLD_OUT_ASK);
    sold_out_finish(&memory);

    memory = begin(&sku_1, &sku_1);
    sold_out_see(&memory, EPOCH + 1, VERSION, &sku_1, SENT_US + 1);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 2), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, condition_4_who_is_in_the_filter_is_not_told_no)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    cr_assert_eq(ask(&memory, 1, "winner", SENT_US + 1), SOLD_OUT_ASK_MAYBE);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_SAY_SOLD_OUT);
    cr_assert_eq(ask(&memory, 0, "winner", SENT_US + 1), SOLD_OUT_ASK); /* no no to keep from him */
    sold_out_finish(&memory);
}

/* --- the rest --- */

Test(sold_out, knows_nothing_at_first_and_after_forgetting)
{
    struct sold_out memory;

    sold_out_init(&memory, T_MS);
    cr_assert_eq(ask(&memory, 0, "loser", 1), SOLD_OUT_ASK);
    cr_assert_not(sold_out_wants_scan(&memory));
    sold_out_finish(&memory);

    memory = begin(&sku_1, &sku_1);
    sold_out_forget(&memory);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_ASK);
    sold_out_finish(&memory);
}

Test(sold_out, paused_and_ended_are_said_of_every_sku)
{
    struct sold_out memory = begin(&paused, &paused);

    cr_assert_eq(ask(&memory, 0, "loser", SENT_US + 1), SOLD_OUT_SAY_PAUSED);
    cr_assert_eq(ask(&memory, 63, "loser", SENT_US + 1), SOLD_OUT_SAY_PAUSED);
    cr_assert_eq(ask(&memory, 0, "winner", SENT_US + 1), SOLD_OUT_ASK_MAYBE);
    sold_out_finish(&memory);

    memory = begin(&ended, &ended);
    cr_assert_eq(ask(&memory, 5, "loser", SENT_US + 1), SOLD_OUT_SAY_ENDED);
    sold_out_finish(&memory);
}

Test(sold_out, the_end_is_said_before_the_lack_of_units)
{
    struct no_kinds both = no_kinds_union(&ended, &sku_1);
    struct sold_out memory = begin(&both, &both);

    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + 1), SOLD_OUT_SAY_ENDED);
    sold_out_finish(&memory);
}

Test(sold_out, a_reply_that_was_sent_earlier_does_not_shorten_the_lease)
{
    struct sold_out memory = begin(&sku_1, &sku_1);

    sold_out_see(&memory, EPOCH, VERSION, &sku_1, SENT_US - 400);
    cr_assert_eq(ask(&memory, 1, "loser", SENT_US + T_US - 1), SOLD_OUT_SAY_SOLD_OUT);
    sold_out_finish(&memory);
}

Test(sold_out, wants_a_scan_for_a_no_that_no_filter_covers)
{
    struct sold_out memory;

    sold_out_init(&memory, T_MS);
    sold_out_see(&memory, EPOCH, VERSION, &none, SENT_US);
    cr_assert_not(sold_out_wants_scan(&memory));
    sold_out_see(&memory, EPOCH, VERSION, &sku_1, SENT_US);
    cr_assert(sold_out_wants_scan(&memory));
    sold_out_see(&memory, EPOCH, VERSION + 1, &sku_1, SENT_US); /* odd */
    cr_assert_not(sold_out_wants_scan(&memory));
    sold_out_finish(&memory);

    memory = begin(&sku_1, &sku_1);
    cr_assert_not(sold_out_wants_scan(&memory));
    sold_out_see(&memory, EPOCH, VERSION, &skus_0_1, SENT_US);
    cr_assert(sold_out_wants_scan(&memory));
    sold_out_finish(&memory);
}

Test(sold_out, takes_a_filter_that_covers_more_and_keeps_one_that_covers_as_much)
{
    struct sold_out memory = begin(&skus_0_1, &sku_1);
    struct winners more = make_winners(&skus_0_1);
    struct winners same = make_winners(&sku_1);

    cr_assert_not(sold_out_offer(&memory, &same));
    cr_assert(sold_out_offer(&memory, &more));
    cr_assert_eq(ask(&memory, 0, "loser", SENT_US + 1), SOLD_OUT_SAY_SOLD_OUT);
    bloom_release(more.buyers);
    bloom_release(same.buyers);
    cr_assert_eq(ask(&memory, 0, "winner", SENT_US + 1), SOLD_OUT_ASK_MAYBE); /* its own share */
    sold_out_finish(&memory);
}

Test(sold_out, kinds_cover_their_parts_only)
{
    cr_assert(no_kinds_cover(&skus_0_1, &sku_1));
    cr_assert_not(no_kinds_cover(&sku_1, &skus_0_1));
    cr_assert(no_kinds_cover(&paused, &none));
    cr_assert_not(no_kinds_cover(&paused, &ended));
    cr_assert_not(no_kinds_cover(&ended, &paused));
    cr_assert_not(no_kinds_any(&none));
    cr_assert(no_kinds_any(&sku_1) && no_kinds_any(&paused) && no_kinds_any(&ended));
}
