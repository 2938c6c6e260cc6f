#include "settlement/settle_sweep.h"

#include "loop/waiter.h"

static bool goes_on(void *arg)
{
    const struct settle_sweep *sweep = arg;

    return !waiter_is_stopped(sweep->waiter) && waiter_now_us(sweep->waiter) < sweep->until_us;
}

enum err settle_sweep_round(struct settle_sweep *sweep)
{
    const int64_t now_us = waiter_now_us(sweep->waiter);
    struct settle_turn turn = {.after = sweep->swept, .goes_on = goes_on, .arg = sweep};
    bool is_more = false;

    if (now_us < sweep->due_us) {
        return ERR_OK;
    }
    sweep->until_us = now_us + (int64_t)SETTLE_SWEEP_ROUND_MS * 1000;
    const enum err err = sweep->kind->sweep(sweep->link, &turn, sweep->shard, &is_more);
    sweep->swept = turn.after;
    sweep->due_us = now_us + (err == ERR_OK && is_more ? 0 : (int64_t)SETTLE_SWEEP_MS * 1000);
    return err;
}
