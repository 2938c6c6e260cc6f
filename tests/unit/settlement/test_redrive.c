#include <criterion/criterion.h>
#include <string.h>

#include "codec/notice_event.h"
#include "codec/order_event.h"
#include "settlement/redrive.h"
#include "support/fakes/fake_ledger.h"
#include "support/fakes/fake_notice_apply.h"
#include "support/notices.h"

enum { SALE = 7, EPOCH = 3 };

static const struct redrive_topics topics = {.orders = "orders", .notices = "notices"};
static const struct admin_actor actor = {.name = "ann", .request_id = "r"};
static struct mysql_link *link;
static struct order_event event;
static struct order_record record;

/* One dead letter, id 1: a record that would be settled now. */
static void begin(void)
{
    link = fake_ledger_create();
    fake_ledger_add_sale(link, SALE, EPOCH, 10);
    record = (struct order_record){.version = 1,
                                   .sku = {1, "a"},
                                   .quantity = 2,
                                   .unit_price = 5,
                                   .currency = "CNY",
                                   .buyer = {1, "b"},
                                   .won_at_ms = 1000,
                                   .pay_by_ms = 2000};
    cr_assert(order_no_make((struct sale_id){SALE}, EPOCH, 1, &record.order_no) == ERR_OK);
    cr_assert(order_event_pack(&record, &event) == ERR_OK);
    link->data.dead[0] = (struct dead_letter){.topic = "orders",
                                              .part = 1,
                                              .offset = 9,
                                              .sale = {SALE},
                                              .reason = DEAD_REASON_UNKNOWN_SALE,
                                              .payload = event.bytes,
                                              .payload_size = event.size};
    link->data.dead_count = 1;
}

static void end(void)
{
    fake_ledger_destroy(link);
}

TestSuite(redrive, .init = begin, .fini = end);

static struct redrive drive(void)
{
    struct redrive redrive;

    cr_assert(redrive_dead_letter(link, &topics, 1, &actor, &redrive) == ERR_OK);
    return redrive;
}

static void expect_stays(const char *why)
{
    const struct redrive redrive = drive();

    cr_assert(redrive.result == REDRIVE_STAYS && strstr(redrive.why, why), "%s", redrive.why);
    cr_assert(link->data.order_count == 0 && link->data.dead[0].resolved_ms == 0);
    cr_assert(link->data.admin_rows == 0 && link->data.dead_count == 1 && !link->data.frozen[0]);
    cr_assert(link->data.sales[0].skus[0].sold == 0);
}

Test(redrive, there_is_no_such_letter)
{
    struct redrive redrive;

    cr_assert(redrive_dead_letter(link, &topics, 2, &actor, &redrive) == ERR_NOT_FOUND);
}

Test(redrive, what_still_cannot_be_read_stays)
{
    link->data.dead[0].payload_size--;
    expect_stays("truncated");
}

Test(redrive, what_is_still_of_no_sale_or_sku_stays)
{
    link->data.sales[0].skus[0].sku = (struct sku){1, "z"};
    expect_stays("no such sku");
    link->data.sale_count = 0;
    expect_stays("no sale 7");
}

Test(redrive, a_newer_epoch_stays)
{
    link->data.sales[0].epoch = EPOCH - 1;
    expect_stays("newer epoch");
}

Test(redrive, a_value_that_MySQL_refuses_stays)
{
    fake_ledger_fail(link, FAKE_INSERT, ERR_RANGE, 1);
    expect_stays("values");
}

Test(redrive, a_clash_stays)
{
    link->data.orders[0] = (struct order_row){.record = record, .state = ORDER_STATE_PENDING};
    link->data.orders[0].record.quantity = 1;
    link->data.order_count = 1;
    const struct redrive redrive = drive();
    cr_assert(redrive.result == REDRIVE_STAYS && strstr(redrive.why, "Another order"));
    cr_assert(link->data.dead[0].resolved_ms == 0);
}

Test(redrive, a_letter_of_another_topic_stays)
{
    link->data.dead[0].topic = "events";
    expect_stays("topic events");
}

/* The letter is a notice. */
static void become_notice(struct notice_event *bytes)
{
    const struct notice notice = notice_of(NOTICE_KIND_PAID, record.order_no, "e", "t");

    cr_assert(notice_event_pack(&notice, bytes) == ERR_OK);
    link->data.dead[0].topic = "notices";
    link->data.dead[0].payload = bytes->bytes;
    link->data.dead[0].payload_size = bytes->size;
}

Test(redrive, a_notice_that_still_cannot_be_read_or_is_refused_stays)
{
    struct notice_event notice;

    become_notice(&notice);
    link->data.dead[0].payload_size--;
    expect_stays("truncated");
    become_notice(&notice);
    fake_notice_apply.refused = 10;
    expect_stays("values");
    cr_assert(fake_notice_apply.told_count == 0);
}

Test(redrive, a_notice_has_its_effect_once)
{
    struct notice_event notice;

    become_notice(&notice);
    fake_notice_apply.err = ERR_BUSY;
    const struct redrive first = drive();
    cr_assert(first.result == REDRIVE_APPLIED && first.sale.value == SALE);
    cr_assert_str_eq(first.resolution, "ann: notice applied");
    cr_assert(link->data.notice_count == 1 && link->data.notices[0] == 9);
    cr_assert(link->data.order_count == 0 && link->data.admin_rows == 1);
    cr_assert(drive().result == REDRIVE_BEFORE && link->data.notice_count == 1);
    cr_assert(fake_notice_apply.told_count == 1);
}

Test(redrive, one_that_can_be_settled_is_applied_once)
{
    const struct redrive first = drive();
    const struct order_row *row = fake_ledger_find(link, record.order_no);

    cr_assert(first.result == REDRIVE_APPLIED && first.resolved_ms == 6000);
    cr_assert_str_eq(first.resolution, "ann: applied as PENDING");
    cr_assert(first.order_no.value == record.order_no.value && first.sale.value == SALE);
    cr_assert(row->state == ORDER_STATE_PENDING && row->offset == 9 && row->part == 1);
    cr_assert_str_eq(row->topic, "orders");
    cr_assert(row->record.pay_by_ms == 6000, "the whole window from now on");
    cr_assert(link->data.sales[0].skus[0].sold == 2 && link->data.admin_rows == 1);
    cr_assert(link->data.next == 0, "the consumer's place is not its business");

    const struct redrive second = drive();
    cr_assert(second.result == REDRIVE_BEFORE && second.resolved_ms == 6000);
    cr_assert_str_eq(second.resolution, first.resolution);
    cr_assert(link->data.sales[0].skus[0].sold == 2 && link->data.admin_rows == 1);
}

Test(redrive, a_duplicate_is_resolved_without_a_second_row)
{
    link->data.orders[0] = (struct order_row){.record = record, .state = ORDER_STATE_PAID};
    link->data.order_count = 1;
    const struct redrive redrive = drive();
    cr_assert(redrive.result == REDRIVE_APPLIED);
    cr_assert_str_eq(redrive.resolution, "ann: had its row already");
    cr_assert(link->data.order_count == 1 && link->data.sales[0].skus[0].sold == 0);
}

Test(redrive, what_does_not_fit_any_more_is_voided_and_told)
{
    link->data.sales[0].skus[0].total = 1;
    const struct redrive redrive = drive();
    cr_assert_str_eq(redrive.resolution, "ann: applied as VOIDED");
    cr_assert(link->data.outbox_count == 2, "letter and event");
}

Test(redrive, a_deadlock_is_repeated_and_a_lost_commit_told)
{
    struct redrive redrive;

    fake_ledger_fail(link, FAKE_TAKE, ERR_BUSY, 2);
    cr_assert(drive().result == REDRIVE_APPLIED && link->data.sales[0].skus[0].sold == 2);
    end();
    begin();
    link->lost_commit_happened = true;
    fake_ledger_fail(link, FAKE_COMMIT, ERR_LOST, 1);
    cr_assert(redrive_dead_letter(link, &topics, 1, &actor, &redrive) == ERR_LOST);
    cr_assert(drive().result == REDRIVE_BEFORE && link->data.order_count == 1);
}

static const char *reason = "ticket 815: …";

static struct redrive close_letter(void)
{
    const struct admin_actor with_reason = {.name = "ann", .why = reason};
    struct redrive redrive;

    cr_assert(redrive_close_dead_letter(link, &topics, 1, &with_reason, &redrive) == ERR_OK);
    return redrive;
}

Test(redrive, one_that_could_be_applied_is_not_closed)
{
    const struct redrive redrive = close_letter();

    cr_assert(redrive.result == REDRIVE_GOOD);
    cr_assert(link->data.order_count == 0 && link->data.sales[0].skus[0].sold == 0);
    cr_assert(link->data.dead[0].resolved_ms == 0 && link->data.admin_rows == 0);
    cr_assert(drive().result == REDRIVE_APPLIED);
    cr_assert(close_letter().result == REDRIVE_BEFORE);
}

Test(redrive, one_that_cannot_is_closed_once_with_its_reason)
{
    link->data.dead[0].payload_size--;
    const struct redrive redrive = close_letter();
    cr_assert(redrive.result == REDRIVE_CLOSED && redrive.resolved_ms > 0);
    cr_assert_str_eq(redrive.resolution, "ann: closed", "in ASCII, whatever the reason is in");
    cr_assert_str_eq(link->data.admin_detail, "id=1 order_no=0 closed: ticket 815: …");
    cr_assert(link->data.order_count == 0 && link->data.admin_rows == 1);
    cr_assert(close_letter().result == REDRIVE_BEFORE && link->data.admin_rows == 1);
    cr_assert(drive().result == REDRIVE_BEFORE && link->data.order_count == 0);
}

Test(redrive, the_longest_reason_is_kept_whole)
{
    char text[REDRIVE_REASON_SIZE_MAX + 1];

    memset(text, 'x', sizeof text);
    memcpy(&text[REDRIVE_REASON_SIZE_MAX - 3], "…", sizeof "…");
    reason = text;
    link->data.dead[0].topic = "events";
    link->data.dead[0].order_no.value = UINT64_MAX;
    cr_assert(close_letter().result == REDRIVE_CLOSED);
    cr_assert_not_null(strstr(link->data.admin_detail, text));
}

Test(redrive, a_notice_whose_order_is_still_broken_stays_and_can_be_closed)
{
    struct notice_event notice;

    become_notice(&notice);
    fake_notice_apply.refused = 10;
    fake_notice_apply.refused_err = ERR_PARSE;
    expect_stays("A row that it needs still cannot be read.");
    cr_assert(close_letter().result == REDRIVE_CLOSED && link->data.dead[0].resolved_ms > 0);
    cr_assert(link->data.notice_count == 0 && fake_notice_apply.told_count == 0);
}

Test(redrive, a_win_whose_sale_cannot_be_read_waits_for_it)
{
    const struct admin_actor with_reason = {.name = "ann", .why = "lost?"};
    struct redrive redrive;

    fake_ledger_fail(link, FAKE_SALE, ERR_PARSE, 2);
    cr_assert(redrive_dead_letter(link, &topics, 1, &actor, &redrive) == ERR_PARSE);
    cr_assert(redrive_close_dead_letter(link, &topics, 1, &with_reason, &redrive) == ERR_PARSE,
              "nobody can tell yet that it is no win");
    cr_assert(link->data.dead[0].resolved_ms == 0 && link->data.admin_rows == 0);
    cr_assert(drive().result == REDRIVE_APPLIED);
}

Test(redrive, a_clash_that_is_closed_freezes_nothing)
{
    link->data.orders[0] = (struct order_row){.record = record, .state = ORDER_STATE_PENDING};
    link->data.orders[0].record.quantity = 1;
    link->data.order_count = 1;
    cr_assert(close_letter().result == REDRIVE_CLOSED);
    cr_assert(!link->data.frozen[0] && link->data.dead_count == 1 && link->data.admin_rows == 1);
}
