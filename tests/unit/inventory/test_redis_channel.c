#include "fake_redis.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "inventory/redis_channel.h"
#include "loop/loop.h"
#include "loop/timer.h"

static const char PING[] = "*1\r\n$4\r\nPING\r\n";

struct events {
    struct loop *loop;
    struct redis_channel *channel;
    uint32_t connects, replies, losses, gones;
    uint32_t stop_after; /* replies and losses; gones stop always */
    bool closes_in_reply, closes_in_connect;
    uint64_t last_handle;
    char why[200];
};

static void on_connected(void *arg)
{
    struct events *events = arg;

    events->connects++;
    if (events->closes_in_connect) {
        redis_channel_close(events->channel, "test");
        cr_assert(!redis_channel_is_open(events->channel));
        cr_assert(!redis_channel_send(events->channel, PING, sizeof PING - 1, 9));
        return;
    }
    for (uint64_t handle = 1; handle <= 3; handle++) {
        cr_assert(redis_channel_send(events->channel, PING, sizeof PING - 1, handle));
    }
}

static void on_reply(void *arg, uint64_t handle, const struct redis_reply *reply)
{
    struct events *events = arg;

    cr_assert_eq(handle, ++events->last_handle, "in the order of sending");
    *(reply ? &events->replies : &events->losses) += 1;
    if (events->closes_in_reply) {
        redis_channel_close(events->channel, "test");
        redis_channel_flush(events->channel);
    }
    if (events->replies + events->losses == events->stop_after) {
        loop_stop(events->loop);
    }
}

static void on_gone(void *arg, const char *why)
{
    struct events *events = arg;

    events->gones++;
    (void)snprintf(events->why, sizeof events->why, "%s", why);
    loop_stop(events->loop);
}

static void on_deadline(void *arg)
{
    (void)arg;
    cr_assert_fail("nothing happened in time");
}

static void run(struct events *events, uint16_t port)
{
    struct timer deadline;
    const char *why;

    events->loop = loop_create(&(struct loop_options){.name = "test"});
    events->channel = redis_channel_create(
        &(struct redis_channel_options){events->loop, on_connected, on_reply, on_gone, events});
    timer_init(&deadline, events->loop, on_deadline, NULL);
    timer_start_ms(&deadline, 30000);
    cr_assert_eq(redis_channel_open(events->channel, "127.0.0.1", port, &why), ERR_OK);
    loop_run(events->loop);
    timer_stop(&deadline);
}

static void finish(struct events *events)
{
    redis_channel_destroy(events->channel);
    loop_destroy(events->loop);
}

Test(redis_channel, refused_connection_is_gone_once)
{
    struct fake_redis fake = {0};
    struct events events = {0};

    fake_redis_start(&fake);
    fake_redis_finish(&fake);
    run(&events, fake.port);
    cr_assert(events.gones == 1 && events.connects == 0);
    cr_assert_not_null(strstr(events.why, "refused"));
    finish(&events);
    cr_assert_eq(events.gones, 1);
}

Test(redis_channel, no_address_is_refused_at_once)
{
    struct events events = {0};
    const char *why = NULL;

    events.loop = loop_create(&(struct loop_options){.name = "test"});
    events.channel = redis_channel_create(
        &(struct redis_channel_options){events.loop, on_connected, on_reply, on_gone, &events});
    cr_assert_eq(redis_channel_open(events.channel, "no address", 1, &why), ERR_UNAVAILABLE);
    cr_assert(why && why[0]);
    cr_assert_eq(redis_channel_queued_bytes(events.channel), 0);
    finish(&events);
    cr_assert_eq(events.gones, 0);
}

Test(redis_channel, closed_connection_loses_what_is_on_its_way)
{
    struct fake_redis fake = {.replies = {"+PONG\r\n"}};
    struct events events = {0};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.replies == 1 && events.losses == 2 && events.gones == 1);
    finish(&events);
    fake_redis_finish(&fake);
}

Test(redis_channel, protocol_error_ends_it)
{
    struct fake_redis fake = {.replies = {"+PONG\r\n?1\r\n"}};
    struct events events = {0};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.replies == 1 && events.losses == 2 && events.gones == 1);
    cr_assert_not_null(strstr(events.why, "rotocol"));
    finish(&events);
    fake_redis_finish(&fake);
}

Test(redis_channel, error_that_nobody_asked_for_is_told)
{
    struct fake_redis fake = {
        .replies = {"+PONG\r\n+PONG\r\n+PONG\r\n-ERR max number of clients reached\r\n"}};
    struct events events = {0};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.replies == 3 && events.gones == 1);
    cr_assert_not_null(strstr(events.why, "max number of clients"));
    finish(&events);
    fake_redis_finish(&fake);
}

Test(redis_channel, closed_inside_a_reply_every_later_one_is_lost)
{
    struct fake_redis fake = {.replies = {"+PONG\r\n+PONG\r\n+PONG\r\n"}};
    struct events events = {.closes_in_reply = true};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.replies == 1 && events.losses == 2 && events.gones == 1);
    cr_assert_str_eq(events.why, "test");
    finish(&events);
    fake_redis_finish(&fake);
}

Test(redis_channel, closed_inside_on_connected)
{
    struct fake_redis fake = {0};
    struct events events = {.closes_in_connect = true};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.connects == 1 && events.replies == 0 && events.gones == 1);
    finish(&events);
    fake_redis_finish(&fake);
}

Test(redis_channel, destroyed_while_open_is_gone_once)
{
    struct fake_redis fake = {.replies = {"+PONG\r\n+PONG\r\n+PONG\r\n"}};
    struct events events = {.stop_after = 3};

    fake_redis_start(&fake);
    run(&events, fake.port);
    cr_assert(events.replies == 3 && events.gones == 0);
    cr_assert(redis_channel_send(events.channel, PING, sizeof PING - 1, 4));
    cr_assert_eq(redis_channel_queued_bytes(events.channel), sizeof PING - 1);
    finish(&events);
    cr_assert(events.losses == 1 && events.gones == 1);
    fake_redis_finish(&fake);
}
