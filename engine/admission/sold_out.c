/* sold_out.c: the four conditions of PROTOCOL §3.8, one by one. */
#include "admission/sold_out.h"

#include <string.h>

#include "admission/bloom.h"
#include "common/assert.h"

bool no_kinds_any(const struct no_kinds *kinds)
{
    return kinds->skus != 0 || kinds->paused || kinds->ended;
}

bool no_kinds_cover(const struct no_kinds *whole, const struct no_kinds *part)
{
    return (part->skus & ~whole->skus) == 0 && (whole->paused || !part->paused)
           && (whole->ended || !part->ended);
}

struct no_kinds no_kinds_union(const struct no_kinds *a, const struct no_kinds *b)
{
    return (struct no_kinds){
        .skus = a->skus | b->skus, .paused = a->paused || b->paused, .ended = a->ended || b->ended};
}

void sold_out_init(struct sold_out *memory, uint32_t lease_ms)
{
    *memory = (struct sold_out){.lease_us = (int64_t)lease_ms * 1000};
}

static void drop_winners(struct sold_out *memory)
{
    bloom_release(memory->winners.buyers);
    memory->winners = (struct winners){0};
}

void sold_out_finish(struct sold_out *memory)
{
    drop_winners(memory);
}

void sold_out_forget(struct sold_out *memory)
{
    drop_winners(memory);
    memory->epoch = 0;
    memory->version = 0;
    memory->kinds = (struct no_kinds){0};
    memory->sent_us = 0;
}

void sold_out_see(struct sold_out *memory, uint32_t epoch, uint64_t version,
                  const struct no_kinds *kinds, int64_t sent_us)
{
    ASSERT(epoch != 0);
    if (memory->epoch != epoch || memory->version != version) {
        sold_out_forget(memory);
    }
    memory->epoch = epoch;
    memory->version = version;
    memory->kinds = *kinds;
    if (sent_us > memory->sent_us) {
        memory->sent_us = sent_us;
    }
}

static bool is_current(const struct sold_out *memory, const struct winners *winners)
{
    return winners->buyers != NULL && winners->epoch == memory->epoch
           && winners->version == memory->version;
}

bool sold_out_offer(struct sold_out *memory, const struct winners *winners)
{
    if (!is_current(memory, winners)
        || (is_current(memory, &memory->winners)
            && no_kinds_cover(&memory->winners.kinds, &winners->kinds))) {
        return false;
    }
    struct bloom *share = bloom_share(winners->buyers);
    drop_winners(memory);
    memory->winners = *winners;
    memory->winners.buyers = share;
    return true;
}

bool sold_out_wants_scan(const struct sold_out *memory)
{
    if (memory->epoch == 0 || memory->version % 2 != 0 || !no_kinds_any(&memory->kinds)) {
        return false;
    }
    return !is_current(memory, &memory->winners)
           || !no_kinds_cover(&memory->winners.kinds, &memory->kinds);
}

/* Condition 3: the no was true in a reply before the scan of this filter began. */
static enum sold_out_answer covered_no(const struct no_kinds *kinds, uint32_t sku)
{
    if (kinds->ended) {
        return SOLD_OUT_SAY_ENDED;
    }
    if (kinds->paused) {
        return SOLD_OUT_SAY_PAUSED;
    }
    return (kinds->skus >> sku & 1) != 0 ? SOLD_OUT_SAY_SOLD_OUT : SOLD_OUT_ASK;
}

enum sold_out_answer sold_out_ask(const struct sold_out *memory, uint32_t sku,
                                  const struct buyer *buyer, int64_t now_us)
{
    ASSERT(sku < SALE_SKUS_MAX);
    if (memory->version % 2 != 0) { /* condition 1 */
        return SOLD_OUT_ASK;
    }
    if (memory->sent_us <= now_us - memory->lease_us) { /* condition 2 */
        return SOLD_OUT_ASK;
    }
    if (!is_current(memory, &memory->winners)) { /* condition 3, with covered_no() */
        return SOLD_OUT_ASK;
    }
    enum sold_out_answer answer = covered_no(&memory->winners.kinds, sku);
    if (answer == SOLD_OUT_ASK) {
        return answer;
    }
    if (bloom_may_contain(memory->winners.buyers, buyer->text, buyer->size)) { /* condition 4 */
        return SOLD_OUT_ASK_MAYBE;
    }
    return answer;
}
