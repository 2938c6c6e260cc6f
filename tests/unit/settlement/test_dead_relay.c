#include "settlement/dead_relay.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/conf.h"
#include "journal/dead_log.h"
#include "journal/producer_blocking.h"
#include "ledger/dead_store.h"
#include "ledger/leader.h"
#include "ledger/mysql_link.h"
#include "unit/settlement/quiet.h"

/* Fakes of what stands below: LETTERS letters in MySQL, and a topic that works or not. */
enum { LETTERS = 40 };
static struct {
    bool is_leading, topic_works, conf_is_bad;
    bool is_refused[LETTERS + 1]; /* by the topic, for good; with it whatever is in its batch */
    bool is_told[LETTERS + 1];
    uint64_t letters; /* their ids are 1 to this */
    uint64_t put[PRODUCER_BLOCKING_BATCH_MAX];
    size_t put_count, creates, looks;
    enum err counts_err;
} world = {.is_leading = true, .topic_works = true, .letters = 3};

struct producer_blocking {
    int unused;
};
static struct producer_blocking the_producer;

enum err producer_blocking_create(const struct producer_blocking_options *options,
                                  char error[static KAFKA_CONF_ERROR_SIZE],
                                  struct producer_blocking **ret_producer)
{
    cr_assert_str_eq(options->topic, "dead");
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

enum err dead_log_put(struct producer_blocking *producer, const struct dead_log_letter *letter)
{
    cr_assert_eq(producer, &the_producer);
    world.put[world.put_count++] = letter->id;
    return ERR_OK;
}

size_t producer_blocking_wait(
    struct producer_blocking *producer, uint32_t timeout_ms,
    struct producer_report ret_reports[static PRODUCER_BLOCKING_BATCH_MAX])
{
    const size_t count = world.topic_works ? world.put_count : 0;
    enum err status = ERR_OK;

    (void)producer;
    (void)timeout_ms;
    for (size_t i = 0; i < count; i++) {
        status = world.is_refused[world.put[i]] ? ERR_RANGE : status;
    }
    for (size_t i = 0; i < count; i++) {
        ret_reports[i] = (struct producer_report){.id = world.put[i], .status = status};
    }
    world.put_count = 0;
    return count;
}

const char *producer_blocking_trouble(const struct producer_blocking *producer)
{
    (void)producer;
    return "topic-text";
}

static uint64_t told_count(void)
{
    uint64_t count = 0;

    for (uint64_t id = 1; id <= world.letters; id++) {
        count += world.is_told[id];
    }
    return count;
}

enum err dead_store_counts(struct mysql_link *link, struct dead_counts *ret_counts)
{
    (void)link;
    *ret_counts =
        (struct dead_counts){.open = world.letters, .unpublished = world.letters - told_count()};
    return world.counts_err;
}

enum err dead_store_unpublished(struct mysql_link *link, uint64_t after, uint32_t payload_max,
                                uint32_t limit, dead_letter_fn *each, void *arg)
{
    (void)link;
    cr_assert(payload_max <= DEAD_LOG_VALUE_MAX && limit <= PRODUCER_BLOCKING_BATCH_MAX);
    world.looks++;
    for (uint64_t id = after + 1; id <= world.letters && limit > 0; id++) {
        const struct dead_letter letter = {.id = id, .topic = "orders", .payload = ""};
        if (!world.is_told[id]) {
            limit--;
            cr_assert_eq(each(arg, &letter), ERR_OK);
        }
    }
    return ERR_OK;
}

enum err dead_store_mark_published(struct mysql_link *link, const uint64_t *ids, size_t count)
{
    (void)link;
    for (size_t i = 0; i < count; i++) {
        world.is_told[ids[i]] = true;
    }
    return ERR_OK;
}

const char *dead_reason_name(enum dead_reason reason)
{
    (void)reason;
    return "unreadable";
}

enum err leader_try(struct mysql_link *link, const char *name, bool *ret_leading)
{
    (void)link;
    cr_assert_str_eq(name, "dead");
    *ret_leading = world.is_leading;
    return ERR_OK;
}

void mysql_link_drop(struct mysql_link *link)
{
    (void)link;
}

static struct conf conf;
static struct dead_relay *relay;

static void begin(void)
{
    const struct dead_relay_options options = {.conf = &conf};

    memcpy(conf.kafka_dead_topic, "dead", sizeof "dead");
    relay = dead_relay_create(&options);
    cr_assert(relay);
}

static void end(void)
{
    dead_relay_destroy(relay);
    dead_relay_destroy(NULL);
}

TestSuite(dead_relay, .init = begin, .fini = end);

Test(dead_relay, letters_that_the_topic_does_not_take_are_told_again)
{
    world.topic_works = false;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(dead_relay_round(relay), ERR_OK);
        cr_assert_eq(told_count(), 0);
    }
    cr_assert_eq(world.looks, 3);
    world.topic_works = true;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert_eq(told_count(), 3);
    cr_assert_eq(world.creates, 1);
}

Test(dead_relay, letters_that_are_refused_for_good_keep_no_other_back)
{
    world.letters = LETTERS;
    for (uint64_t id = 1; id <= 16; id++) {
        world.is_refused[id] = true;
    }
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert_eq(told_count(), LETTERS - 16);
    for (uint64_t id = 1; id <= 16; id++) {
        cr_assert(!world.is_told[id]);
    }
}

Test(dead_relay, refused_letters_are_tried_again_after_a_minute)
{
    world.is_refused[2] = true;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.is_told[1] && !world.is_told[2] && world.is_told[3]);
    world.is_refused[2] = false; /* the topic's settings were changed */
    quiet.now_us += 30 * INT64_C(1000000);
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(!world.is_told[2]);
    quiet.now_us += 31 * INT64_C(1000000);
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.is_told[2]);
}

Test(dead_relay, one_worker_alone_tells)
{
    world.is_leading = false;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.looks == 0 && world.creates == 0);
}

Test(dead_relay, nothing_to_tell_needs_no_kafka)
{
    world.letters = 0;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.looks == 0 && world.creates == 0);
}

Test(dead_relay, bad_settings_and_an_absent_database_wait)
{
    world.conf_is_bad = true;
    cr_assert_eq(dead_relay_round(relay), ERR_OK);
    cr_assert(world.creates == 1 && world.looks == 0);
    world.counts_err = ERR_UNAVAILABLE;
    cr_assert_eq(dead_relay_round(relay), ERR_UNAVAILABLE);
}

Test(dead_relay, it_runs_until_it_is_stopped)
{
    quiet.sleeps_max = 3;
    dead_relay_run(relay);
    cr_assert_eq(told_count(), 3);
}
