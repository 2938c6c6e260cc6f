#include "fake_redis.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "loop/loop.h"
#include "loop/timer.h"

enum { CALLS_MAX = 256, ATTEMPTS_MAX = CALLS_MAX + 1 };

/* A stock on a link to a server that says what it is told to. Redis' clock says 1000 s. */
struct bench {
    struct loop *loop;
    struct redis_link *link;
    struct outbox *outbox;
    struct stock *stock;
    struct timer deadline;
    uint32_t wanted, decided, downs, views;
    enum decision decisions[ATTEMPTS_MAX];
};
static struct bench bench;

static void on_up(void *arg, uint64_t generation)
{
    (void)arg;
    (void)generation;
    loop_stop(bench.loop);
}

static void on_down(void *arg)
{
    (void)arg;
    bench.downs++;
}

static void on_view(void *arg, const struct sale_view *view)
{
    (void)arg;
    (void)view;
    bench.views++;
}

static void on_decided(void *arg, enum decision decision, const struct win *win)
{
    (void)arg;
    (void)win;
    bench.decisions[bench.decided++] = decision;
    if (bench.decided == bench.wanted) {
        loop_stop(bench.loop);
    }
}

static void on_deadline(void *arg)
{
    (void)arg;
    cr_assert_fail("nothing happened in time");
}

static void run_bench(void)
{
    timer_start_ms(&bench.deadline, 30000);
    loop_run(bench.loop);
    timer_stop(&bench.deadline);
}

static void start_bench(struct fake_redis *fake)
{
    fake_redis_start(fake);
    bench.loop = loop_create(&(struct loop_options){.name = "test"});
    timer_init(&bench.deadline, bench.loop, on_deadline, NULL);
    bench.link = redis_link_create(&(struct redis_link_options){.loop = bench.loop,
                                                                .address = "127.0.0.1",
                                                                .port = fake->port,
                                                                .connect_timeout_ms = 5000,
                                                                .reply_timeout_ms = 5000,
                                                                .queued_bytes_max = 1000000,
                                                                .inflight_max = 300,
                                                                .on_up = on_up,
                                                                .on_down = on_down});
    bench.outbox = outbox_create(&(struct outbox_options){.loop = bench.loop, .entries_max = 10});
    bench.stock = stock_create(&(struct stock_options){.loop = bench.loop,
                                                       .link = bench.link,
                                                       .outbox = bench.outbox,
                                                       .batch_max = 128,
                                                       .calls_max = 2,
                                                       .attempts_max = ATTEMPTS_MAX,
                                                       .sales_max = ATTEMPTS_MAX,
                                                       .on_view = on_view});
    run_bench();
}

static void attempt(uint32_t sale, int64_t within_us)
{
    struct attempt attempt = {.sale = {sale}, .epoch = 3, .quantity = 1};

    cr_assert_eq(buyer_parse("ann", 3, &attempt.buyer), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &attempt.sku), ERR_OK);
    attempt.deadline_us = loop_clock_us(bench.loop) + within_us;
    cr_assert_eq(stock_decide(bench.stock, &attempt, on_decided, NULL), ERR_OK);
}

static void on_turn(void *arg)
{
    (void)arg;
    loop_stop(bench.loop);
}

/* What waits is sent. */
static void run_turn(void)
{
    loop_defer(bench.loop, on_turn, NULL);
    run_bench();
}

static void end_bench(struct fake_redis *fake)
{
    redis_link_destroy(bench.link);
    stock_destroy(bench.stock);
    outbox_destroy(bench.outbox);
    loop_destroy(bench.loop);
    fake_redis_finish(fake);
}

/* Decides `count` purchases of sale 7 in one call. */
static void decide(struct fake_redis *fake, uint32_t count)
{
    start_bench(fake);
    bench.wanted = count;
    for (uint32_t i = 0; i < count; i++) {
        attempt(7, 1000000);
    }
    run_bench();
    end_bench(fake);
}

Test(stock, what_still_waits_at_the_end_was_not_done)
{
    struct fake_redis fake = {.is_silent = true};

    start_bench(&fake);
    attempt(7, 4000000);
    run_turn();
    attempt(7, 4000000);
    run_turn();
    cr_assert_eq(bench.decided, 0);
    end_bench(&fake);
    cr_assert_eq(bench.decided, 2);
    cr_assert_eq(bench.decisions[0], DECISION_LOST_REPLY);
    cr_assert_eq(bench.decisions[1], DECISION_NOT_DONE);
}

Test(stock, who_waits_for_a_free_call_is_late_in_time)
{
    struct fake_redis fake = {.is_silent = true};

    start_bench(&fake);
    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        attempt(1 + i, 4000000);
    }
    attempt(1 + CALLS_MAX, 100000);
    bench.wanted = 1;
    run_bench();
    cr_assert_eq(bench.decisions[0], DECISION_LATE);
    end_bench(&fake);
    cr_assert_eq(bench.decided, ATTEMPTS_MAX);
}

Test(stock, reply_of_another_request_may_mean_anything)
{
    struct fake_redis fake = {.replies = {"*2\r\n$1\r\n0\r\n$4\r\ngone\r\n"}};

    decide(&fake, 2);
    cr_assert_eq(bench.decisions[0], DECISION_LOST_REPLY);
    cr_assert_eq(bench.decisions[1], DECISION_LOST_REPLY);
    cr_assert(bench.downs == 1 && bench.views == 0, "the link is not trusted any more");
}

Test(stock, malformed_reply_may_mean_anything)
{
    struct fake_redis fake = {.replies = {"*5\r\n@$2\r\nok\r\n$18\r\n1000000 3 4 open 1\r\n"
                                          "$3\r\na=5\r\n$2\r\nW0\r\n"}};

    decide(&fake, 1);
    cr_assert_eq(bench.decisions[0], DECISION_LOST_REPLY);
    cr_assert(bench.downs == 1 && bench.views == 0);
}

Test(stock, fewer_results_than_purchases_decide_none_of_them)
{
    struct fake_redis fake = {.replies = {"*5\r\n@$2\r\nok\r\n$20\r\n1000000 3 4 open 1 1\r\n"
                                          "$3\r\na=5\r\n$2\r\nW0\r\n"}};

    decide(&fake, 2);
    cr_assert_eq(bench.decisions[0], DECISION_LOST_REPLY);
    cr_assert_eq(bench.decisions[1], DECISION_LOST_REPLY);
}

Test(stock, script_that_failed_in_the_middle_may_have_sold)
{
    struct fake_redis fake = {.replies = {"-WRONGTYPE oops script: 0, on ~user_script:5.\r\n"}};

    decide(&fake, 1);
    cr_assert_eq(bench.decisions[0], DECISION_LOST_REPLY);
}

Test(stock, noscript_is_answered_by_the_text_once)
{
    struct fake_redis fake = {
        .replies = {"-NOSCRIPT No matching script.\r\n", "-NOSCRIPT No matching script.\r\n"}};

    decide(&fake, 1);
    cr_assert_eq(bench.decisions[0], DECISION_NOT_DONE);
    cr_assert_eq(fake.asked_count, 2);
    cr_assert_str_eq(fake.asked[0], "EVALSHA");
    cr_assert_str_eq(fake.asked[1], "EVAL");
}

Test(stock, good_reply_decides)
{
    struct fake_redis fake = {.replies = {"*5\r\n@$2\r\nok\r\n$20\r\n1000000 3 4 open 1 1\r\n"
                                          "$3\r\na=0\r\n$4\r\nW0 S\r\n"}};

    decide(&fake, 2);
    cr_assert_eq(bench.decisions[0], DECISION_WON);
    cr_assert_eq(bench.decisions[1], DECISION_SOLD_OUT);
    cr_assert_eq(bench.views, 1);
}
