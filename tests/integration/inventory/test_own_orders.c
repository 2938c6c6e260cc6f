#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

static const struct sale_id SALE = {FIXTURE_SALE};

struct owned {
    bool is_there;
    enum err status;
    uint32_t count, outbox_first;
    struct order_entry first;
};

static void on_owned(void *arg, enum err status, const struct own_orders *orders)
{
    struct owned *owned = arg;

    owned->is_there = true;
    owned->status = status;
    cr_assert((status == ERR_OK) == (orders != NULL));
    if (orders) {
        owned->count = orders->count;
        owned->outbox_first = orders->outbox_first;
        owned->first = orders->count ? orders->entries[0] : (struct order_entry){0};
    }
}

static bool is_owned(void *arg)
{
    return ((struct owned *)arg)->is_there;
}

static struct owned own(struct fixture *fixture, const struct buyer *buyer, uint32_t epoch)
{
    struct owned owned = {0};

    cr_assert_eq(stock_own_orders(fixture->stock, SALE, epoch, buyer, on_owned, &owned), ERR_OK);
    fixture_wait(fixture, is_owned, &owned);
    return owned;
}

Test(own_orders, are_read_with_the_first_outbox_entry)
{
    struct fixture_attempt attempt;
    struct fixture fixture;
    struct owned owned;
    char answer[64];

    fixture_start(&fixture);
    fixture_load(&fixture, 1, 10);
    fixture_attempt(&fixture, &attempt, 1);
    owned = own(&fixture, &attempt.attempt.buyer, 1);
    cr_assert(owned.status == ERR_OK && owned.count == 0);
    fixture_decide(&fixture, &attempt);
    fixture_wait_decided(&fixture, &attempt, 1);
    owned = own(&fixture, &attempt.attempt.buyer, 1);
    cr_assert(owned.status == ERR_OK && owned.count == 1 && owned.outbox_first == 1);
    cr_assert_eq(owned.first.order_no.value, attempt.win.entry.order_no.value);
    cr_assert_eq(own(&fixture, &attempt.attempt.buyer, 2).status, ERR_FENCED);
    redis_server_ask(&fixture.server, "HSET {s:7}:buyers buyer-1 garbage", answer, sizeof answer);
    cr_assert_eq(own(&fixture, &attempt.attempt.buyer, 1).status, ERR_IO);
    redis_server_ask(&fixture.server, "FLUSHALL", answer, sizeof answer);
    cr_assert_eq(own(&fixture, &attempt.attempt.buyer, 1).status, ERR_FENCED);
    fixture_finish(&fixture);
}
