#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <signal.h>

#include "inventory/outbox.h"
#include "loop/loop.h"

static const struct sale_id A = {7}, B = {8};
static struct loop *loop;
static struct outbox *outbox;

static void set_up(void)
{
    loop = loop_create(&(struct loop_options){.name = "test"});
    outbox = outbox_create(&(struct outbox_options){.loop = loop, .entries_max = 4});
    cr_assert(loop && outbox);
}

static void tear_down(void)
{
    outbox_destroy(outbox);
    loop_destroy(loop);
}

TestSuite(outbox, .init = set_up, .fini = tear_down);

static uint32_t take(struct sale_id sale, uint32_t epoch, uint32_t *seqs)
{
    return outbox_take_acks(outbox, sale, epoch, seqs, 256);
}

Test(outbox, no_room_is_handle_0_and_nothing_breaks)
{
    for (uint32_t seq = 1; seq <= 4; seq++) {
        cr_assert_neq(outbox_won(outbox, A, 1, seq, 1), 0);
    }
    cr_assert(outbox_is_full(outbox));
    cr_assert_eq(outbox_won(outbox, A, 1, 5, 1), 0);
    outbox_reported(outbox, 0);
    outbox_abandoned(outbox, 0);
    outbox_acknowledge(outbox, B, 1, 9);
    cr_assert(!outbox_is_underway(outbox, B, 1, 9));
    cr_assert_eq(outbox_depth(outbox), 4);
}

Test(outbox, one_missing_report_keeps_the_entry)
{
    uint64_t handle = outbox_won(outbox, A, 1, 10, 3);
    uint32_t seqs[256];

    outbox_reported(outbox, handle);
    outbox_reported(outbox, handle);
    cr_assert_eq(take(A, 1, seqs), 0);
    cr_assert_eq(outbox_depth(outbox), 1);
    cr_assert_neq(outbox_oldest_us(outbox), 0);
    outbox_reported(outbox, handle);
    cr_assert_eq(outbox_depth(outbox), 0);
    cr_assert_eq(outbox_oldest_us(outbox), 0);
    cr_assert(outbox_is_underway(outbox, A, 1, 10));
    outbox_reported(outbox, handle);
    cr_assert(take(A, 1, seqs) == 1 && seqs[0] == 10);
    cr_assert(!outbox_is_underway(outbox, A, 1, 10));
    cr_assert_eq(take(A, 1, seqs), 0);
}

Test(outbox, an_abandoned_win_leaves_the_entry_to_the_relay)
{
    uint64_t handle = outbox_won(outbox, A, 1, 10, 2);
    uint32_t seqs[256];

    outbox_reported(outbox, handle);
    outbox_abandoned(outbox, handle);
    cr_assert(!outbox_is_underway(outbox, A, 1, 10));
    outbox_reported(outbox, handle);
    cr_assert_eq(take(A, 1, seqs), 0);
    cr_assert_eq(outbox_depth(outbox), 0);
}

Test(outbox, new_link_forgets_all_and_old_handles_do_nothing)
{
    uint64_t waiting = outbox_won(outbox, A, 1, 1, 1);
    uint64_t acked = outbox_won(outbox, B, 1, 2, 1);
    uint32_t seqs[256];

    outbox_reported(outbox, acked);
    outbox_forget(outbox);
    cr_assert_eq(outbox_depth(outbox), 0);
    cr_assert_neq(outbox_won(outbox, A, 1, 3, 1), 0);
    outbox_reported(outbox, waiting);
    outbox_reported(outbox, acked);
    cr_assert(take(A, 1, seqs) == 0 && take(B, 1, seqs) == 0);
    cr_assert_eq(outbox_depth(outbox), 1);
}

Test(outbox, acknowledgements_are_of_their_sale_and_epoch)
{
    uint32_t seqs[256];

    outbox_reported(outbox, outbox_won(outbox, A, 1, 1, 1));
    outbox_reported(outbox, outbox_won(outbox, A, 2, 1, 1));
    outbox_reported(outbox, outbox_won(outbox, B, 1, 5, 1));
    cr_assert(take(B, 1, seqs) == 1 && seqs[0] == 5);
    /* Those of an older epoch died with it; those of a newer one stay. */
    cr_assert(take(A, 1, seqs) == 1 && seqs[0] == 1);
    outbox_reported(outbox, outbox_won(outbox, A, 1, 7, 1));
    cr_assert(take(A, 2, seqs) == 1 && seqs[0] == 1);
    cr_assert(!outbox_is_underway(outbox, A, 1, 7));
    cr_assert_eq(take(A, 2, seqs), 0);
}

Test(outbox, returned_acknowledgements_are_taken_again)
{
    uint32_t seqs[256] = {0};

    outbox_reported(outbox, outbox_won(outbox, A, 1, 1, 1));
    outbox_reported(outbox, outbox_won(outbox, A, 1, 2, 1));
    cr_assert_eq(outbox_take_acks(outbox, A, 1, seqs, 1), 1);
    cr_assert_eq(seqs[0], 1);
    outbox_return_acks(outbox, A, 1, seqs, 1);
    cr_assert(take(A, 1, seqs) == 2 && seqs[0] == 2 && seqs[1] == 1);
}

/* Nothing waits for room: the relay finds the entry in Redis. */
Test(outbox, a_returned_acknowledgement_without_room_is_forgotten)
{
    uint32_t seqs[256] = {0}, next = 2;

    outbox_reported(outbox, outbox_won(outbox, A, 1, 1, 1));
    cr_assert_eq(outbox_take_acks(outbox, A, 1, seqs, 1), 1);
    while (!outbox_is_full(outbox)) {
        cr_assert_neq(outbox_won(outbox, B, 1, next++, 1), 0);
    }
    outbox_return_acks(outbox, A, 1, seqs, 1);
    cr_assert(!outbox_is_underway(outbox, A, 1, 1));
    cr_assert_eq(take(A, 1, seqs), 0);
}

Test(outbox, relays_acknowledgement)
{
    uint64_t handle = outbox_won(outbox, A, 1, 1, 5);
    uint32_t seqs[256];

    outbox_acknowledge(outbox, A, 1, 1);
    outbox_acknowledge(outbox, A, 1, 1);
    outbox_acknowledge(outbox, A, 1, 30);
    cr_assert_eq(outbox_depth(outbox), 0);
    outbox_reported(outbox, handle);
    cr_assert(take(A, 1, seqs) == 2 && seqs[0] == 1 && seqs[1] == 30);
}

static void count(void *arg, struct sale_id sale, uint32_t epoch)
{
    *(uint32_t *)arg += sale.value * 10 + epoch;
}

Test(outbox, overdue_acknowledgements_are_told_once_a_sale)
{
    int64_t before_us = loop_clock_us(loop);
    uint32_t sum = 0;

    outbox_reported(outbox, outbox_won(outbox, A, 1, 1, 1));
    outbox_reported(outbox, outbox_won(outbox, A, 1, 2, 1));
    outbox_reported(outbox, outbox_won(outbox, B, 2, 3, 1));
    outbox_each_overdue_ack(outbox, before_us, count, &sum);
    cr_assert_eq(sum, 0);
    outbox_each_overdue_ack(outbox, INT64_MAX, count, &sum);
    cr_assert_eq(sum, 71 + 82);
}
