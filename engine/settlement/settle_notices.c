#include "settlement/settle_notices.h"

#include <stdlib.h>

#include "codec/notice_event.h"
#include "common/assert.h"
#include "common/metrics.h"
#include "ledger/offset_store.h"
#include "settlement/notice_apply.h"
#include "settlement/notice_rule.h"
#include "settlement/notice_tell.h"
#include "settlement/parked.h"
#include "settlement/settle_count.h"
#include "settlement/settle_dead.h"

/* A chunk goes through write_notices() like this:
 *
 *   the rows that they need, locked in one order   notice_apply_lock_in()
 *   each notice, by offset                         notice_apply_in()
 *   what cannot be read, or is of a newer version   settle_dead_put_in()
 *
 * Of a newer version the known fields are read, so that its dead letter holds its order. */
struct notices {
    struct mysql_link *link;        /* borrowed */
    struct metrics_shard *shard;    /* borrowed or NULL */
    const struct notice **readable; /* owned, SETTLE_BATCH_MAX; borrows of the call */
    struct notice_applied *applied; /* owned, SETTLE_BATCH_MAX: of the chunk, by item */
};

static_assert((int)NOTICE_LOCK_MAX >= (int)SETTLE_BATCH_MAX, "a batch is locked at once");

static const char *read_notice(const void *bytes, size_t size, void *ret_record,
                               struct order_no *ret_hint)
{
    const enum record_fault fault = notice_event_read(bytes, size, ret_record, ret_hint);

    return fault == RECORD_FAULT_NONE ? NULL : record_fault_name(fault);
}

static struct order_no number_of(const struct settle_item *item)
{
    return item->notice != NULL ? item->notice->order_no : item->hint;
}

static void destroy(void *state)
{
    struct notices *notices = state;

    if (notices != NULL) {
        free(notices->readable);
        free(notices->applied);
        free(notices);
    }
}

static void *create(const struct settle_options *options)
{
    struct notices *notices = calloc(1, sizeof *notices);

    if (notices == NULL) {
        return NULL;
    }
    notices->link = options->link;
    notices->shard = options->shard;
    notices->readable = calloc(SETTLE_BATCH_MAX, sizeof *notices->readable);
    notices->applied = calloc(SETTLE_BATCH_MAX, sizeof *notices->applied);
    if (notices->readable == NULL || notices->applied == NULL) {
        destroy(notices);
        return NULL;
    }
    return notices;
}

static bool is_judged(const struct settle_item *item)
{
    return item->notice != NULL && !notice_rule_is_newer(item->notice);
}

static enum err lock_rows(struct notices *notices, const struct settle_item *items, size_t count)
{
    size_t readable = 0;

    for (size_t i = 0; i < count; i++) {
        if (is_judged(&items[i])) {
            notices->readable[readable++] = items[i].notice;
        }
    }
    return readable > 1 ? notice_apply_lock_in(notices->link, notices->readable, readable) : ERR_OK;
}

static enum err write_notices(void *state, const struct offset_claim *claim,
                              const struct settle_item *items, size_t count,
                              struct settle_stats *stats, size_t *ret_taken)
{
    struct notices *notices = state;
    enum err err = lock_rows(notices, items, count);

    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        const struct settle_item *item = &items[i];
        const struct notice_place place = {
            .topic = claim->topic, .part = claim->part, .offset = item->offset};
        err = is_judged(item)
                  ? notice_apply_in(notices->link, item->notice, &place, &notices->applied[i])
                  : settle_dead_put_in(
                      notices->link, claim, item, number_of(item),
                      item->notice != NULL ? DEAD_REASON_VERSION : DEAD_REASON_UNREADABLE, stats);
    }
    if (err == ERR_OK) {
        *ret_taken = count;
    }
    return err;
}

static void tell_applied(void *state, const struct settle_item *items, size_t count)
{
    const struct notices *notices = state;

    for (size_t i = 0; i < count; i++) {
        if (is_judged(&items[i])) {
            notice_applied_tell(&notices->applied[i], notices->shard);
        }
    }
}

static enum err sweep_parked(struct mysql_link *link, struct settle_turn *turn,
                             struct metrics_shard *shard, bool *ret_more)
{
    struct parked_stats stats;
    const enum err err = parked_sweep(link, PARKED_SWEEP_MAX, turn, shard, &stats);

    *ret_more = stats.is_more;
    return err;
}

const struct settle_kind settle_notices_kind = {
    .record_size = sizeof(struct notice),
    .read = read_notice,
    .order_no = number_of,
    .create = create,
    .destroy = destroy,
    .sets_broken_rows_aside = true,
    .write = write_notices,
    .committed = tell_applied,
    .count = settle_count_notices,
    .sweep = sweep_parked,
    .points = {FAILPOINT_notice_begun, FAILPOINT_notice_written, FAILPOINT_notice_advanced,
               FAILPOINT_notice_committed},
};
