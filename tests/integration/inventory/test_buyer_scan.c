#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

static const struct sale_id SALE = {FIXTURE_SALE};

struct scanned {
    uint64_t size;
    uint32_t buyers;
    bool is_done;
    enum err status;
};

static void on_size(void *arg, uint64_t count)
{
    ((struct scanned *)arg)->size = count;
}

static void on_buyer(void *arg, const char *buyer, size_t size)
{
    cr_assert(size > 6 && memcmp(buyer, "buyer-", 6) == 0);
    ((struct scanned *)arg)->buyers++;
}

static void on_scanned(void *arg, enum err status)
{
    struct scanned *scanned = arg;

    scanned->is_done = true;
    scanned->status = status;
}

static bool is_scanned(void *arg)
{
    return ((struct scanned *)arg)->is_done;
}

Test(buyer_scan, tells_every_buyer)
{
    enum { COUNT = 3000 };
    static struct fixture_attempt attempts[COUNT];
    struct scanned scanned = {0};
    struct fixture fixture;

    fixture_start(&fixture);
    fixture_load(&fixture, 1, COUNT);
    cr_assert_eq(stock_scan_buyers(fixture.stock, SALE,
                                   &(struct buyer_scan){on_size, on_buyer, on_scanned, &scanned}),
                 ERR_OK);
    fixture_wait(&fixture, is_scanned, &scanned);
    cr_assert(scanned.status == ERR_OK && scanned.size == 0 && scanned.buyers == 0);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        attempts[i].attempt.deadline_us += 5000000;
        fixture_decide(&fixture, &attempts[i]);
    }
    fixture_wait_decided(&fixture, attempts, COUNT);
    scanned = (struct scanned){0};
    cr_assert_eq(stock_scan_buyers(fixture.stock, SALE,
                                   &(struct buyer_scan){on_size, on_buyer, on_scanned, &scanned}),
                 ERR_OK);
    fixture_wait(&fixture, is_scanned, &scanned);
    cr_assert_eq(scanned.status, ERR_OK);
    cr_assert_eq(scanned.size, COUNT);
    cr_assert(scanned.buyers >= COUNT);
    fixture_finish(&fixture);
}

Test(buyer_scan, lost_link_ends_it)
{
    struct scanned scanned = {0};
    struct fixture fixture;

    fixture_start(&fixture);
    fixture_load(&fixture, 1, 10);
    redis_server_stop(&fixture.server);
    cr_assert_eq(stock_scan_buyers(fixture.stock, SALE,
                                   &(struct buyer_scan){on_size, on_buyer, on_scanned, &scanned}),
                 ERR_OK);
    redis_server_kill(&fixture.server);
    fixture_wait(&fixture, is_scanned, &scanned);
    cr_assert_eq(scanned.status, ERR_LOST);
    fixture_finish(&fixture);
}
