/* Notices through settle, on fakes of MySQL and of what a notice does. */
#include "settlement/settle_notices.h"

#include <criterion/criterion.h>
#include <string.h>

#include "codec/notice_event.h"
#include "common/metrics.h"
#include "support/fakes/fake_ledger.h"
#include "support/fakes/fake_notice_apply.h"
#include "support/notices.h"

enum { NOTICES = 6 };

static const struct order_no order_no = {((uint64_t)7 << 40) | ((uint64_t)1 << 26) | 1};
static struct mysql_link *link;
static struct settle *settle;
static struct notice notices[NOTICES];
static struct settle_item items[NOTICES];
static struct settle_stats stats;

static void begin(void)
{
    uint64_t next = 1;

    link = fake_ledger_create();
    for (size_t i = 0; i < NOTICES; i++) {
        notices[i] = notice_of(NOTICE_KIND_PAID, order_no, "e", "t");
        items[i] = (struct settle_item){
            .offset = i, .notice = &notices[i], .payload = "bytes", .payload_size = 5};
    }
    settle = settle_create(&(struct settle_options){
        .kind = &settle_notices_kind, .link = link, .topic = "notices", .part = 1, .owner = "me"});
    cr_assert(settle && settle_claim(settle, &next) == SETTLE_DONE && next == 0);
}

static void end(void)
{
    settle_destroy(settle);
    fake_ledger_destroy(link);
}

TestSuite(settle_notices, .init = begin, .fini = end);

static enum settle_result run(void)
{
    return settle_batch(settle, items, NOTICES, &stats);
}

Test(settle_notices, what_is_refused_is_put_aside_and_the_others_have_their_effect)
{
    fake_notice_apply.refused = 3;
    cr_assert(run() == SETTLE_DONE && stats.taken == NOTICES);
    cr_assert(link->data.notice_count == NOTICES - 1 && link->data.next == NOTICES);
    cr_assert(link->data.dead_count == 1 && stats.dead[DEAD_REASON_VALUE] == 1);
    cr_assert(link->data.dead[0].offset == 2);
    cr_assert(link->data.dead[0].order_no.value == order_no.value);
    cr_assert_eq(fake_notice_apply.told_count, NOTICES - 1, "it had no effect to be told");
}

Test(settle_notices, what_cannot_be_read_goes_with_the_batch)
{
    items[1].notice = NULL;
    items[1].hint = order_no;
    items[4].notice = NULL;
    cr_assert(run() == SETTLE_DONE && stats.taken == NOTICES);
    cr_assert(link->data.dead_count == 2 && stats.dead[DEAD_REASON_UNREADABLE] == 2);
    cr_assert(link->data.dead[0].offset == 1 && link->data.dead[0].sale.value == 7);
    cr_assert(link->data.dead[1].offset == 4 && link->data.dead[1].sale.value == 0);
    cr_assert(fake_notice_apply.locked == NOTICES - 2 && fake_notice_apply.told_count == 4);
    cr_assert(link->calls[FAKE_COMMIT] == 1, "one transaction");
}

Test(settle_notices, one_whose_order_cannot_be_read_is_put_aside_and_the_others_go_on)
{
    fake_notice_apply.refused = 5;
    fake_notice_apply.refused_err = ERR_PARSE;
    cr_assert(run() == SETTLE_DONE && stats.taken == NOTICES);
    cr_assert(link->data.notice_count == NOTICES - 1 && link->data.next == NOTICES);
    cr_assert(link->data.dead_count == 1 && stats.dead[DEAD_REASON_ROW] == 1);
    cr_assert(link->data.dead[0].offset == 4);
    cr_assert(link->data.dead[0].order_no.value == order_no.value, "the letter holds its order");
}

Test(settle_notices, a_newer_version_is_a_letter_that_holds_its_order)
{
    notices[2].version = 2;
    cr_assert(run() == SETTLE_DONE && stats.taken == NOTICES);
    cr_assert(link->data.notice_count == NOTICES - 1 && link->data.next == NOTICES);
    cr_assert(link->data.dead_count == 1 && stats.dead[DEAD_REASON_VERSION] == 1);
    cr_assert(link->data.dead[0].order_no.value == order_no.value);
    cr_assert(fake_notice_apply.locked == NOTICES - 1);
    cr_assert(fake_notice_apply.told_count == NOTICES - 1);
    cr_assert(link->calls[FAKE_COMMIT] == 1, "one transaction");
}

Test(settle_notices, nothing_is_told_of_a_batch_that_was_rolled_back)
{
    static const enum err errs[] = {ERR_LOST, ERR_UNAVAILABLE, ERR_REFUSED, ERR_NO_MEMORY};

    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        end();
        begin();
        fake_notice_apply = (struct fake_notice_apply){.err = errs[i]};
        cr_assert(run() == SETTLE_AGAIN && stats.taken == 0, "%zu", i);
        cr_assert(link->data.notice_count == 0 && link->data.next == 0, "%zu", i);
        cr_assert(fake_notice_apply.told_count == 0 && link->data.dead_count == 0, "%zu", i);
        cr_assert(run() == SETTLE_DONE && link->data.notice_count == NOTICES, "%zu", i);
        cr_assert(fake_notice_apply.told_count == NOTICES, "%zu", i);
    }
}

Test(settle_notices, a_lost_commit_that_happened_is_not_repeated)
{
    link->lost_commit_happened = true;
    fake_ledger_fail(link, FAKE_COMMIT, ERR_LOST, 1);
    cr_assert(run() == SETTLE_AGAIN);
    cr_assert(run() == SETTLE_DONE && stats.found == NOTICES);
    cr_assert(link->data.notice_count == NOTICES);
}

Test(settle_notices, a_deadlock_is_repeated)
{
    fake_notice_apply.lock_err = ERR_BUSY;
    link->code = 1213;
    cr_assert(run() == SETTLE_DONE && link->data.notice_count == NOTICES);
    cr_assert(fake_notice_apply.locks == 2 && stats.retries[LABEL_SQL_DEADLOCK] == 1);
}

Test(settle_notices, one_who_lost_the_partition_writes_nothing)
{
    link->data.owner_epoch++;
    cr_assert(run() == SETTLE_FENCED && link->data.notice_count == 0);
}

Test(settle_notices, a_gap_stops_the_partition)
{
    for (size_t i = 0; i < NOTICES; i++) {
        items[i].offset += 2;
    }
    cr_assert(run() == SETTLE_GAP && stats.missing == 2 && link->data.notice_count == 0);
}

Test(settle_notices, one_alone_needs_no_order_of_locks)
{
    cr_assert(settle_batch(settle, items, 1, &stats) == SETTLE_DONE);
    cr_assert(fake_notice_apply.locks == 0 && link->data.notice_count == 1);
}

Test(settle_notices, bytes_are_read_as_a_notice)
{
    struct notice_event event;
    struct notice read;
    struct order_no hint = {0};

    cr_assert(notice_event_pack(&notices[0], &event) == ERR_OK);
    cr_assert(sizeof read == settle_notices_kind.record_size);
    cr_assert_null(settle_notices_kind.read(event.bytes, event.size, &read, &hint));
    cr_assert(read.order_no.value == order_no.value);
    cr_assert_str_eq(settle_notices_kind.read(event.bytes, event.size - 1, &read, &hint),
                     "truncated");
}

Test(settle_notices, the_sweep_goes_on_while_there_is_more)
{
    struct settle_turn turn = {.arg = NULL};
    bool is_more = true;

    fake_notice_apply.sweep_max = 3;
    cr_assert(settle_notices_kind.sweep(link, &turn, NULL, &is_more) == ERR_OK && !is_more);
    fake_notice_apply.sweep_max = UINT32_MAX;
    cr_assert(settle_notices_kind.sweep(link, &turn, NULL, &is_more) == ERR_OK && is_more);
    fake_notice_apply.sweep_err = ERR_UNAVAILABLE;
    cr_assert(settle_notices_kind.sweep(link, &turn, NULL, &is_more) == ERR_UNAVAILABLE);
}
