#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "inventory/sale_loader.h"
#include "loop/timer.h"

static void on_up(void *arg, uint64_t generation)
{
    struct fixture *fixture = arg;

    fixture->ups++;
    cr_assert_eq(generation, redis_link_generation(fixture->link));
    if (fixture->outbox) {
        outbox_forget(fixture->outbox);
    }
}

static void on_down(void *arg)
{
    ((struct fixture *)arg)->downs++;
}

static void on_view(void *arg, const struct sale_view *view)
{
    struct fixture *fixture = arg;

    fixture->view = *view;
    fixture->views++;
    if (fixture->spoils_clock) {
        redis_link_learn_time(fixture->link, clock_wall_ms() - 3600 * 1000, clock_mono_us());
    }
}

struct redis_link_options fixture_link_options(void)
{
    return (struct redis_link_options){.connect_timeout_ms = 2000,
                                       .reply_timeout_ms = 3000,
                                       .queued_bytes_max = 4 * 1024 * 1024,
                                       .inflight_max = 1024};
}

void fixture_start_link(struct fixture *fixture, const struct redis_link_options *wanted)
{
    struct redis_link_options options = *wanted;

    fixture->loop = loop_create(&(struct loop_options){.name = "test"});
    fixture->metrics = metrics_create();
    cr_assert(fixture->loop && fixture->metrics);
    options.loop = fixture->loop;
    options.address = "127.0.0.1";
    options.port = fixture->server.port;
    options.shard = metrics_shard(fixture->metrics);
    options.on_up = on_up;
    options.on_down = on_down;
    options.arg = fixture;
    fixture->link = redis_link_create(&options);
    cr_assert_not_null(fixture->link);
}

void fixture_start(struct fixture *fixture)
{
    struct redis_link_options options = fixture_link_options();

    fixture_start_with(fixture, &options, "PING");
}

void fixture_start_with(struct fixture *fixture, const struct redis_link_options *options,
                        const char *before)
{
    struct metrics_shard *shard;
    char answer[64];

    *fixture = (struct fixture){0};
    redis_server_start(&fixture->server, NULL);
    redis_server_ask(&fixture->server, before, answer, sizeof answer);
    cr_assert_neq(strncmp(answer, "ERR", 3), 0, "%s", answer);
    fixture_start_link(fixture, options);
    shard = metrics_shard(fixture->metrics);
    fixture->outbox = outbox_create(
        &(struct outbox_options){.loop = fixture->loop, .shard = shard, .entries_max = 1024});
    fixture->stock = stock_create(&(struct stock_options){.loop = fixture->loop,
                                                          .link = fixture->link,
                                                          .outbox = fixture->outbox,
                                                          .shard = shard,
                                                          .batch_max = 128,
                                                          .calls_max = 2,
                                                          .attempts_max = 4096,
                                                          .sales_max = 16,
                                                          .on_view = on_view,
                                                          .view_arg = fixture});
    fixture->blocking =
        redis_blocking_create(&(struct redis_blocking_options){.address = "127.0.0.1",
                                                               .port = fixture->server.port,
                                                               .client_name = "test",
                                                               .connect_timeout_ms = 2000,
                                                               .reply_timeout_ms = 3000});
    cr_assert(fixture->outbox && fixture->stock && fixture->blocking);
    fixture_wait_up(fixture, 1);
}

void fixture_finish(struct fixture *fixture)
{
    redis_link_destroy(fixture->link);
    stock_destroy(fixture->stock);
    outbox_destroy(fixture->outbox);
    loop_destroy(fixture->loop);
    redis_blocking_destroy(fixture->blocking);
    metrics_destroy(fixture->metrics);
    redis_server_finish(&fixture->server);
}

struct waiting {
    struct fixture *fixture;
    fixture_fn *is_true;
    void *arg;
    struct timer timer;
    int64_t deadline_us;
    bool is_done;
};

static void on_look(void *arg)
{
    struct waiting *waiting = arg;

    waiting->is_done = waiting->is_true(waiting->arg);
    if (waiting->is_done || clock_mono_us() > waiting->deadline_us) {
        loop_stop(waiting->fixture->loop);
    } else {
        timer_start_ms(&waiting->timer, 1);
    }
}

void fixture_wait(struct fixture *fixture, fixture_fn *is_true, void *arg)
{
    struct waiting waiting = {.fixture = fixture,
                              .is_true = is_true,
                              .arg = arg,
                              .deadline_us = clock_mono_us() + FIXTURE_DEADLINE_MS * 1000};

    timer_init(&waiting.timer, fixture->loop, on_look, &waiting);
    timer_start_ms(&waiting.timer, 0);
    loop_run(fixture->loop);
    cr_assert(waiting.is_done, "it did not come true in time");
}

struct counting {
    const uint32_t *count;
    uint32_t wanted;
};

static bool is_counted(void *arg)
{
    struct counting *counting = arg;

    return *counting->count >= counting->wanted;
}

void fixture_wait_up(struct fixture *fixture, uint32_t ups)
{
    fixture_wait(fixture, is_counted, &(struct counting){&fixture->ups, ups});
}

void fixture_wait_down(struct fixture *fixture, uint32_t downs)
{
    fixture_wait(fixture, is_counted, &(struct counting){&fixture->downs, downs});
}

static bool always(void *arg)
{
    uint32_t *turns = arg;

    return ++*turns == 3;
}

void fixture_turn(struct fixture *fixture)
{
    uint32_t turns = 0;

    fixture_wait(fixture, always, &turns);
}

struct sale_definition fixture_definition(uint32_t epoch, uint32_t stock_a)
{
    struct sale_definition definition = {
        .sale = {FIXTURE_SALE},
        .epoch = epoch,
        .name = "phone",
        .currency = "CNY",
        .opens_ms = 1000,
        .closes_ms = clock_wall_ms() + 3600 * 1000,
        .limit = 2,
        .pay_window_ms = 900000,
        .times = {.deadline_ms = 1000, .lease_ms = 1000, .hold_ms = 1500, .guard_ms = 3000},
        .sku_count = 2,
        .skus = {{.price = 100, .total = stock_a}, {.price = 200, .total = 5}}};

    cr_assert_eq(sku_parse("a", 1, &definition.skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("b", 1, &definition.skus[1].sku), ERR_OK);
    return definition;
}

void fixture_load(struct fixture *fixture, uint32_t epoch, uint32_t stock_a)
{
    struct sale_definition definition = fixture_definition(epoch, stock_a);
    struct sale_load *load;

    cr_assert_eq(sale_load_begin(fixture->blocking, definition.sale, epoch, &load, NULL), ERR_OK,
                 "%s", redis_blocking_trouble(fixture->blocking));
    for (uint32_t i = 0; i < definition.sku_count; i++) {
        cr_assert_eq(sale_load_stock(load, &definition.skus[i].sku, definition.skus[i].total),
                     ERR_OK);
    }
    cr_assert_eq(sale_load_end(load, &definition, SALE_STATE_LOADED, NULL), ERR_OK);
    sale_load_destroy(load);
    cr_assert_eq(sale_loader_set_state(fixture->blocking, definition.sale, epoch, "open", NULL),
                 ERR_OK);
}

static uint32_t decisions;

void fixture_attempt(struct fixture *fixture, struct fixture_attempt *attempt, uint32_t number)
{
    char text[40];

    *attempt = (struct fixture_attempt){
        .attempt = {.sale = {FIXTURE_SALE},
                    .epoch = 1,
                    .quantity = 1,
                    .deadline_us = loop_clock_us(fixture->loop) + 20000000}};
    (void)snprintf(text, sizeof text, "buyer-%u", number);
    cr_assert_eq(buyer_parse(text, strlen(text), &attempt->attempt.buyer), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &attempt->attempt.sku), ERR_OK);
    (void)snprintf(text, sizeof text, "%032x", number);
    cr_assert_eq(key_hash_parse(text, 32, &attempt->attempt.key_hash), ERR_OK);
}

static void on_decided(void *arg, enum decision decision, const struct win *win)
{
    struct fixture_attempt *attempt = arg;

    cr_assert(!attempt->is_decided, "decided twice");
    attempt->is_decided = true;
    attempt->order = ++decisions;
    attempt->decision = decision;
    attempt->has_win = win != NULL;
    if (win) {
        attempt->win = *win;
    }
}

void fixture_decide(struct fixture *fixture, struct fixture_attempt *attempt)
{
    cr_assert_eq(stock_decide(fixture->stock, &attempt->attempt, on_decided, attempt), ERR_OK);
    cr_assert(!attempt->is_decided, "decided inside the call");
}

struct deciding {
    struct fixture_attempt *attempts;
    uint32_t count;
};

static bool are_decided(void *arg)
{
    struct deciding *deciding = arg;

    for (uint32_t i = 0; i < deciding->count; i++) {
        if (!deciding->attempts[i].is_decided) {
            return false;
        }
    }
    return true;
}

void fixture_wait_decided(struct fixture *fixture, struct fixture_attempt *attempts, uint32_t count)
{
    fixture_wait(fixture, are_decided, &(struct deciding){attempts, count});
}

int64_t fixture_ask(struct fixture *fixture, const char *command)
{
    char answer[64];

    redis_server_ask(&fixture->server, command, answer, sizeof answer);
    return strtoll(answer, NULL, 10);
}

int64_t fixture_command_calls(struct fixture *fixture, const char *name)
{
    char answer[16384], field[64];
    const char *at;

    redis_server_ask(&fixture->server, "INFO commandstats", answer, sizeof answer);
    (void)snprintf(field, sizeof field, "cmdstat_%s:calls=", name);
    at = strstr(answer, field);
    return at ? strtoll(at + strlen(field), NULL, 10) : 0;
}

void fixture_decide_one(struct fixture *fixture, struct fixture_attempt *attempt, uint32_t number,
                        uint32_t epoch)
{
    fixture_attempt(fixture, attempt, number);
    attempt->attempt.epoch = epoch;
    fixture_decide(fixture, attempt);
    fixture_wait_decided(fixture, attempt, 1);
}

enum err fixture_on_order(void *arg, const struct buyer *buyer, const struct order_entry *entry)
{
    struct fixture_orders *found = arg;

    cr_assert(memcmp(buyer->text, "buyer-", 6) == 0);
    found->orders++;
    found->ended += order_state_is_live(entry->state) ? 0 : 1;
    return ERR_OK;
}
