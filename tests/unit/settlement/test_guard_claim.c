/* Who may take a sale for a load, and what that leaves. */
#include <criterion/criterion.h>
#include <string.h>

#include "ledger/mysql_link.h"
#include "ledger/sale_store.h"
#include "settlement/guard.h"
#include "unit/settlement/quiet.h"

static struct {
    uint32_t epoch;
    enum err claim_err;
    struct guard_want want; /* as asked */
    struct guard_progress progress;
} world;

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.epoch = world.epoch;
    return sale.value == 7 ? ERR_OK : ERR_NOT_FOUND;
}

enum err guard_store_claim_for(struct mysql_link *link, const struct guard_want *want,
                               struct guard_claim *ret_claim)
{
    (void)link;
    world.want = *want;
    if (world.claim_err == ERR_OK) {
        *ret_claim = (struct guard_claim){.sale = want->sale, .fence = 5};
    }
    return world.claim_err;
}

enum err guard_store_progress(struct mysql_link *link, const struct guard_claim *claim,
                              const struct guard_progress *progress)
{
    (void)link;
    cr_assert_eq(claim->fence, 5);
    world.progress = *progress;
    cr_assert_str_eq(progress->actor->name, "admin");
    return ERR_OK;
}

static const struct guard_context context = {.owner = "me"};
static const struct admin_actor actor = {.name = "admin", .request_id = "r-1"};
static struct guard_request request;

static enum err take(uint32_t sale, bool is_recover, const uint64_t *seen)
{
    return guard_claim_sale(&context, (struct sale_id){sale}, &actor, is_recover, "why", seen,
                            &request);
}

Test(guard_claim, an_unknown_sale_is_not_claimed)
{
    cr_assert_eq(take(8, false, NULL), ERR_NOT_FOUND);
    cr_assert_null(world.want.owner);
}

Test(guard_claim, a_sale_that_was_never_loaded_cannot_be_recovered)
{
    cr_assert_eq(take(7, true, NULL), ERR_CONFLICT);
    cr_assert_null(world.want.owner);
    cr_assert_eq(take(7, false, NULL), ERR_OK);
}

Test(guard_claim, another_load_is_told)
{
    world.claim_err = ERR_BUSY;
    cr_assert_eq(take(7, false, NULL), ERR_BUSY);
}

Test(guard_claim, mysql_away_is_told)
{
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(take(7, false, NULL), ERR_UNAVAILABLE);
}

Test(guard_claim, it_says_who_and_why)
{
    world.epoch = 3;
    cr_assert_eq(take(7, true, NULL), ERR_OK);
    cr_assert(!world.want.has_seen && world.want.stale_ms == GUARD_STALE_MS);
    cr_assert_str_eq(world.want.action, "recover");
    cr_assert_str_eq(world.want.detail, "why");
    cr_assert_str_eq(world.want.owner, "me");
    cr_assert_str_eq(request.actor, "admin");
    cr_assert_str_eq(request.request_id, "r-1");
    cr_assert_eq(request.claim.fence, 5);
    cr_assert_str_eq(guard_request_action(&request), "recover");
}

Test(guard_claim, only_the_row_that_was_seen_is_taken)
{
    const uint64_t seen = 4;

    cr_assert_eq(take(7, false, &seen), ERR_OK);
    cr_assert(world.want.has_seen && world.want.seen_fence == 4);
    cr_assert_str_eq(world.want.action, "load");
}

Test(guard_claim, a_claim_can_be_ended_without_a_load)
{
    cr_assert_eq(take(7, false, NULL), ERR_OK);
    cr_assert_eq(guard_end_claim(&context, &request, GUARD_STEP_FAILED, "no room"), ERR_OK);
    cr_assert_eq(world.progress.step, GUARD_STEP_FAILED);
    cr_assert_str_eq(world.progress.note, "no room");
}
