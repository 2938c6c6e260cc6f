#include "settlement/event_relay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "journal/producer_blocking.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "ledger/outbox_store.h"
#include "unit/settlement/quiet.h"

/* Fakes of what stands below: events in MySQL, by id from 1, and a topic. */
enum { EVENTS_MAX = 1600, TOLD_MAX = 2000 };
static struct {
    uint64_t order[EVENTS_MAX + 1]; /* whose it is, by id */
    bool is_marked[EVENTS_MAX + 1];
    uint64_t count;
    bool is_leading, conf_is_bad, topic_works;
    uint64_t refused; /* the topic takes no batch with this one */
    uint64_t lost;    /* its report is a failure */
    uint64_t broken;  /* its order's row cannot be read */
    uint64_t lost_to; /* and so are those of all up to here, but of the last one of each page */
    int64_t wait_us;  /* that the reports of a page take */
    enum err counts_err, mark_err;
    uint64_t put[PRODUCER_BLOCKING_BATCH_MAX];
    size_t put_count;
    uint64_t told[TOLD_MAX]; /* as the topic has them */
    size_t told_count, waits, creates, forgets;
    int64_t oldest_age_ms;
} world = {.is_leading = true, .topic_works = true};

struct producer_blocking {
    int unused;
};
static struct producer_blocking the_producer;

enum err producer_blocking_create(const struct producer_blocking_options *options,
                                  char error[static KAFKA_CONF_ERROR_SIZE],
                                  struct producer_blocking **ret_producer)
{
    cr_assert_str_eq(options->topic, "events");
    world.creates++;
    if (world.conf_is_bad) {
        memcpy(error, "bad", sizeof "bad");
        return ERR_CONFIG;
    }
    *ret_producer = &the_producer;
    return ERR_OK;
}

void producer_blocking_destroy(struct producer_blocking *producer)
{
    cr_assert(producer == NULL || producer == &the_producer);
}

enum err producer_blocking_put(struct producer_blocking *producer,
                               const struct producer_record *record)
{
    cr_assert_eq(producer, &the_producer);
    cr_assert(record->key_size > 0 && record->value_size > 0 && record->header_count == 1);
    cr_assert_str_eq(record->headers[0].name, "content-type");
    cr_assert_str_eq(record->headers[0].value, "application/cloudevents+json");
    for (size_t i = 0; i < world.put_count; i++) {
        cr_assert_neq(world.order[world.put[i]], world.order[record->id],
                      "two of one order under way");
    }
    world.put[world.put_count++] = record->id;
    return ERR_OK;
}

static bool is_put(uint64_t id)
{
    bool found = false;

    for (size_t i = 0; i < world.put_count; i++) {
        found = found || world.put[i] == id;
    }
    return found;
}

static bool is_lost(uint64_t id)
{
    return id == world.lost || (id <= world.lost_to && id % PRODUCER_BLOCKING_BATCH_MAX != 0);
}

size_t producer_blocking_wait(
    struct producer_blocking *producer, uint32_t timeout_ms,
    struct producer_report ret_reports[static PRODUCER_BLOCKING_BATCH_MAX])
{
    const bool is_refused = world.refused != 0 && is_put(world.refused);
    size_t count = 0;

    (void)producer;
    (void)timeout_ms;
    world.waits++;
    quiet.now_us += world.wait_us;
    for (size_t i = 0; i < world.put_count && world.topic_works; i++) {
        enum err status = is_refused ? ERR_RANGE : ERR_OK;
        status = is_lost(world.put[i]) ? ERR_LOST : status;
        if (status == ERR_OK) {
            world.told[world.told_count++] = world.put[i];
        }
        ret_reports[count++] = (struct producer_report){.id = world.put[i], .status = status};
    }
    world.put_count = 0;
    return count;
}

const char *producer_blocking_trouble(const struct producer_blocking *producer)
{
    (void)producer;
    return "topic-text";
}

static struct shop_event event_of(uint64_t id)
{
    return (struct shop_event){.id = id,
                               .verb = world.order[id] > 100 ? "order.paid" : "sale.sold_out",
                               .sale = {7},
                               .order_no = {world.order[id] > 100 ? world.order[id] : 0},
                               .reason = "",
                               .is_broken = id == world.broken};
}

enum err outbox_store_events(struct mysql_link *link, uint64_t after, uint32_t limit,
                             outbox_event_fn *each, void *arg)
{
    enum err err = ERR_OK;

    (void)link;
    for (uint64_t id = after + 1; id <= world.count && limit > 0 && err == ERR_OK; id++) {
        const struct shop_event event = event_of(id);
        if (!world.is_marked[id]) {
            limit--;
            err = each(arg, &event);
        }
    }
    return err;
}

enum err outbox_store_mark_told(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    (void)link;
    for (size_t i = 0; i < count && world.mark_err == ERR_OK; i++) {
        world.is_marked[ids[i]] = true;
    }
    return world.mark_err;
}

static uint64_t pending_count(void)
{
    uint64_t count = 0;

    for (uint64_t id = 1; id <= world.count; id++) {
        count += !world.is_marked[id];
    }
    return count;
}

enum err outbox_store_event_counts(struct mysql_link *link, struct outbox_event_counts *ret_counts)
{
    (void)link;
    *ret_counts = (struct outbox_event_counts){.pending = pending_count(),
                                               .oldest_age_ms = world.oldest_age_ms};
    return world.counts_err;
}

enum err outbox_store_forget(struct mysql_link *link, uint32_t days, uint32_t limit,
                             uint64_t *ret_count)
{
    (void)link;
    cr_assert(days == 7 && limit > 0);
    world.forgets++;
    *ret_count = 0;
    return ERR_OK;
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    (void)link;
    cr_assert_str_eq(name, "events");
    *ret_leading = world.is_leading;
    return ERR_OK;
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

static struct conf conf;
static struct event_relay *relay;

static void begin(void)
{
    const struct event_relay_options options = {.conf = &conf};

    memcpy(conf.kafka_events_topic, "events", sizeof "events");
    conf.worker_relay_ms = 100;
    conf.worker_outbox_keep_days = 7;
    relay = event_relay_create(&options);
    cr_assert(relay);
}

static void end(void)
{
    event_relay_destroy(relay);
    event_relay_destroy(NULL);
}

TestSuite(event_relay, .init = begin, .fini = end);

/* Event `count + 1`: of an order, by a letter; below 'a': of a sale. */
static void add(const char *orders)
{
    for (; *orders != '\0'; orders++) {
        world.order[++world.count] = (uint64_t)(unsigned char)*orders + (*orders >= 'a' ? 1000 : 0);
    }
}

static void rounds(int count)
{
    for (int i = 0; i < count; i++) {
        cr_assert_eq(event_relay_round(relay), ERR_OK);
        quiet.now_us += 100000;
    }
}

static void pass_seconds(int64_t seconds)
{
    quiet.now_us += seconds * INT64_C(1000000);
}

/* The topic has these ids, in this order. */
static void assert_told(const char *expected)
{
    char text[4 * TOLD_MAX] = "";
    size_t size = 0;

    for (size_t i = 0; i < world.told_count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%d", i > 0 ? " " : "",
                                 (int)world.told[i]);
    }
    cr_assert_str_eq(text, expected);
}

Test(event_relay, events_of_an_order_go_one_behind_the_other)
{
    add("aba7b7");
    rounds(1);
    assert_told("1 2 4");
    rounds(1);
    assert_told("1 2 4 3 5 6");
    cr_assert_eq(pending_count(), 0);
    cr_assert_eq(world.creates, 1);
}

Test(event_relay, one_that_cannot_be_read_keeps_back_its_own_order_alone)
{
    add("abaca");
    world.broken = 3;
    rounds(2);
    assert_told("1 2 4");
    cr_assert_eq(pending_count(), 2, "and what came behind it of its order");
    world.broken = 0; /* somebody has mended the row */
    pass_seconds(16);
    rounds(2);
    assert_told("1 2 4 3 5");
}

Test(event_relay, a_topic_that_is_away_loses_nothing)
{
    add("abc");
    world.topic_works = false;
    for (int i = 0; i < 5; i++) {
        rounds(1);
        pass_seconds(6);
    }
    cr_assert_eq(pending_count(), 3);
    world.topic_works = true;
    rounds(1);
    assert_told("1 2 3");
}

Test(event_relay, what_was_not_marked_is_told_again)
{
    add("ab");
    world.mark_err = ERR_LOST;
    cr_assert_eq(event_relay_round(relay), ERR_LOST);
    world.mark_err = ERR_OK;
    rounds(1);
    assert_told("1 2 1 2");
    cr_assert_eq(pending_count(), 0);
}

Test(event_relay, a_lost_event_holds_back_those_of_its_order_alone)
{
    add("abab");
    world.lost = 1;
    rounds(2);
    assert_told("2 4");
    world.lost = 0;
    rounds(1);
    assert_told("2 4");
    pass_seconds(1);
    rounds(2);
    assert_told("2 4 1 3");
}

Test(event_relay, one_that_is_refused_for_good_holds_back_its_order_alone)
{
    add("abcab");
    world.refused = 1;
    rounds(3);
    assert_told("2 3 5");
    pass_seconds(10);
    add("ac");
    rounds(2);
    assert_told("2 3 5 7");
    cr_assert_eq(pending_count(), 3);
    world.refused = 0; /* the topic's settings were changed */
    pass_seconds(5);
    rounds(3);
    assert_told("2 3 5 7 1 4 6");
}

Test(event_relay, refused_events_fill_no_page)
{
    world.count = 300; /* all of one order, whose first one is refused: a page is shorter */
    for (uint64_t id = 1; id <= world.count; id++) {
        world.order[id] = 1000;
    }
    world.refused = 1;
    add("ab");
    rounds(2);
    assert_told("301 302");
}

/* Of an order each. */
static void add_many(uint64_t count)
{
    world.count = count;
    for (uint64_t id = 1; id <= world.count; id++) {
        world.order[id] = 1000 + id;
    }
}

Test(event_relay, more_than_a_page_goes_in_one_round)
{
    add_many(EVENTS_MAX);
    rounds(1);
    cr_assert(pending_count() == 0 && world.told_count == EVENTS_MAX);
    for (uint64_t id = 1; id <= world.count; id++) {
        cr_assert_eq(world.told[id - 1], id);
    }
}

static void assert_order_is_kept(uint64_t first, uint64_t second)
{
    uint64_t last = 0;

    for (size_t i = 0; i < world.told_count; i++) {
        const uint64_t id = world.told[i];
        cr_assert(id != second || last == first, "%d was told before %d", (int)second, (int)first);
        last = id == first ? first : last;
    }
    cr_assert_eq(pending_count(), 0);
}

Test(event_relay, a_page_that_takes_long_lets_no_later_event_pass_a_lost_one)
{
    add_many(600); /* three pages */
    world.order[600] = world.order[1];
    world.lost = 1;
    world.wait_us = 2000000;
    rounds(1);
    world.lost = 0;
    rounds(3);
    assert_order_is_kept(1, 600);
}

Test(event_relay, more_lost_events_than_can_be_held_let_no_later_event_pass)
{
    add_many(EVENTS_MAX);
    world.order[1282] = world.order[1100]; /* behind the page that fills the holds */
    world.lost_to = 1024;
    rounds(1);
    world.lost_to = 0;
    pass_seconds(1);
    rounds(3);
    assert_order_is_kept(1100, 1282);
}

Test(event_relay, one_worker_alone_tells)
{
    add("ab");
    world.is_leading = false;
    rounds(3);
    cr_assert(world.told_count == 0 && world.creates == 0 && world.forgets == 0);
}

Test(event_relay, old_rows_are_forgotten_once_a_second)
{
    rounds(20); /* of 100 ms */
    cr_assert_eq(world.forgets, 2);
}

Test(event_relay, nothing_to_tell_needs_no_kafka)
{
    rounds(3);
    cr_assert(world.creates == 0 && world.waits == 0);
}

Test(event_relay, bad_settings_and_an_absent_database_wait)
{
    add("ab");
    world.conf_is_bad = true;
    rounds(1);
    cr_assert(world.creates > 0 && world.waits == 0);
    world.counts_err = ERR_UNAVAILABLE;
    pass_seconds(1);
    cr_assert_eq(event_relay_round(relay), ERR_UNAVAILABLE);
}

Test(event_relay, readiness_names_events_that_wait_for_long)
{
    char why[EVENT_RELAY_TEXT_SIZE];

    add("ab");
    world.topic_works = false;
    world.oldest_age_ms = 9999;
    rounds(1);
    cr_assert(!event_relay_look(relay, why));
    world.oldest_age_ms = 12000;
    pass_seconds(1);
    rounds(1);
    cr_assert(event_relay_look(relay, why));
    cr_assert_str_eq(why, "2 events wait for the topic, the oldest for 12 s; refused for good: 0; "
                          "topic-text");
    world.topic_works = true;
    world.oldest_age_ms = 0;
    pass_seconds(1);
    rounds(1);
    cr_assert(!event_relay_look(relay, why));
}

Test(event_relay, it_runs_until_it_is_stopped)
{
    add("aab");
    quiet.sleeps_max = 4;
    event_relay_run(relay);
    assert_told("1 3 2");
}
