#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <string.h>

#include "common/clock.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"

static const struct sale_id SALE = {FIXTURE_SALE};

Test(redis_blocking, nobody_listens_then_it_connects_on_demand)
{
    struct redis_reply *reply;
    struct fixture fixture;
    struct sale_meta meta;

    fixture_start(&fixture);
    cr_assert_eq(redis_blocking_generation(fixture.blocking), 0);
    redis_server_kill(&fixture.server);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_UNAVAILABLE);
    cr_assert_not_null(strstr(redis_blocking_trouble(fixture.blocking), "refused"));
    redis_server_again(&fixture.server);
    cr_assert_eq(sale_reader_meta(fixture.blocking, SALE, &meta), ERR_NOT_FOUND);
    cr_assert_str_eq(redis_blocking_trouble(fixture.blocking), "meta: missing");
    cr_assert_eq(redis_blocking_generation(fixture.blocking), 1);
    /* An idle connection that the server closed is made anew before anything is sent. */
    redis_server_kill(&fixture.server);
    redis_server_again(&fixture.server);
    cr_assert_eq(redis_blocking_command(fixture.blocking, 1, (const char *const[]){"PING"},
                                        (const size_t[]){4}, &reply),
                 ERR_OK);
    redis_reply_free(reply);
    cr_assert_eq(redis_blocking_generation(fixture.blocking), 2);
    fixture_finish(&fixture);
}

Test(redis_blocking, stalled_server_is_lost_at_the_deadline)
{
    struct redis_blocking *blocking;
    struct fixture fixture;
    struct sale_meta meta;
    int64_t begin_us;

    fixture_start(&fixture);
    blocking = redis_blocking_create(&(struct redis_blocking_options){.address = "127.0.0.1",
                                                                      .port = fixture.server.port,
                                                                      .connect_timeout_ms = 1000,
                                                                      .reply_timeout_ms = 1000});
    cr_assert_eq(sale_reader_meta(blocking, SALE, &meta), ERR_NOT_FOUND);
    redis_server_stop(&fixture.server);
    begin_us = clock_mono_us();
    cr_assert_eq(sale_reader_meta(blocking, SALE, &meta), ERR_LOST);
    cr_assert(clock_mono_us() - begin_us >= 990000);
    cr_assert_eq(sale_reader_meta(blocking, SALE, &meta), ERR_UNAVAILABLE);
    redis_server_continue(&fixture.server);
    cr_assert_eq(sale_reader_meta(blocking, SALE, &meta), ERR_NOT_FOUND);
    redis_blocking_destroy(blocking);
    fixture_finish(&fixture);
}

Test(redis_blocking, flushed_scripts_are_sent_again)
{
    struct fixture fixture;
    char answer[16];

    fixture_start(&fixture);
    fixture_load(&fixture, 1, 10);
    redis_server_ask(&fixture.server, "SCRIPT FLUSH", answer, sizeof answer);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "pause", NULL), ERR_OK);
    cr_assert_eq(fixture_command_calls(&fixture, "eval"), 1);
    cr_assert_str_empty(redis_blocking_trouble(fixture.blocking));
    fixture_finish(&fixture);
}
