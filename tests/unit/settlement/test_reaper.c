/* Overdue orders on fakes of MySQL and of the notices' log. */
#include "settlement/reaper.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "common/metrics.h"
#include "journal/log_ends.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/offset_store.h"
#include "ledger/order_due.h"
#include "ledger/order_life.h"
#include "unit/settlement/quiet.h"

enum { SKUS_MAX = 300, GRACE_MS = 50 };

static struct {
    bool follows;                /* another worker leads */
    int64_t now_ms;              /* of MySQL */
    uint64_t overdue[SKUS_MAX];  /* orders of sale i + 1, sku "a" */
    uint64_t end, next;          /* of the one partition that is not empty */
    enum err ends_err, life_err; /* life_err: of sale 1 */
    uint32_t ends_reads, closes;
    int64_t before_ms; /* of the last close */
    int64_t close_us;  /* what a close takes */
    struct order_due_holds holds;
    int64_t now_at_ends; /* NOW(3) when the ends were read */
    void (*on_ends)(void);
    char order[64]; /* of what was read */
} world;

static void note(const char *what)
{
    strncat(world.order, what, sizeof world.order - strlen(world.order) - 1);
}

struct log_ends {
    int unused;
};
static struct log_ends the_log;

enum err log_ends_create(const struct log_ends_options *options,
                         char error[static KAFKA_CONF_ERROR_SIZE], struct log_ends **ret_ends)
{
    (void)error;
    cr_assert_str_eq(options->brokers, "here");
    *ret_ends = &the_log;
    return ERR_OK;
}

void log_ends_destroy(struct log_ends *ends)
{
    cr_assert(ends == NULL || ends == &the_log);
}

enum err log_ends_read(struct log_ends *ends, const char *topic, uint32_t timeout_ms,
                       struct topic_bounds *ret_bounds)
{
    (void)ends;
    (void)timeout_ms;
    cr_assert_str_eq(topic, "notices");
    world.ends_reads++;
    note("ends ");
    *ret_bounds = (struct topic_bounds){.count = 2, .end = {0, world.end}};
    if (world.on_ends) {
        world.on_ends();
    }
    return world.ends_err;
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    (void)link;
    cr_assert_str_eq(name, "reaper");
    *ret_leading = !world.follows;
    return ERR_OK;
}

enum err offset_store_list(struct mysql_link *link, const char *topic, offset_row_fn *each,
                           void *arg)
{
    const struct offset_row row = {.part = 1, .next = world.next};

    (void)link;
    cr_assert_str_eq(topic, "notices");
    note("places ");
    return world.next > 0 ? each(arg, &row) : ERR_OK;
}

enum err order_due_read(struct mysql_link *link, const char *notices_topic, uint32_t grace_ms,
                        struct order_due *ret_due)
{
    (void)link;
    cr_assert_str_eq(notices_topic, "notices");
    cr_assert_eq(grace_ms, GRACE_MS);
    note("now ");
    memset(ret_due, 0, sizeof *ret_due);
    ret_due->now_ms = world.now_ms;
    for (uint32_t i = 0; i < SKUS_MAX; i++) {
        ret_due->orders += world.overdue[i];
        if (world.overdue[i] > 0 && ret_due->group_count < ORDER_DUE_GROUPS_MAX) {
            ret_due->groups[ret_due->group_count++] = (struct order_due_group){
                .sale = {i + 1}, .sku = {.text = "a", .size = 1}, .orders = world.overdue[i]};
        }
    }
    return ERR_OK;
}

enum err order_due_holds(struct mysql_link *link, const char *topic,
                         struct order_due_holds *ret_holds)
{
    (void)link;
    cr_assert_str_eq(topic, "notices");
    note("letters ");
    *ret_holds = world.holds;
    return ERR_OK;
}

enum err mysql_link_transaction(struct mysql_link *link, mysql_link_body_fn *body, void *arg)
{
    return body(link, arg);
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

enum err order_life_close_overdue_in(struct mysql_link *link, const struct order_overdue *overdue,
                                     uint32_t *ret_closed)
{
    uint64_t *left = &world.overdue[overdue->sale.value - 1];

    (void)link;
    cr_assert(overdue->max > 0 && overdue->max <= 128);
    cr_assert_str_eq(overdue->notices_topic, "notices");
    world.closes++;
    world.before_ms = overdue->before_ms;
    quiet.now_us += world.close_us;
    note("close ");
    if (overdue->sale.value == 1 && world.life_err != ERR_OK) {
        return world.life_err;
    }
    *ret_closed = *left < overdue->max ? (uint32_t)*left : overdue->max;
    *left -= *ret_closed;
    return ERR_OK;
}

static struct conf conf;
static struct metrics *metrics;
static struct reaper_options options;
static struct reaper *reaper;

static void begin(void)
{
    memcpy(conf.kafka_brokers, "here", sizeof "here");
    memcpy(conf.kafka_notices_topic, "notices", sizeof "notices");
    conf.worker_reaper_ms = 1000;
    conf.worker_reaper_rate = 250;
    conf.worker_reaper_grace_ms = GRACE_MS;
    metrics = metrics_create();
    options = (struct reaper_options){.conf = &conf, .shard = metrics_shard(metrics)};
    reaper = reaper_create(&options);
    cr_assert(reaper);
    world.now_ms = 10000;
    world.overdue[0] = 3;
}

static void end(void)
{
    reaper_destroy(reaper);
    reaper_destroy(NULL);
    metrics_destroy(metrics);
}

TestSuite(reaper, .init = begin, .fini = end);

static void play_round(void)
{
    world.order[0] = '\0';
    cr_assert_eq(reaper_round(reaper), ERR_OK);
}

static int64_t waits(uint32_t why)
{
    return metrics_value(metrics, METRIC_reaper_waits_total, why);
}

Test(reaper, nothing_is_closed_while_kafka_cannot_tell_where_the_log_ends)
{
    world.ends_err = ERR_UNAVAILABLE;
    play_round();
    play_round();
    cr_assert_eq(world.closes, 0);
    cr_assert_eq(waits(LABEL_REAPER_KAFKA), 2);
    cr_assert_eq(metrics_value(metrics, METRIC_overdue_orders, 0), 3);
    world.ends_err = ERR_OK;
    play_round();
    cr_assert_eq(world.overdue[0], 0);
}

Test(reaper, nothing_is_closed_while_the_consumer_is_behind)
{
    world.end = 8;
    play_round();
    world.next = 7;
    play_round();
    cr_assert_eq(world.closes, 0);
    cr_assert_eq(waits(LABEL_REAPER_CONSUMER), 2);
    world.next = 8;
    play_round();
    cr_assert_eq(world.overdue[0], 0);
    cr_assert_eq(metrics_value(metrics, METRIC_closed_total, LABEL_CLOSED_OVERDUE), 3);
}

Test(reaper, a_log_that_grows_is_waited_for_up_to_where_it_ended)
{
    world.end = 8;
    world.next = 7;
    play_round();
    world.end = 1000; /* of notices that came after the orders were overdue */
    world.next = 500;
    play_round();
    cr_assert_eq(world.ends_reads, 1);
    cr_assert_eq(world.overdue[0], 0);
}

Test(reaper, what_was_overdue_before_the_ends_were_read_is_closed_and_nothing_else)
{
    world.end = 8;
    world.next = 7;
    play_round();
    world.now_ms = 99000;
    world.next = 8;
    play_round();
    cr_assert_eq(world.before_ms, 10000 - GRACE_MS);
}

Test(reaper, now_is_read_before_the_ends_and_the_letters_behind_the_places)
{
    play_round();
    cr_assert_str_eq(world.order, "now places ends places letters close ");
}

static void sleep_an_hour(void)
{
    world.now_ms += 3600000;
    world.end += 100; /* payments that came meanwhile, after the pay windows */
}

Test(reaper, one_that_slept_behind_the_reading_closes_by_the_moment_before_it)
{
    world.on_ends = sleep_an_hour;
    play_round();
    cr_assert_eq(world.before_ms, 10000 - GRACE_MS);
}

Test(reaper, a_place_beyond_the_end_is_of_another_log)
{
    world.end = 3;
    world.next = 9;
    play_round();
    play_round();
    cr_assert_eq(world.closes, 0);
    cr_assert_eq(waits(LABEL_REAPER_LOG), 2);
    world.end = 9;
    play_round();
    cr_assert_eq(world.overdue[0], 0);
}

Test(reaper, a_dead_letter_of_no_known_order_holds_its_sale_or_all)
{
    world.overdue[1] = 2;
    world.holds = (struct order_due_holds){.count = 1, .sales = {{1}}};
    play_round();
    cr_assert(world.overdue[0] == 3 && world.overdue[1] == 0);
    cr_assert_eq(waits(LABEL_REAPER_DEAD_LETTER), 1);
    world.overdue[1] = 2;
    world.holds.holds_all = true;
    play_round();
    cr_assert(world.overdue[0] == 3 && world.overdue[1] == 2);
    world.holds = (struct order_due_holds){.count = 0};
    play_round();
    cr_assert(world.overdue[0] == 0 && world.overdue[1] == 0);
}

Test(reaper, a_backlog_is_closed_at_the_rate_and_no_sku_waits_for_another)
{
    world.overdue[0] = 10000;
    world.overdue[1] = 40;
    play_round();
    cr_assert_eq(world.overdue[1], 0);
    cr_assert_eq(world.overdue[0], 10000 - 210);
    for (int i = 0; i < 10; i++) {
        play_round();
    }
    cr_assert_eq(world.overdue[0], 10000 - 210 - 2500);
}

Test(reaper, one_sku_that_cannot_be_closed_does_not_hold_the_others)
{
    static const enum err errors[] = {ERR_RANGE, ERR_BUSY}; /* of the first sku */

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        world.overdue[1] = 2;
        world.life_err = errors[i];
        play_round();
        cr_assert(world.overdue[0] == 3 && world.overdue[1] == 0);
    }
    world.life_err = ERR_LOST;
    cr_assert_eq(reaper_round(reaper), ERR_LOST, "the session is gone");
}

Test(reaper, one_worker_alone_closes)
{
    world.follows = true;
    play_round();
    cr_assert_eq(world.closes, 0);
    cr_assert_str_eq(world.order, "");
    cr_assert_eq(metrics_value(metrics, METRIC_overdue_orders, 0), 0);
}

Test(reaper, nothing_overdue_needs_no_kafka)
{
    world.overdue[0] = 0;
    play_round();
    cr_assert_str_eq(world.order, "now ");
}

Test(reaper, more_skus_than_one_look_holds_are_closed_in_turn)
{
    conf.worker_reaper_rate = 2000;
    for (uint32_t i = 0; i < SKUS_MAX; i++) {
        world.overdue[i] = 1;
    }
    play_round();
    play_round();
    for (uint32_t i = 0; i < SKUS_MAX; i++) {
        cr_assert_eq(world.overdue[i], 0);
    }
}

Test(reaper, it_runs_until_it_is_stopped)
{
    quiet.sleeps_max = 3;
    reaper_run(reaper);
    cr_assert_eq(quiet.sleeps, 3);
    cr_assert_eq(world.overdue[0], 0);
}

/* A database that closes 100 orders in 300 ms closes 333 a second: the rate of 250 is reached. */
Test(reaper, a_backlog_is_closed_at_the_rate_whatever_a_round_takes)
{
    world.overdue[0] = 10000;
    world.close_us = 300000;
    quiet.sleeps_max = 11;
    reaper_run(reaper);
    cr_assert_eq(10000 - world.overdue[0], 2500);
    cr_assert_leq(quiet.now_us, 11 * 1000000, "%ld us", (long)quiet.now_us);
}

/* One that cannot keep up works on without a pause, and never makes up for what it missed. */
Test(reaper, a_backlog_that_the_database_cannot_keep_up_with_is_closed_as_it_can)
{
    world.overdue[0] = 10000;
    world.close_us = 2000000;
    quiet.sleeps_max = 6;
    reaper_run(reaper);
    cr_assert_eq(10000 - world.overdue[0], 5 * 250);
    cr_assert_eq(quiet.now_us, 1000000 + 5 * 3 * 2000000);
    world.overdue[0] = 10000;
    world.close_us = 0;
    quiet.sleeps = 0;
    quiet.now_us = 0;
    reaper_run(reaper);
    cr_assert_eq(quiet.now_us, 6 * 1000000, "a pause each second again");
}

Test(reaper, an_absent_database_is_told)
{
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(reaper_round(reaper), ERR_UNAVAILABLE);
}
