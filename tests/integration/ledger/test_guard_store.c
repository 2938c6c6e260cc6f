#include "ledger/guard_store.h"

#include <criterion/criterion.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/sale_change.h"
#include "ledger/sale_sweep.h"

static uint64_t beat_of(struct mysql_link *link, struct sale_id sale)
{
    return VALUE(link, "SELECT beat FROM guard WHERE sale = ?", sale.value);
}

Test(guard_store, claims_are_beaten_by_their_owner_alone)
{
    struct mysql_link *link = fixture_link();
    const struct sale_id mine[3] = {fixture_sale(link, 10, 1), fixture_sale(link, 10, 1),
                                    fixture_sale(link, 10, 1)};
    const struct sale_id other = fixture_sale(link, 10, 1), left = fixture_sale(link, 10, 1);
    const struct sale_id asked[4] = {mine[0], mine[1], mine[2], other};
    struct guard_claim claim;

    for (int i = 0; i < 3; i++) {
        cr_assert(guard_store_claim(link, mine[i], "two", 60000, &claim) == ERR_OK);
    }
    cr_assert(guard_store_claim(link, other, "three", 60000, &claim) == ERR_OK);
    cr_assert(guard_store_claim(link, left, "two", 60000, &claim) == ERR_OK);
    fixture_run(link, "UPDATE guard SET beat = 1 WHERE owner IN ('two', 'three')");
    cr_assert(guard_store_beat(link, "two", asked, 4) == ERR_OK);
    cr_assert(beat_of(link, mine[0]) > 1 && beat_of(link, mine[1]) > 1
              && beat_of(link, mine[2]) > 1);
    cr_assert(beat_of(link, other) == 1, "another's");
    cr_assert(beat_of(link, left) == 1, "not in work: it is to run out");
    cr_assert(guard_store_claim(link, mine[1], "four", 60000, &claim) == ERR_BUSY);
    mysql_link_destroy(link);
}

Test(guard_store, a_claim_of_a_row_that_changed_since_is_refused)
{
    struct mysql_link *link = fixture_link();
    const struct sale_id sale = fixture_sale(link, 10, 1);
    struct guard_want want = {.sale = sale,
                              .owner = "one",
                              .stale_ms = 60000,
                              .has_seen = true,
                              .actor = &fixture_actor,
                              .action = "recover",
                              .detail = "Redis has lost it"};
    const struct guard_progress done = {
        .step = GUARD_STEP_DONE, .epoch = 2, .actor = &fixture_actor, .action = "recover"};
    struct guard_claim claim;

    want.seen_fence = 3;
    cr_assert(guard_store_claim_for(link, &want, &claim) == ERR_BUSY, "there is no row");
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action = 'recover'", sale.value)
              == 0);
    want.seen_fence = 0;
    cr_assert(guard_store_claim_for(link, &want, &claim) == ERR_OK);
    cr_assert(guard_store_progress(link, &claim, &done) == ERR_OK);
    cr_assert(guard_store_claim_for(link, &want, &claim) == ERR_BUSY, "loaded since");
    want.seen_fence = 1;
    cr_assert(guard_store_claim_for(link, &want, &claim) == ERR_OK && claim.fence == 2);
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action = 'recover'", sale.value)
              == 3);
    mysql_link_destroy(link);
}

static bool is_guarded(struct mysql_link *link, struct sale_id sale, struct sale_guarded *ret_sale)
{
    struct sale_guarded found[2];
    size_t count = 0;

    cr_assert(sale_sweep_guarded(link, (struct sale_id){sale.value - 1}, 7, found, 2, &count)
              == ERR_OK);
    *ret_sale = found[0];
    return count > 0 && found[0].sale.value == sale.value;
}

Test(guard_store, what_the_guard_compares)
{
    struct mysql_link *link = fixture_link();
    const struct sale_id sale = fixture_sale(link, 10, 1);
    struct guard_progress progress = {.step = GUARD_STEP_FAILED, .note = SALE_BLOCKED_NOTE "why"};
    struct sale_guarded seen;
    struct guard_claim claim;

    cr_assert(!is_guarded(link, sale, &seen), "never loaded");
    cr_assert(guard_store_claim(link, sale, "one", 60000, &claim) == ERR_OK);
    cr_assert(is_guarded(link, sale, &seen) && seen.is_loading && seen.fence == 1);
    cr_assert(seen.epoch == 0 && seen.silent_ms < 60000 && !seen.has_failed);
    cr_assert(guard_store_progress(link, &claim, &progress) == ERR_OK);
    cr_assert(!is_guarded(link, sale, &seen), "an operator's first load that failed");
    cr_assert(fixture_load(link, sale) == 1);
    cr_assert(is_guarded(link, sale, &seen) && !seen.is_loading && seen.epoch == 1);
    cr_assert(guard_store_claim(link, sale, "one", 60000, &claim) == ERR_OK);
    cr_assert(guard_store_progress(link, &claim, &progress) == ERR_OK);
    cr_assert(is_guarded(link, sale, &seen) && seen.has_failed && seen.is_told);
    cr_assert(seen.control == SALE_CONTROL_OPEN);
    fixture_run(link, "UPDATE sales SET opens = 1, closes = 2");
    cr_assert(!is_guarded(link, sale, &seen), "it left the catalogue long ago");
    mysql_link_destroy(link);
}

Test(guard_store, a_claim_that_was_taken_over_writes_nothing)
{
    struct mysql_link *link = fixture_link();
    struct sale_id sale = fixture_sale(link, 10, 1);
    struct guard_claim first, second;
    struct guard_row row;
    struct guard_progress progress = {
        .step = GUARD_STEP_LOADING, .epoch = 1, .done = 5, .expected = 9, .note = "orders"};
    struct sale_row cut;

    cr_assert(guard_store_read(link, sale, &row) == ERR_NOT_FOUND);
    cr_assert(guard_store_claim(link, sale, "one", 60000, &first) == ERR_OK);
    cr_assert(guard_store_claim(link, sale, "two", 60000, &second) == ERR_BUSY);
    cr_assert(guard_store_progress(link, &first, &progress) == ERR_OK);
    cr_assert(guard_store_read(link, sale, &row) == ERR_OK);
    cr_assert(row.step == GUARD_STEP_LOADING && row.done == 5 && row.expected == 9);
    cr_assert(strcmp(row.owner, "one") == 0 && strcmp(row.note, "orders") == 0);
    cr_assert(row.finished_ms == 0 && row.epoch == 1);
    cr_assert(guard_store_claim(link, sale, "two", 0, &second) == ERR_OK, "it was silent");
    cr_assert(guard_store_progress(link, &first, &progress) == ERR_FENCED);
    cr_assert(sale_store_raise_epoch(link, &first, 0, &cut) == ERR_FENCED);
    cr_assert(sale_store_request_open(link, &first, 0) == ERR_FENCED);
    progress.step = GUARD_STEP_DONE;
    cr_assert(guard_store_progress(link, &second, &progress) == ERR_OK);
    cr_assert(guard_store_progress(link, &second, &progress) == ERR_FENCED, "it is finished");
    cr_assert(guard_store_claim(link, sale, "three", 60000, &first) == ERR_OK);
    mysql_link_destroy(link);
}
