/* The watch on topics that come and go, and on what they promise. */
#include "settlement/kafka_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/metrics.h"
#include "journal/topic_look.h"
#include "unit/settlement/quiet.h"

enum { LOOKS_MAX = 6 };

static struct {
    struct topic_check checks[LOOKS_MAX]; /* of the topic of orders, by look */
    enum err create_err;
    uint32_t looks;         /* at the topic of orders */
    uint32_t notices_looks; /* at that of notices */
    struct kafka_watch *watch;
    struct kafka_watch_state seen[LOOKS_MAX];
    uint32_t slept_ms[LOOKS_MAX];
} world;

enum err topic_look_create(const struct topic_look_options *options,
                           char error[static KAFKA_CONF_ERROR_SIZE], struct topic_look **ret_look)
{
    static char look;

    cr_assert_str_eq(options->brokers, "broker:9092");
    if (world.create_err != ERR_OK) {
        (void)snprintf(error, KAFKA_CONF_ERROR_SIZE, "no such setting");
        return world.create_err;
    }
    *ret_look = (struct topic_look *)&look;
    return ERR_OK;
}

void topic_look_destroy(struct topic_look *look)
{
    (void)look;
}

void topic_look_at(struct topic_look *look, const char *topic, uint32_t timeout_ms,
                   struct topic_check *ret_check)
{
    cr_assert(look != NULL && timeout_ms <= 2000);
    if (strcmp(topic, "notices") == 0) {
        world.notices_looks++;
        *ret_check = (struct topic_check){.has_answered = true, .has_settings = true};
        return;
    }
    cr_assert_str_eq(topic, "orders");
    *ret_check = world.checks[world.looks++];
    ret_check->has_answered = ret_check->status != ERR_UNAVAILABLE;
}

static void on_sleep(uint32_t ms)
{
    kafka_watch_look(world.watch, &world.seen[quiet.sleeps - 1]);
    world.slept_ms[quiet.sleeps - 1] = ms;
}

/* Runs for so many looks; returns the durability metric. */
static int64_t run(uint32_t looks)
{
    const struct conf conf = {
        .kafka_brokers = "broker:9092",
        .kafka_orders_topic = "orders",
        .kafka_notices_topic = "notices",
        .kafka_message_timeout_ms = 5000,
    };
    struct metrics *metrics = metrics_create();
    struct kafka_watch_state before;

    world.watch = kafka_watch_create(
        &(struct kafka_watch_options){.conf = &conf, .shard = metrics_shard(metrics)});
    kafka_watch_look(world.watch, &before);
    cr_assert(strstr(before.away, "not answered yet") != NULL, "%s", before.away);
    quiet.sleeps_max = looks;
    quiet.on_sleep = on_sleep;
    kafka_watch_run(world.watch);
    kafka_watch_destroy(world.watch);
    kafka_watch_destroy(NULL);
    const int64_t degraded = metrics_value(metrics, METRIC_durability_degraded, 0);
    metrics_destroy(metrics);
    return degraded;
}

static struct topic_check no_broker(void)
{
    return (struct topic_check){.status = ERR_UNAVAILABLE, .why = "no broker answers"};
}

Test(kafka_watch, names_a_broker_that_is_away_and_forgets_it_when_it_is_back)
{
    world.checks[0] = world.checks[4] = world.checks[5] = (struct topic_check){.status = ERR_OK};
    world.checks[1] = world.checks[2] = world.checks[3] = no_broker();
    cr_assert_eq(run(6), 0);
    cr_assert_str_eq(world.seen[0].away, "");
    cr_assert_str_eq(world.seen[1].away, "", "one slow answer is no trouble");
    cr_assert_str_eq(world.seen[2].away, "orders: no broker answers");
    cr_assert_str_eq(world.seen[3].away, "orders: no broker answers");
    cr_assert_str_eq(world.seen[4].away, "");
    cr_assert_lt(world.slept_ms[2], world.slept_ms[4], "what is away is asked for more often");
    cr_assert_eq(world.slept_ms[1], world.slept_ms[2], "so is what did not answer");
    cr_assert_eq(world.notices_looks, 3, "where no broker answers, one time-out is enough");
}

Test(kafka_watch, tells_what_a_topic_promises_less)
{
    for (int i = 0; i < 2; i++) {
        world.checks[i] = (struct topic_check){.status = ERR_OK, .weakness = "1 replica(s)"};
    }
    cr_assert_eq(run(2), 1);
    cr_assert_str_eq(world.seen[0].weak, "orders: 1 replica(s)");
    cr_assert_str_eq(world.seen[1].away, "");
}

Test(kafka_watch, a_weakness_that_is_mended_is_forgotten)
{
    world.checks[0] = (struct topic_check){.weakness = "1 replica(s)", .has_settings = true};
    world.checks[1] = (struct topic_check){.has_settings = true};
    cr_assert_eq(run(2), 0);
    cr_assert_str_eq(world.seen[0].weak, "orders: 1 replica(s)");
    cr_assert_str_eq(world.seen[1].weak, "");
}

Test(kafka_watch, settings_that_could_not_be_read_are_what_they_were)
{
    const struct topic_check unread = {.weakness = "its settings cannot be read: timed out"};

    world.checks[0] = unread;
    world.checks[1] = (struct topic_check){.has_settings = true};
    world.checks[2] = unread;
    cr_assert_eq(run(3), 0);
    cr_assert_str_eq(world.seen[0].weak, "orders: its settings cannot be read: timed out");
    cr_assert_str_eq(world.seen[2].weak, "");
}

Test(kafka_watch, a_topic_is_named_once)
{
    world.checks[0] =
        (struct topic_check){.status = ERR_NOT_FOUND, .why = "topic orders does not exist"};
    cr_assert_eq(run(1), 0);
    cr_assert_str_eq(world.seen[0].away, "topic orders does not exist");
}

Test(kafka_watch, settings_that_are_refused_are_refused_are_told_and_tried_again)
{
    world.create_err = ERR_CONFIG;
    cr_assert_eq(run(2), 0);
    cr_assert_str_eq(world.seen[1].away, "no such setting");
    cr_assert_eq(world.looks, 0);
}
