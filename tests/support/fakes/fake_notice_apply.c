#include "support/fakes/fake_notice_apply.h"

#include <string.h>

#include "common/assert.h"
#include "settlement/notice_tell.h"
#include "settlement/parked.h"
#include "support/fakes/fake_ledger.h"

struct fake_notice_apply fake_notice_apply;

static enum err once(enum err *err)
{
    const enum err now = *err;

    *err = ERR_OK;
    return now;
}

enum err notice_apply_in(struct mysql_link *link, const struct notice *notice,
                         const struct notice_place *place, struct notice_applied *ret_applied)
{
    ASSERT(link->in_transaction);
    ASSERT(notice->version == 1);
    if (fake_notice_apply.refused == place->offset + 1) {
        return fake_notice_apply.refused_err != ERR_OK ? fake_notice_apply.refused_err : ERR_RANGE;
    }
    const enum err err = once(&fake_notice_apply.err);
    if (err != ERR_OK) {
        return err;
    }
    ASSERT(link->data.notice_count < FAKE_ROWS_MAX);
    link->data.notices[link->data.notice_count++] = place->offset;
    *ret_applied = (struct notice_applied){
        .result = NOTICE_APPLIED,
        .kind = notice->kind,
        .order_no = notice->order_no,
        .part = place->part,
        .offset = place->offset,
    };
    return ERR_OK;
}

enum err notice_apply_lock_in(struct mysql_link *link, const struct notice *const *notices,
                              size_t count)
{
    ASSERT(link->in_transaction);
    ASSERT(count > 0 && notices[count - 1] != NULL);
    fake_notice_apply.locks++;
    fake_notice_apply.locked = (uint32_t)count;
    return once(&fake_notice_apply.lock_err);
}

void notice_applied_tell(const struct notice_applied *applied, struct metrics_shard *shard)
{
    (void)shard;
    ASSERT(fake_notice_apply.told_count < FAKE_TOLD_MAX);
    fake_notice_apply.told[fake_notice_apply.told_count++] = applied->offset;
}

const char *notice_result_name(enum notice_result result)
{
    return result == NOTICE_APPLIED ? "applied" : "quarantined";
}

enum err parked_sweep(struct mysql_link *link, uint32_t limit, struct settle_turn *turn,
                      struct metrics_shard *shard, struct parked_stats *ret_stats)
{
    (void)link;
    (void)turn;
    (void)shard;
    fake_notice_apply.sweeps++;
    *ret_stats = (struct parked_stats){
        .orders = fake_notice_apply.sweep_max < limit ? fake_notice_apply.sweep_max : limit,
        .is_more = fake_notice_apply.sweep_max >= limit};
    return fake_notice_apply.sweep_err;
}
